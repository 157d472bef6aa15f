"""Exit codes, streams, and help."""

import re
import shlex
import subprocess
import unittest

from common import BINARY, MODELS, photographs, run

COMMANDS = [[], ["score"], ["tokenize"], ["models"], ["models", "inspect"]]


class Usage(unittest.TestCase):
    def test_bad_usage_is_2_and_says_so_on_stderr_alone(self):
        for arguments in ([], ["nonsense"], ["score"], ["score", "--nonsense"], ["models"],
                          ["models", "inspect"], ["score", "--threads", "0", "a", "b"],
                          ["score", "--threads", "many", "a", "b"],
                          ["score", "--max-pixels", "-1", "a", "b"], ["tokenize", "--json"],
                          ["score", "--image", "a.jpg"], ["score", "only-a-picture.jpg"],
                          ["score", "--images", "-", "--texts", "-"],
                          ["score", "a.jpg", "no model is named"]):
            done = run(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertEqual(done.stdout, "", arguments)
            self.assertTrue(done.stderr.startswith("clip-cli: "), done.stderr)

    def test_help_goes_to_stdout(self):
        for command in COMMANDS:
            done = run(*command, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertEqual(done.stderr, "")
            self.assertIn("Example:\n", done.stdout, command)

    def test_the_examples_in_help_work(self):
        for command in COMMANDS:
            text = run(*command, "--help").stdout
            example = re.search(r"Example:\n((?:  .*\n)+)", text).group(1).replace("\n", " ")
            words = shlex.split(example)
            self.assertEqual(words[0], "clip-cli")
            # The names in the example stand for a model and a picture of the reader's.
            model, picture = str(MODELS / "published-tiny.pt"), str(photographs()[1])
            words = [{"ViT-B-32.pt": model, "image.jpg": picture}.get(word, word) for word in words]
            done = run(*words[1:], environment={"CLIP_MODEL": model})
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(done.stdout)

    def test_version(self):
        self.assertRegex(run("--version").stdout, r"\Aclip-cli \d+\.\d+\.\d+\n\Z")

    def test_a_reader_that_leaves_early_is_no_error_message(self):
        done = subprocess.run(f"{shlex.quote(BINARY)} --help | head -n 1", shell=True,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        self.assertEqual(len(done.stdout.splitlines()), 1)


if __name__ == "__main__":
    unittest.main()
