"""Exit codes, streams, and help."""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from common import BINARY, MODELS, photographs, run
from pictures import draw

COMMANDS = [[], ["score"], ["classify"], ["evaluate"], ["batch"], ["tokenize"], ["benchmark"],
            ["models"], *(["models", command] for command in
                          ("list", "pull", "verify", "remove", "inspect", "check"))]
# What needs the network, or a file that only OpenAI has: their own tests have them, with others.
NOT_HERE = ("models pull", "models verify", "--picture CLIP.png")


class Usage(unittest.TestCase):
    def test_bad_usage_is_2_and_says_so_on_stderr_alone(self):
        for arguments in ([], ["nonsense"], ["score"], ["score", "--nonsense"], ["models"],
                          ["models", "inspect"], ["score", "--threads", "0", "a", "b"],
                          ["score", "--threads", "many", "a", "b"],
                          ["score", "--max-pixels", "-1", "a", "b"], ["tokenize", "--json"],
                          ["score", "--image", "a.jpg"], ["score", "only-a-picture.jpg"],
                          ["score", "--images", "-", "--texts", "-"], ["classify"],
                          ["evaluate"], ["models", "pull"], ["models", "remove", "nonesuch"],
                          ["models", "list", "too", "many"], ["batch", "a", "b"]):
            done = run(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertEqual(done.stdout, "", arguments)
            self.assertTrue(done.stderr.startswith("clip-cli: "), done.stderr)

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
        shutil.copy(photographs()[1], folder / "image.jpg")
        for place in ("photos", "imagenet/val/cat", "imagenet/val/dog"):
            (folder / place).mkdir(parents=True)
            draw(folder / place / "picture.png", 1)
        (folder / "labels.txt").write_text("cat\ndog\n")
        (folder / "names.tsv").write_text("cat\tcat\ndog\tdog\n")
        (folder / "jobs.jsonl").write_text('{"op": "embed", "text": "a cat"}\n')

    def test_version(self):
        self.assertRegex(run("--version").stdout, r"\Aclip-cli \d+\.\d+\.\d+\n\Z")

    def test_a_reader_that_leaves_early_is_no_error_message(self):
        done = subprocess.run(f"{shlex.quote(BINARY)} --help | head -n 1", shell=True,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        self.assertEqual(len(done.stdout.splitlines()), 1)


if __name__ == "__main__":
    unittest.main()
