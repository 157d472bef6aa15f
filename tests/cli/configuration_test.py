"""The configuration file: defaults of options, behind the environment and the command line."""

import json
import os
import tempfile
import tomllib
import unittest
from pathlib import Path

from common import ROOT, json_lines, run

DEMO = ROOT / "data/demo"
CAT, DOG = DEMO / "cat.png", DEMO / "dog.png"


class Configuration(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.folder = Path(self.temporary.name)
        self.file = self.folder / "config.toml"

    def write(self, text):
        self.file.write_text(text)

    def run(self, *arguments, **variables):
        if not arguments or isinstance(arguments[0], unittest.TestResult):
            return super().run(*arguments)
        return run(*arguments, environment={"CLIP_CONFIG": str(self.file), **variables})

    def printed(self, *arguments, **variables):
        done = self.run(*arguments, **variables)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def refused(self, text, line, *words, command=("score", CAT, "a cat")):
        """The file is an error, which names itself, the line, and what is wrong."""
        self.write(text)
        for arguments in (command, ("config",)):
            done = self.run(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), (text, arguments))
            self.assertTrue(done.stderr.startswith(f"clip-cli: {self.file}:{line}: "), done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            for word in words:
                self.assertIn(word, done.stderr)

    def test_defaults_of_any_option(self):
        self.write('model = "demo"\njson = true\n[classify]\nlabels = "cat,dog,rocket"\ntop-k = 2\n')
        result = json_lines(self.printed("classify", CAT))[0]
        self.assertEqual((result["label"], len(result["ranking"])), ("cat", 2))
        # What another command does not have does not disturb it.
        self.assertEqual(len(json_lines(self.printed("score", CAT, "a cat", "a dog"))), 1)
        self.assertIn('"ids"', self.printed("tokenize", "a cat"))

    def test_a_first_file(self):
        place = self.folder / "new/folder/config.toml"
        done = self.run("config", "--init", CLIP_CONFIG=str(place), CLIP_MODEL="demo")
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertIn(str(place), done.stderr)
        text = place.read_text()
        tomllib.loads(text)
        self.assertNotRegex(text, r"(?m)^[a-z]")
        self.assertIn('\n#model = "', text)
        # Without its comment signs it is a file that is taken.
        self.assertEqual(self.run("config", CLIP_CONFIG=str(place)).returncode, 0)
        again = self.run("config", "--init", CLIP_CONFIG=str(place))
        self.assertEqual((again.returncode, place.read_text()), (2, text))
        self.assertEqual(self.run("config", "--init", "--no-config").returncode, 2)
        (self.folder / "file").write_text("")
        done = self.run("config", "--init", CLIP_CONFIG=str(self.folder / "file/config.toml"))
        self.assertEqual((done.returncode, done.stdout), (1, ""))

    def test_what_needs_another_option_waits_for_it(self):
        self.write('by = "copy"\n[classify]\nexplain = true\ndry-run = true\n')
        command = ("classify", CAT, "--labels", "cat,dog", "--model", "demo", "--json")
        self.assertNotIn("filed", self.printed(*command))
        self.assertIn("filed", self.printed(*command, "--sort-into", self.folder / "sorted"))
        self.assertFalse((self.folder / "sorted").exists())  # dry-run counts now

    def test_what_means_another_thing_in_each_command_is_set_in_sections(self):
        self.refused("threshold = 0.5\n", 1, "[classify]")
        self.write("[classify]\nthreshold = 0.5\ntop-k = 2\n")
        text = self.printed("config")
        self.assertIn("threshold = 0.5  # line 2", text)
        self.assertIn("top-k = 2  # line 3", text)
        self.refused("precision = bf16\n", 1, "texts need quotes")

    def test_the_file_is_where_systems_keep_them(self):
        home = {"HOME": str(self.folder), "XDG_CONFIG_HOME": ""}
        place = self.folder / ".config/clip-cli/config.toml"
        place.parent.mkdir(parents=True)
        place.write_text("json = true\n")
        os.environ.pop("CLIP_CONFIG")
        self.addCleanup(os.environ.__setitem__, "CLIP_CONFIG", "")
        for variables, where in (
                (home, place), ({**home, "XDG_CONFIG_HOME": "relative"}, place),
                ({**home, "XDG_CONFIG_HOME": str(place.parent.parent)}, place),
                ({**home, "XDG_CONFIG_HOME": str(self.folder / "other")},
                 self.folder / "other/clip-cli/config.toml")):
            done = run("config", "--path", environment=variables)
            self.assertEqual((done.stdout, done.stderr), (f"{where}\n", ""))
            tokens = run("tokenize", "a cat", environment=variables).stdout
            self.assertEqual(tokens.startswith("{"), where == place)
        none = {**home, "CLIP_CONFIG": ""}
        self.assertFalse(run("tokenize", "a", environment=none).stdout.startswith("{"))
        self.assertEqual(run("config", "--path", environment=none).returncode, 1)
        named = run("tokenize", "a", "--config", place, environment={**home, "CLIP_CONFIG": ""})
        self.assertTrue(named.stdout.startswith("{"))
        self.assertFalse(run("tokenize", "a", "--no-config", environment=home).stdout.startswith("{"))

    def test_sections_before_the_top_the_environment_before_both_and_the_command_line_first(self):
        """Each of the four in turn, by which model a command cannot find."""
        self.write('model = "/top.pt"\n[score]\nmodel = "/section.pt"\n')
        score = ("score", CAT, "a cat")

        def missing(*arguments, **variables):
            done = self.run(*arguments, **variables)
            self.assertEqual(done.returncode, 1, done.stderr)
            return done.stderr

        self.assertIn("/top.pt", missing("classify", CAT, "--labels", "cat"))
        self.assertIn("/section.pt", missing(*score))
        self.assertIn("/variable.pt", missing(*score, CLIP_MODEL="/variable.pt"))
        self.assertIn("/option.pt", missing(*score, "--model", "/option.pt", CLIP_MODEL="/variable.pt"))
        # An argument that is the model is behind the file, too.
        self.assertIn("/top.pt", missing("models", "self-test"))
        self.assertIn("/variable.pt", missing("models", "self-test", CLIP_MODEL="/variable.pt"))
        self.assertIn("/option.pt", missing("models", "self-test", "/option.pt"))
        self.assertIn("/option.pt", missing("models", "prepare", "/option.pt"))

    def test_sections_of_commands_below_commands(self):
        self.write("[models]\njson = true\n[models.list]\njson = false\n")
        self.assertFalse(self.printed("models", "list").startswith("{"))
        self.assertTrue(self.printed("models", "inspect", "demo").startswith("{"))

    def test_flags_are_undone(self):
        self.write("json = true\n[embed]\njson = false\n")
        self.assertTrue(self.printed("tokenize", "a cat").startswith("{"))
        self.assertFalse(self.printed("tokenize", "--json=false", "a cat").startswith("{"))
        # false is as if it were not said; embed has JSON by default.
        self.write("quiet = false\nfast-decode = false\n")
        self.assertIn("1 image", self.run("classify", "--model", "demo", "--labels", "a,b", CAT).stderr)

    def test_the_command_line_puts_aside_what_it_cannot_be_used_with(self):
        self.write('model = "demo"\njson = true\n[classify]\nlabel-set = "cifar10"\n')
        score = ("score", CAT, "a cat", "a dog")
        self.assertTrue(self.printed(*score, "--csv").startswith("image,text,score"))
        self.assertTrue(self.printed(*score).startswith("{"))
        self.assertEqual(self.printed(*score, "-o", self.folder / "scores.csv"), "")
        self.assertTrue((self.folder / "scores.csv").read_text().startswith("image,text,score"))
        label = json_lines(self.printed("classify", CAT, "--labels", "cat,rocket"))[0]["ranking"]
        self.assertEqual({each["label"] for each in label}, {"cat", "rocket"})
        (self.folder / "labels.txt").write_text("cat\nrocket\n")
        label = json_lines(self.printed("classify", CAT, "--labels-file", self.folder / "labels.txt"))
        self.assertEqual(label[0]["label"], "cat")
        # An inner section puts aside an outer one.
        self.write('model = "demo"\njson = true\n[score]\ncsv = true\n')
        self.assertTrue(self.printed(*score).startswith("image,text,score"))
        # And what needs another option is only for when that is given.
        self.write('table = "photos"\nkey = "name"\nmodel = "demo"\n')
        self.assertEqual(self.run("search", "--in", self.folder, "a cat").returncode, 0)

    def test_lists(self):
        for name in ("one.png", "two.png", "three.png"):
            (self.folder / name).write_bytes(CAT.read_bytes())
        self.write('model = "demo"\nexclude = ["one.*", "two.*"]\n')
        images = lambda text: [line.split("\t")[0].rsplit("/")[-1] for line in text.splitlines()[1:]]
        classify = ("classify", "--labels", "cat,dog", "--tsv", self.folder)
        self.assertEqual(images(self.printed(*classify)), ["three.png"])
        # A list on the command line replaces it.
        self.assertEqual(images(self.printed(*classify, "--exclude", "three.*")),
                         ["one.png", "two.png"])
        self.write('exclude = "one.*"\nmodel = "demo"\n')
        self.assertEqual(images(self.printed(*classify)), ["three.png", "two.png"])

    def test_required_options_may_be_in_the_file(self):
        self.write(f'[probe.train]\noutput = "{self.folder}/pets.safetensors"\n')
        done = self.run("probe", "train", self.folder / "none.npy")
        self.assertEqual(done.returncode, 1)
        self.assertIn("none.npy", done.stderr)
        done = run("probe", "train", self.folder / "none.npy")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--output", done.stderr)

    def test_what_is_wrong_is_said_with_the_line(self):
        self.refused('json = true\nmodle = "demo"\n', 2, "'modle'", "did you mean model?")
        self.refused("\n\n[scroe]\njson = true\n", 3, "'scroe'", "did you mean score?")
        self.refused('[score]\njson = true\nunique = true\n', 3, "score", "'unique'")
        self.refused('[models.pul]\nquiet = true\n', 1, "'pul'", "did you mean pull?")
        self.refused('[score]\nIMAGE = "a.jpg"\n', 2, "'IMAGE'")
        for key in ("help", "version", "config", "no-config", "shard-0"):
            self.refused(f'{key} = "x"\n', 1, f"'{key}'")
        self.refused('model = "demo"\nthreads = "many"\n', 2, "threads", "many")
        self.refused("threads = 0\n", 1, "threads", "0")
        self.refused("threads = true\n", 1, "threads")
        self.refused("threads = [1, 2]\n", 1, "threads", "one value")
        self.refused('engine = "fast"\n', 1, "engine", "'fast'", "native")
        self.refused('json = "yes please"\n', 1, "json")
        self.refused("json = 1979-05-27\n", 1, "json")
        self.refused("exclude = [[1]]\n", 1, "exclude")
        self.refused('[score]\njson = true\ncsv = true\n', 3, "csv", "json", "line 2")
        self.refused('model = "a\\u0000b"\n', 1, "model")
        self.refused("json = true\njson = true\n", 2)
        self.refused('model = "demo\n', 1)
        self.refused("nonsense\n", 1)
        self.refused("a.b.c.d = 1\n", 1)

    def test_hostile_files(self):
        for text, line in (("a." * 30000 + "b = 1\n", 1), ("\nx = " + "[" * 30000, 2),
                           ("x = " + "{a=" * 20000, 1), ("\x00", 1), ("[" * 60000, 1),
                           ("x = {" + "a." * 20 + "b = 1}\n", 1), ("[[", 1), ("\n[", 2), ("[ \n", 1),
                           ("[=]\n", 1), ("[[[a]]]\n", 1), ("[\xe9]\n", 1), (" [ #\n", 1),
                           ("[a.]\n", 1), ("[a.=]\n", 1), ("[]\n", 1), ('["a\n', 1),
                           ("[a.[b]]\n", 1), ("[a\n", 1), ("=1\n", 1), (".a=1\n", 1),
                           ("a.=1\n", 1), ("x={=1}\n", 1), ("x={a.=1}\n", 1), ("x={,}\n", 1)):
            self.refused(text, line)
        self.file.write_bytes(b"model = \"\xff\xfe\"\n")
        done = self.run("score", CAT, "a cat")
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"{self.file}:1: ", done.stderr)
        self.file.write_text("# " + "x" * (1 << 20) + "\n")
        done = self.run("score", CAT, "a cat")
        self.assertEqual(done.returncode, 2)
        self.assertIn(str(self.file), done.stderr)

    def test_what_is_no_file(self):
        place = self.folder / "place"
        for make in (place.mkdir, lambda: os.mkfifo(place), lambda: place.symlink_to(place),
                     lambda: place.symlink_to("/dev/zero")):
            make()
            for arguments, variables in ((["--config", place], {}), ([], {"CLIP_CONFIG": str(place)})):
                done = run("tokenize", "a cat", *arguments, environment=variables)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn(str(place), done.stderr)
            place.rmdir() if place.is_dir() and not place.is_symlink() else place.unlink()
        done = run("tokenize", "a cat", "--config", self.folder / "none.toml")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("none.toml", done.stderr)

    def test_help_and_version_work_whatever_the_file_holds(self):
        self.write("nonsense\n")
        for arguments in (["--help"], ["score", "--help"], ["--version"], ["completions", "bash"],
                          ["manual", "score"], ["config", "--help"], ["config", "--path"]):
            done = self.run(*arguments)
            self.assertEqual((done.returncode, done.stderr), (0, ""), arguments)

    def test_an_empty_file_says_nothing(self):
        for text in ("", "\n", "# nothing\n", "[score]\n", "\ufeffjson = false\n"):
            self.write(text)
            self.assertFalse(self.printed("tokenize", "a cat").startswith("{"))

    def test_config_prints_what_is_in_force_in_the_files_own_format(self):
        self.write('model = "demo"\nthreads = 2\nexclude = ["*.tmp"]\n'
                   '[classify]\ntop-k = 3\njson = true\n[models.pull]\nquiet = true\n')
        text = self.printed("config")
        self.assertTrue(text.startswith(f"# {self.file}\n"))
        self.assertEqual(tomllib.loads(text),
                         {"model": "demo", "threads": 2, "exclude": ["*.tmp"],
                          "classify": {"top-k": 3, "json": True},
                          "models": {"pull": {"quiet": True}}})
        for line, words in ((1, "model"), (5, "top-k")):
            self.assertRegex(text, rf"(?m)^{words} = .*# line {line}$")
        # The environment comes before the file.
        text = self.printed("config", CLIP_MODEL='odd "name"\\', NO_COLOR="1")
        self.assertEqual(tomllib.loads(text)["model"], 'odd "name"\\')
        self.assertEqual(tomllib.loads(text)["color"], "never")
        self.assertRegex(text, r"(?m)^model = .*# CLIP_MODEL$")
        # What it prints is a file that says the same.
        self.file.write_text(text)
        again = self.printed("config")
        self.assertEqual(tomllib.loads(again), tomllib.loads(text))
        # In JSON.
        (object_,) = json_lines(self.printed("config", "--json"))
        self.assertIn({"section": "classify", "key": "top-k", "value": 3, "line": 5},
                      [{**each, "line": 5} for each in object_["settings"]])
        self.assertEqual(object_["file"], str(self.file))
        self.assertEqual({(each["section"], each["key"]) for each in object_["settings"]},
                         {("", "model"), ("", "color"), ("", "threads"), ("", "exclude"),
                          ("classify", "top-k"), ("classify", "json"), ("models.pull", "quiet")})

    def test_config_all_is_a_file_with_every_option_commented_out(self):
        self.write("")
        text = self.printed("config", "--all")
        # Nothing but the names of sections.
        for value in tomllib.loads(text).values():
            self.assertTrue(all(below == {} for below in value.values()), value)
        # Each line may be taken in, and is then no error for its name.
        uncommented = "\n".join(line[1:] if line[:1] == "#" and line[1:2].isalpha() else line
                                for line in text.splitlines())
        values = tomllib.loads(uncommented)
        for key in ("model", "threads", "precision", "color", "max-pixels", "json"):
            self.assertIn(key, values)
        self.assertIn("top-k", json.dumps(values))
        self.assertIn("list-label-sets", values["classify"])
        self.assertIn("stall", values["models"]["pull"])

    def test_files_that_are_not_there(self):
        text = self.printed("config", CLIP_CONFIG="")
        self.assertEqual(tomllib.loads(text), {})
        done = run("config", environment={"CLIP_CONFIG": str(self.folder / "none")})
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()
