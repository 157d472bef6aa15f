"""Completions in the shells themselves: bash, zsh and fish, each asked what it offers for a line."""

import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from command_tree import commands, options
from common import BINARY, run

for shell in ("bash", "zsh", "fish"):
    if shutil.which(shell) is None:
        sys.exit(f"missing {shell}: apt-get install {shell}")

# Prints what each line of standard input may go on with. compopt() works only within a completion
# that readline asked for; here it says what it was asked for.
BASH = r"""
source "$1"
compopt() { printf '(%s)\n' "$2"; }
while IFS= read -r line; do
  COMP_LINE=$line COMP_POINT=${#line}
  _clip_cli
  printf '%s\n' "${COMPREPLY[@]}" END
done
"""

# An interactive zsh on a terminal of its own, asked by presses of Tab.
ZSH = r"""
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "source ${(q)1}"
local text
zpty -r shell text '*READY*'
while IFS= read -r line; do
  zpty -n -w shell $'\C-u'"$line"$'\t'
  zpty -r shell text '*=DONE=*'
  print -r -- "$text"
  print END
done
"""

# Run in that shell. compadd is what every completion ends in: it is asked which of its words match,
# and these are printed instead of being offered.
ZSH_SETUP = r"""
stty -echo
PROMPT=
fpath=(FOLDER $fpath)
autoload -Uz compinit
compinit -D -u
setopt no_beep
bindkey -e
bindkey '^I' complete-word
zstyle ':completion:*' insert-tab false
compadd() {
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
    builtin compadd "$@"
    return
  fi
  local -a __hits
  builtin compadd -A __hits "$@"
  print -rl -- "<"${^__hits}">"
}
finish() {
  print -r -- "=DO""NE="
  comppostfuncs=(finish)
}
comppostfuncs=(finish)
print "REA""DY"
"""


def words(lines):
    """What shells print for each line, up to END."""
    answers, answer = [], []
    for line in lines:
        if line == "END":
            answers.append(answer)
            answer = []
        elif line:
            answer.append(line)
    return answers


class Completions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        (cls.folder / "bin").mkdir()
        (cls.folder / "bin/clip-cli").symlink_to(BINARY)
        (cls.folder / "home").mkdir()
        for shell, name in (("bash", "clip-cli"), ("zsh", "_clip-cli"), ("fish", "clip-cli.fish")):
            done = run("completions", shell)
            assert (done.returncode, done.stderr) == (0, "")
            (cls.folder / name).write_text(done.stdout)
        (cls.folder / "setup.zsh").write_text(ZSH_SETUP.replace("FOLDER", str(cls.folder)))
        (cls.folder / "photos").mkdir()
        (cls.folder / "photos/a cat.png").write_text("")
        (cls.folder / "labels.txt").write_text("")
        cls.environment = {**os.environ, "PATH": f"{cls.folder}/bin:{os.environ['PATH']}",
                           "HOME": str(cls.folder / "home"), "TERM": "dumb", "LC_ALL": "C.UTF-8",
                           "CLIP_CACHE": str(cls.folder)}

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def shell(self, *command, stdin):
        done = subprocess.run(command, cwd=self.folder, env=self.environment, text=True,
                              input=stdin, capture_output=True, timeout=120, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), command)
        return done.stdout

    def bash(self, *lines):
        return words(self.shell("bash", "--norc", "-c", BASH, "bash", self.folder / "clip-cli",
                                stdin="".join(f"{line}\n" for line in lines)).splitlines())

    def fish(self, *lines):
        script = f"source {self.folder}/clip-cli.fish\n"
        for line in lines:
            script += f"complete -C {shlex.quote(line)}\necho END\n"
        output = self.shell("fish", "--no-config", "-c", script, stdin="")
        return [[word.split("\t")[0] for word in answer] for answer in words(output.splitlines())]

    def zsh(self, *lines):
        text = self.shell("zsh", "-f", "-c", ZSH, "zsh", self.folder / "setup.zsh",
                          stdin="".join(f"{line}\n" for line in lines))
        answers = re.split(r"(?m)^END$", text.replace("\r", ""))[:-1]
        return [list(dict.fromkeys(re.findall(r"<([^<>]*)>", answer))) for answer in answers]

    def test_commands(self):
        top = sorted(command[0] for command in commands() if len(command) == 1)
        models = sorted(command[1] for command in commands() if command[:1] == ["models"] and
                        len(command) == 2)
        for shell in (self.bash, self.zsh, self.fish):
            with self.subTest(shell=shell.__name__):
                every, some, below, one = shell("clip-cli ", "clip-cli s", "clip-cli models ",
                                                "clip-cli probe tr")
                self.assertEqual(sorted(every), top)
                self.assertEqual(sorted(some), ["score", "search"])
                self.assertEqual(sorted(below), models)
                self.assertEqual(one, ["train"])

    def test_every_option_of_every_command(self):
        wanted = {" ".join(command): {name for name in options(command) if name.startswith("--")}
                  for command in commands()}
        for shell in (self.bash, self.zsh, self.fish):
            with self.subTest(shell=shell.__name__):
                answers = shell(*(f"clip-cli {command} --".replace("  ", " ") for command in wanted))
                self.assertEqual(len(answers), len(wanted))
                for command, answer in zip(wanted, answers):
                    # zsh has an equals sign behind those that take a value.
                    self.assertEqual({word.rstrip("=") for word in answer}, wanted[command], command)

    def test_choices(self):
        for shell in (self.bash, self.zsh, self.fish):
            with self.subTest(shell=shell.__name__):
                engines, precision, joined, some, keep, shells = shell(
                    "clip-cli score --engine ", "clip-cli embed a.jpg --precision b",
                    "clip-cli classify --by=", "clip-cli evaluate photos --color n",
                    "clip-cli duplicates --keep ", "clip-cli completions ")
                self.assertEqual(sorted(engines), ["auto", "libtorch", "native", "torchscript"])
                self.assertEqual(precision, ["bf16"])
                self.assertEqual(sorted(word.replace("--by=", "") for word in joined),
                                 ["copy", "link", "move"])
                self.assertEqual(some, ["never"])
                self.assertEqual(sorted(keep), ["first", "largest", "oldest"])
                self.assertEqual(sorted(shells), ["bash", "fish", "zsh"])

    def test_names_of_models_and_sets_come_from_the_program(self):
        for shell in (self.bash, self.zsh, self.fish):
            with self.subTest(shell=shell.__name__):
                model, short, pull, labels, templates = shell(
                    "clip-cli score --model ViT-B/", "clip-cli search -m dem",
                    "clip-cli models pull RN50x", "clip-cli classify photos --label-set cifar",
                    "clip-cli evaluate photos --template-set openai_im")
                self.assertLessEqual({"ViT-B/32", "ViT-B/16"}, set(model))
                self.assertIn("demo", short)
                self.assertLessEqual({"RN50x4", "RN50x16", "RN50x64"}, set(pull))
                self.assertEqual(sorted(labels), ["cifar10", "cifar100"])
                self.assertIn("openai_imagenet", templates)

    def test_files_and_folders(self):
        answers = self.bash("clip-cli classify photos --labels-file l", "clip-cli score p",
                            "clip-cli search --in ", "clip-cli score --model nosuch",
                            "clip-cli score --threads ", "clip-cli tokenize a")
        self.assertEqual(answers, [["(default)"], ["(default)"], ["(dirnames)"], ["(default)"], [], []])
        for shell in (self.zsh, self.fish):
            with self.subTest(shell=shell.__name__):
                file, image, folder = shell("clip-cli classify photos --labels-file l",
                                            "clip-cli score photo", "clip-cli search --in ph")
                self.assertIn("labels.txt", file)
                self.assertEqual([word.rstrip("/") for word in image], ["photos"])
                self.assertEqual([word.rstrip("/") for word in folder], ["photos"])

    def test_behind_two_dashes_there_are_no_options(self):
        for shell in (self.bash, self.zsh):
            with self.subTest(shell=shell.__name__):
                self.assertEqual(shell("clip-cli score -- --mod")[0][:1],
                                 ["(default)"] if shell == self.bash else [])

    def test_a_person_at_bash_presses_tab(self):
        """Through a terminal, where readline itself puts names in."""
        with tempfile.NamedTemporaryFile("w", suffix=".rc") as rc:
            rc.write(f"source {self.folder}/clip-cli; PS1='> '; bind 'set bell-style none'\n"
                     "bind 'set enable-bracketed-paste off'\nbind 'set show-all-if-ambiguous on'\n")
            rc.flush()
            process, terminal = pty.fork()
            if process == 0:
                os.chdir(self.folder)
                os.execvpe("bash", ["bash", "--noprofile", "--rcfile", rc.name, "-i"],
                           self.environment)
            seen = b""

            def expect(text, seconds=60):
                nonlocal seen
                end = time.monotonic() + seconds
                while text not in seen:
                    if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
                        self.fail(f"{text} does not come: {seen}")
                    seen += os.read(terminal, 4096)
                seen = seen.split(text, 1)[1]

            try:
                expect(b"> ")
                for typed, made in ((b"clip-cli cla\t", b"classify "), (b"pho\t", b"photos/"),
                                    (b" --labels-file lab\t", b"els.txt "),
                                    (b"--engine to\t", b"rchscript "),
                                    (b"--model ViT-L/14@\t", b"336px "),
                                    (b"photos/a\t", b"\\ cat.png ")):
                    os.write(terminal, typed)
                    expect(made)
                os.write(terminal, b"\x15exit\n")
            finally:
                os.close(terminal)
                os.waitpid(process, 0)

    def test_a_broken_configuration_file_does_not_disturb(self):
        (self.folder / "bad.toml").write_text("nonsense")
        done = run("completions", "--words", "label-sets",
                   environment={"CLIP_CONFIG": str(self.folder / "bad.toml")})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("imagenet\n", done.stdout)

    def test_what_is_asked_wrongly(self):
        for arguments in ([], ["tcsh"], ["--words", "nonsense"]):
            done = run("completions", *arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""))


if __name__ == "__main__":
    unittest.main()
