"""What the README shows, as typed: its first steps on the demo model, with what they print, and its
examples of real models, with a hub on this machine in place of the network."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from color_test import on_terminal
from common import BINARY, MODELS, ROOT, need

sys.path.append(str(ROOT / "tests/hub"))
from hub_common import VARIABLES  # noqa: E402
from hub_server import Hub  # noqa: E402

numpy = need("numpy")
need("PIL")
from PIL import Image  # noqa: E402 (after the check that it is there)

README = (ROOT / "README.md").read_text(encoding="utf-8")
DEMO_IMAGES = len(list((ROOT / "data/demo").glob("*.png")))
# The one command that this test cannot run: the file has 354 MB and a digest of its own. The tests
# of `models pull` fetch such files from servers of their own.
LEFT_OUT = "clip-cli models pull ViT-B/32"


def first_steps():
    """(command, what it prints as the README shows it) of each console block."""
    steps = []
    for block in re.findall(r"^```console\n(.*?)^```", README, re.M | re.S):
        for command, printed in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.M):
            steps.append((re.sub(r"\s+# .*", "", command), printed))
    return steps


def later_examples():
    """The commands of the indented blocks that begin with clip-cli, and those within sentences that
    write files."""
    indented = re.findall(r"^    (clip-cli .*?)(?:\s+# .*)?$", README, re.M)
    return indented + re.findall(r"`(clip-cli [^`]* > [^`]*)`", README)


class Readme(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name).resolve()
        bin_folder = self.home / "bin"
        bin_folder.mkdir()
        (bin_folder / "clip-cli").symlink_to(BINARY)
        self.environment = {name: value for name, value in os.environ.items()
                            if name not in VARIABLES and not name.startswith(("CLIP_", "XDG_"))}
        self.environment |= {"HOME": str(self.home), "CLIP_CONFIG": "",
                             "PATH": f"{bin_folder}:{os.environ['PATH']}"}

    def shell(self, command, folder, **variables):
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=folder,
                              env={**self.environment, **variables}, check=False)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}{done.stderr}")
        return done.stdout

    def test_first_steps(self):
        data = self.home / "data"
        shutil.copytree(ROOT / "data/demo", data / "demo")
        before = sorted(data.rglob("*"))
        steps = first_steps()
        shown = {}
        for command, printed in steps:
            shown[command.split()[1]] = self.shell(command, data)
            if not printed:
                continue
            words = shlex.split(command)[1:]
            words = [str(data / word) if word.startswith("demo/") else word for word in words]
            text, code = on_terminal(*words, HOME=str(self.home), NO_COLOR="1")
            self.assertEqual(code, 0)
            self.assertTrue(text.endswith(printed), f"{command}\n{text}")
        self.assertEqual(list(shown), ["score", "search", "classify", "explain", "embed"])
        self.assertEqual([command for command, printed in steps if printed],
                         ['clip-cli score demo/cat.png "a photo of a cat" "a photo of a dog"'])
        self.assertRegex(shown["search"].splitlines()[0], "demo/banana.png")
        self.assertRegex(shown["classify"], r"demo/cat\.png\W+cat\b")
        with Image.open(self.home / "heat.png") as image:
            self.assertGreater(min(image.size), 100)
        self.assertEqual(numpy.load(self.home / "demo.npy").shape[0], DEMO_IMAGES)
        self.assertEqual(sorted(data.rglob("*")), before)  # a folder of the system is only read

    def test_examples_of_real_models(self):
        hub = Hub()
        self.addCleanup(hub.close)
        (repository,) = set(re.findall(r"hf:([\w./-]+)", README))
        for file in (MODELS / "samples/sample-quick-open_clip").iterdir():
            hub.put(repository, **{file.name: file.read_bytes()})
        here = self.home / "here"
        shutil.copytree(ROOT / "data/demo", here / "photos", ignore=lambda _, names: [
            name for name in names if not name.endswith(".png")])
        shutil.copy(ROOT / "data/photos/chelsea.jpg", here / "photo.jpg")
        (job,) = re.findall(r'`({"op".*?})`', README)
        (here / "jobs.jsonl").write_text(f"{job}\n", encoding="utf-8")
        examples = later_examples()
        self.assertGreaterEqual(len(examples), 7)
        self.assertIn(LEFT_OUT, examples)
        for command in examples:
            if command != LEFT_OUT:
                self.shell(command, here, HF_ENDPOINT=hub.front)
        self.assertEqual(sum(len(files) for _, _, files in os.walk(here / "sorted")), DEMO_IMAGES)
        self.assertIn("</html>", (here / "report.html").read_text(encoding="utf-8"))
        self.assertIn('"score"', (here / "answers.jsonl").read_text(encoding="utf-8"))


if __name__ == "__main__":
    unittest.main()
