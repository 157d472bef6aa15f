"""Exit codes, streams, and help."""

import os
import re
import shlex
import shutil
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

from command_tree import commands
from common import BINARY, MODELS, photographs, run
from images import draw

COMMANDS = list(commands())
# Examples that need the network, a file that only OpenAI has, or an index or a database that is there
# before; other tests cover the commands.
NOT_HERE = ("models pull", "models verify", "--image CLIP.png", "--database", "--import", "--status",
            "config --init")


class Usage(unittest.TestCase):
    def test_bad_usage_is_2_and_says_so_on_stderr_alone(self):
        for arguments in ([], ["nonsense"], ["score"], ["score", "--nonsense"], ["models"],
                          ["models", "inspect"], ["score", "--threads", "0", "a", "b"],
                          ["score", "--threads", "many", "a", "b"],
                          ["score", "--max-pixels", "-1", "a", "b"], ["tokenize", "--json"],
                          ["score", "--image", "a.jpg"], ["score", "only-an-image.jpg"],
                          ["score", "--images", "-", "--texts", "-"], ["classify"],
                          ["evaluate"], ["models", "pull"], ["models", "remove", "nonesuch"],
                          ["models", "list", "too", "many"], ["batch", "a", "b"]):
            done = run(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertEqual(done.stdout, "", arguments)
            self.assertTrue(done.stderr.startswith("clip-cli: "), done.stderr)

    def test_misspelt_commands_and_options_get_a_suggestion(self):
        for arguments, wrong, meant in (
                (["scor"], "'scor'", "score"), (["clasify", "a.jpg"], "'clasify'", "classify"),
                (["scroe"], "'scroe'", "score"), (["score", "--modle=a"], "--modle", "--model"),
                (["models", "lst"], "'lst'", "list"), (["models", "inpsect", "a"], "'inpsect'",
                                                       "inspect"),
                (["score", "--jsn", "a.jpg", "a cat"], "--jsn", "--json"),
                (["classify", "--lables", "cat", "a.jpg"], "--lables", "--labels"),
                (["models", "list", "--jso"], "--jso", "--json")):
            done = run(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertTrue(done.stderr.startswith("clip-cli: "), done.stderr)
            self.assertIn(wrong, done.stderr)
            self.assertIn(f"did you mean {meant}?", done.stderr)
            self.assertIn("--help", done.stderr)

    def test_far_fetched_options_get_no_suggestion(self):
        done = run("score", "--nothing-like-it", "a.jpg", "a cat")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertNotIn("did you mean", done.stderr)

    def test_every_command_has_json(self):
        for command in COMMANDS:
            # batch speaks nothing else, and two print what is no result.
            if command not in ([], ["models"], ["probe"], ["batch"], ["manual"], ["completions"]):
                self.assertRegex(run(*command, "--help").stdout, r"\n +--json\b", command)

    def test_help_has_a_line_for_each_option(self):
        """On a terminal of 100 columns; a name that is long has a line of its own."""
        for command in COMMANDS:
            text = run(*command, "--help").stdout
            lines = text.splitlines()
            for number, line in enumerate(lines):
                if not line.startswith(("  clip-cli ", "  {", "  cat ", "  echo ")):
                    self.assertLessEqual(len(line), 100, f"{command}: {line}")
                if re.match("  +-", line):
                    name, *words = re.split("  +", line.strip(), maxsplit=1)
                    self.assertRegex((words or [lines[number + 1].strip()])[0], r"^\S+ \S+", name)
            self.assertIn("-h, --help", text)

    def test_help_goes_to_stdout(self):
        for command in COMMANDS:
            done = run(*command, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertEqual(done.stderr, "")
            self.assertRegex(done.stdout, r"Examples?:\n  clip-cli ", command)

    def test_the_examples_in_help_work(self):
        """In a folder where the names that they use stand for something."""
        tried = 0
        for command in COMMANDS:
            text = run(*command, "--help").stdout
            for example in re.search(r"Examples?:\n((?:  clip-cli.*\n)+)", text).group(1).splitlines():
                if any(words in example for words in NOT_HERE):
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    self.furnish(Path(folder))
                    done = subprocess.run(
                        ["bash", "-c", example], cwd=folder, capture_output=True, text=True,
                        check=False, env={**os.environ, "CLIP_CACHE": folder, "CLIP_MODEL": "",
                                          "XDG_DATA_HOME": folder,
                                          "PATH": f"{folder}/bin:{os.environ['PATH']}"})
                    self.assertEqual(done.returncode, 0, f"{example}\n{done.stderr}")
                tried += 1
        self.assertGreaterEqual(tried, 12)

    @staticmethod
    def furnish(folder):
        (folder / "bin").mkdir()
        (folder / "bin/clip-cli").symlink_to(BINARY)
        for model in ("ViT-B-32.pt", "RN50x64.pt"):
            shutil.copy(MODELS / "published-tiny.pt", folder / model)
        for image in ("image.jpg", "holiday.jpg"):
            shutil.copy(photographs()[1], folder / image)
        for place in ("photos", "imagenet/val/cat", "imagenet/val/dog", "pets/train/cat",
                      "pets/train/dog"):
            (folder / place).mkdir(parents=True)
            draw(folder / place / "image.png", 1)
            draw(folder / place / "other.png", 2)
        (folder / "shards").mkdir()
        with tarfile.open(folder / "shards/0.tar", "w") as archive:
            archive.add(folder / "photos/image.png", "image.png")
        (folder / "captions.csv").write_text("image,caption\nphotos/image.png,a cat\n"
                                             "image.jpg,a dog\n")
        (folder / "labels.txt").write_text("cat\ndog\n")
        (folder / "names.tsv").write_text("cat\tcat\ndog\tdog\n")
        (folder / "jobs.jsonl").write_text('{"op": "embed", "text": "a cat"}\n')

    def test_version(self):
        for option in ("--version", "-V"):
            self.assertRegex(run(option).stdout, r"\Aclip-cli \d+\.\d+\.\d+\n\Z")

    def test_help_as_a_command_and_general_options_in_front(self):
        self.assertEqual(run("help").stdout, run("--help").stdout)
        for command in (["score"], ["models", "pull"]):
            self.assertEqual(run("help", *command).stdout, run(*command, "--help").stdout)
            self.assertEqual(run("--color", "never", "help", *command).stdout,
                             run(*command, "--help").stdout)
        self.assertEqual(run("help", "scor").returncode, 2)
        self.assertIn("\x1b[", run("--color=always", "score", "--help").stdout)
        done = run("--no-config", "--color", "never", "tokenize", "--json", "--", "--help")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('"--help"', done.stdout)
        self.assertEqual(run("--color").returncode, 2)

    def test_what_is_wrong_with_an_option_is_said_in_words(self):
        for arguments, message in (
                (("score", "a.jpg", "a cat", "--model"), "--model needs a value: MODEL"),
                (("classify", "a.jpg", "--threshold", "90"),
                 "--threshold 90: the number must be from 0 to 1"),
                (("score", "a.jpg", "a cat", "--json", "--csv"), "cannot be given together"),
                (("explain", "a.jpg", "a cat", "--method", "x"), "'x' is not one of occlusion"),
                (("search", "--limit", "3", "a cat"), "did you mean --top?"),
                (("models", "download", "x"), "did you mean pull?"),
                (("classify", "--copy", "a.jpg"), "did you mean --by?"),
                (("score", "a.jpg", "a cat", "-k"), "there is no option '-k'"),
                (("score", "-dash.png", "a cat"), "./-dash.png"),
                *[((command, "photos", *more, option, ""), f"{long} is empty")
                  for command, more, option, long in (
                      ("score", ["a cat"], "-o", "--output"), ("score", ["a cat"], "-m", "--model"),
                      ("classify", ["--labels", "a,b"], "--sort-into", "--sort-into"),
                      ("search", [], "--in", "--in"), ("score", ["a"], "--report", "--report"))]):
            done = run(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertIn(message, done.stderr)
        for arguments in (("score", "--best"), ("score", "--list"), ("score", "--template")):
            self.assertNotIn("did you mean", run(*arguments, "a.jpg", "a cat").stderr)

    def test_a_closed_standard_output_is_an_error(self):
        done = subprocess.run(["sh", "-c", '"$0" --version >&-', BINARY], capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write to standard output", done.stderr)

    def test_a_reader_that_leaves_early_is_no_error_message(self):
        done = subprocess.run(f"{shlex.quote(BINARY)} --help | head -n 1", shell=True,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        self.assertEqual(len(done.stdout.splitlines()), 1)


if __name__ == "__main__":
    unittest.main()
