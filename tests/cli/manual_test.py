"""Manual pages: every option is in them, and the programs that read them have nothing to say."""

import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from command_tree import commands, options
from common import ROOT, run

for program, package in (("man", "man-db"), ("groff", "groff"), ("mandoc", "mandoc")):
    if shutil.which(program) is None:
        sys.exit(f"missing {program}: apt-get install {package}")


def read(page):
    """The page as people see it, without the overstrikes of bold letters."""
    done = subprocess.run(["man", "--warnings", "-l", page], capture_output=True, text=True, check=False,
                          env={"MANWIDTH": "100", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin",
                               "MANROFFOPT": ""})
    return re.sub(".\b", "", done.stdout), done.stderr, done.returncode


class Manual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name) / "share"
        done = run("manual", "--install-into", cls.folder)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done.stderr
        cls.pages = cls.folder / "man/man1"
        cls.commands = list(commands())

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def page(self, command):
        return self.pages / ("-".join(["clip-cli", *command]) + ".1")

    def test_there_is_a_page_for_every_command_and_no_other(self):
        self.assertGreater(len(self.commands), 24)
        self.assertEqual(sorted(self.page(command) for command in self.commands),
                         sorted(self.pages.iterdir()))
        for place in ("bash-completion/completions/clip-cli", "zsh/site-functions/_clip-cli",
                      "fish/vendor_completions.d/clip-cli.fish"):
            self.assertTrue((self.folder / place).is_file(), place)

    def test_every_option_is_in_its_page_as_people_read_it(self):
        for command in self.commands:
            text, errors, code = read(self.page(command))
            self.assertEqual((errors, code), ("", 0), command)
            names = options(command)
            self.assertIn("--help", names)
            for name in names:
                self.assertRegex(text, rf"(?m)^ +(-\w, )?(--[\w-]+, )?{re.escape(name)}\b", command)
            for heading in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "EXIT STATUS",
                            "SEE ALSO"):
                self.assertRegex(text, rf"(?m)^{heading}$", command)
            # Nothing of roff is left, nor a hyphen that is none when it is copied.
            self.assertNotRegex(text, r"\\f[BIR]|\\-|\u2010|\u2212")

    def test_every_option_of_the_sources_is_in_some_page(self):
        """By another way than the program's own: the strings that options are made with."""
        pages = "".join(page.read_text().replace("\\-", "-") for page in self.pages.iterdir())
        named = set()
        for source in (ROOT / "app").rglob("*.cpp"):
            for call in re.findall(
                    r'(?:add_option|add_flag|add_option_function<[^(]*>|add_flag_function|'
                    r'add_flag_callback|add)\(\s*"(-[^"]*)",(?![^;]*group\(""\))',
                    source.read_text()):
                named.update(name.strip("!").split("{")[0] for name in call.split(","))
        self.assertGreater(len(named), 90)
        missing = {name for name in named if not re.search(rf"{re.escape(name)}\b", pages)}
        self.assertEqual(missing, set())

    def test_mandoc_finds_no_fault(self):
        done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", *sorted(self.pages.iterdir())],
                              capture_output=True, text=True, check=False)
        # Pages have no date of their own, so that the same sources make the same pages.
        faults = [line for line in done.stdout.splitlines() if "missing date" not in line]
        self.assertEqual(faults, [])

    def test_a_page_is_printed_by_its_command(self):
        for words in ([], ["score"], ["models", "pull"]):
            done = run("manual", *words)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(done.stdout, self.page(words).read_text())
        for words in (["nonesuch"], ["models", "nonesuch"], ["score", "pull"]):
            done = run("manual", *words)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(words[-1], done.stderr)

    def test_the_same_sources_make_the_same_pages(self):
        again = self.folder.parent / "again"
        run("manual", "--install-into", again)
        done = subprocess.run(["diff", "-r", self.folder, again], capture_output=True, text=True,
                              check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_a_folder_that_cannot_be_made_is_an_error(self):
        file = self.folder.parent / "file"
        file.write_text("")
        done = run("manual", "--install-into", file)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn(str(file), done.stderr)


if __name__ == "__main__":
    unittest.main()
