"""Colours, and what else is only for people who look at a terminal."""

import os
import pty
import tempfile
import unittest
from pathlib import Path

from common import BINARY, ROOT, json_lines, run

DEMO = ROOT / "data/demo"
SCORE = ("score", "--model", "demo", DEMO / "cat.png", "a cat", "a dog")
RED, BOLD, OFF = "\x1b[1;31m", "\x1b[1m", "\x1b[0m"


def on_terminal(*arguments, **variables):
    """What a command writes to a terminal, to both of its streams, and its exit code."""
    names = ("NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment |= {"TERM": "xterm-256color"} | variables
    process, terminal = pty.fork()
    if process == 0:
        os.execve(BINARY, [BINARY, *map(str, arguments)], environment)
    written = b""
    while True:
        try:
            more = os.read(terminal, 65536)
        except OSError:  # how Linux says that the other side is closed
            break
        if not more:
            break
        written += more
    os.close(terminal)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return written.decode().replace("\r\n", "\n"), code


class Colors(unittest.TestCase):
    def test_an_error_is_red_on_a_terminal(self):
        for arguments, code in ((("score", "--nonsense"), 2), (("score", "/none.jpg", "a cat"), 1),
                                (("nonsense",), 2)):
            text, found = on_terminal(*arguments)
            self.assertEqual(found, code)
            self.assertIn(f"{RED}clip-cli:{OFF} ", text)

    def test_help_has_bold_headings_on_a_terminal_and_nothing_elsewhere(self):
        text, code = on_terminal("score", "--help")
        self.assertEqual(code, 0)
        self.assertIn(f"{BOLD}Images:{OFF}", text)
        plain = run("score", "--help").stdout
        self.assertNotIn("\x1b", plain)
        self.assertEqual(text.replace(BOLD, "").replace(OFF, ""), plain)

    def test_who_decides(self):
        """The option, then NO_COLOR, then CLICOLOR_FORCE, then the terminal."""
        def colored(text):
            return "\x1b[" in text

        bad = ("score", "--nonsense")
        for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}, {"CLICOLOR": "0"},
                          {"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}):
            self.assertFalse(colored(on_terminal(*bad, **variables)[0]), variables)
            self.assertTrue(colored(on_terminal(*bad, "--color", "always", **variables)[0]), variables)
        for variables in ({"NO_COLOR": ""}, {"CLICOLOR_FORCE": "0"}, {"CLICOLOR": "1"},
                          {"TERM": "dumb", "CLICOLOR_FORCE": "1"}):
            self.assertTrue(colored(on_terminal(*bad, **variables)[0]), variables)
            self.assertFalse(colored(on_terminal(*bad, "--color=never", **variables)[0]), variables)
        self.assertFalse(colored(run(*bad).stderr))
        self.assertTrue(colored(run(*bad, environment={"CLICOLOR_FORCE": "1"}).stderr))
        self.assertFalse(colored(run(*bad, environment={"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}).stderr))
        self.assertTrue(colored(run(*bad, "--color=always").stderr))

    def test_a_configuration_file_comes_last(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "config.toml"
            missing = ("score", "--model", "/none.pt", "a.jpg", "a cat")
            file.write_text('color = "always"\n')
            of = lambda *arguments, **variables: "\x1b[" in run(
                *missing, *arguments, environment={"CLIP_CONFIG": str(file), **variables}).stderr
            self.assertTrue(of())
            self.assertFalse(of(NO_COLOR="1"))
            self.assertFalse(of("--color=never"))
            file.write_text('color = "never"\n')
            self.assertFalse(of())
            self.assertTrue(of(CLICOLOR_FORCE="1"))
            self.assertTrue(of("--color=always"))

    def test_a_word_that_is_none(self):
        done = run("score", "--color", "sometimes", "a.jpg", "a cat")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("auto, always, never", done.stderr)

    def test_what_scripts_read_has_no_colours(self):
        for form in ("--json", "--csv", "--tsv"):
            done = run(*SCORE, form, "--color=always")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertNotIn("\x1b", done.stdout)


class ForPeople(unittest.TestCase):
    def test_scores_have_a_header_on_a_terminal_alone(self):
        text, code = on_terminal(*SCORE)
        self.assertEqual(code, 0)
        header, first, second = text.splitlines()
        self.assertEqual(header, f"{BOLD}    score  probability  text{OFF}")
        self.assertTrue(first.endswith(" %  a cat") and second.endswith(" %  a dog"))
        # The columns stand under their headings.
        plain = header.replace(BOLD, "")
        self.assertEqual(first.index("a cat"), plain.index("text"))
        self.assertEqual(first.index(" %") + 2, plain.index("probability") + len("probability"))
        self.assertEqual(run(*SCORE).stdout.splitlines(), [first, second])
        # With one prompt there is no probability.
        self.assertIn("    score  text", on_terminal(*SCORE[:-1])[0])

    def test_the_model_that_answers_is_said_unless_somebody_named_it(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "config.toml"
            file.write_text('model = "demo"\n')
            variables = {"CLIP_CACHE": folder, "HF_HUB_CACHE": folder, "XDG_DATA_HOME": folder}

            def said(*arguments, **more):
                done = run(*arguments, environment={**variables, **more})
                self.assertEqual(done.returncode, 0, done.stderr)
                return done.stderr

            score = ("score", DEMO / "cat.png", "a cat")
            self.assertIn("demo model", said(*score))
            for done in (said(*score, "-q"), said(*score, "--model", "demo"),
                         said(*score, CLIP_MODEL="demo"), said(*score, CLIP_CONFIG=str(file))):
                self.assertEqual(done, "")
            # A model that was downloaded is said, too, and so is the one that an index was made with.
            images = Path(folder) / "images"
            images.mkdir()
            (images / "cat.png").write_bytes((DEMO / "cat.png").read_bytes())
            said("index", "--model", "demo", "-q", images)
            self.assertIn("which the index was made with", said("search", "--in", images, "a cat"))
            self.assertEqual(said("search", "-q", "--in", images, "a cat"), "")

    def test_names_that_were_renamed_still_work_and_are_not_shown(self):
        names = [[check["check"] for check in json_lines(run("models", name, "demo", "--json").stdout)]
                 for name in ("self-test", "check")]
        self.assertEqual(names[0], names[1])
        self.assertEqual(len(names[0]), 2)
        self.assertNotRegex(run("models", "--help").stdout, r"(?m)^  check\b")
        self.assertNotIn("--labels-file", run("evaluate", "--help").stdout)


if __name__ == "__main__":
    unittest.main()
