"""The runs that faults_test.py injects faults into: what each begins with, what it makes when nothing
fails, and how it may leave its files when something does."""

import csv
import hashlib
import io
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import faults
from common import BINARY, MODELS, ROOT
from faulty_index import LONG_AGO, draw

sys.path.append(str(ROOT / "tests/hub"))
from hub_common import VARIABLES  # noqa: E402
from hub_server import Hub  # noqa: E402

MODEL = MODELS / "tiny.pt"
OLD = b"of an earlier run\n"
# One of each kind that is decoded by other code: by itself, by a library, and by modules.
KINDS = ["png", "jpg", "webp", "gif", "bmp", "tif"]


def photos(folder):
    """A folder to read: images of all kinds in two folders, one that a pattern leaves out, and one
    file that is no image."""
    for i, kind in enumerate(KINDS):
        draw(folder / ("first", "second")[i % 2] / f"image {i}.{kind}", i)
    draw(folder / "second" / "hidden.png", "hidden")
    draw(folder / "second" / "image 6.png", 6)
    (folder / "second" / "image 6.png").rename(folder / "second" / "image 6")
    (folder / "second" / ".clipignore").write_text("hidden.*\n")
    (folder / "notes.txt").write_text("no image\n")


def images_in(folder):
    return sorted(path for path in folder.rglob("image *") if path.is_file())


def page_data(text):
    """The parts of a report that are not the same in each run of it are left out."""
    if not text.rstrip().endswith("</html>"):
        raise ValueError("the page is cut off")
    found = re.search(r'<script type="application/json" id="images">(.*?)</script>', text, re.S)
    return json.loads(found[1])


def without_time(value):
    """JSON without what depends on how fast the machine was."""
    return {key: each for key, each in value.items()
            if key not in ("seconds", "images_per_second")}


def parsed(name, data):
    """A file of results as a list of comparable items; raises ValueError where it is not whole."""
    if name.endswith(".html"):
        return page_data(data.decode())
    if name.endswith(".jsonl"):
        if data and not data.endswith(b"\n"):
            raise ValueError(f"{name} ends within a line")
        return [without_time(json.loads(line)) for line in data.decode().split("\n") if line]
    if name.endswith(".csv"):
        if data and not data.endswith(b"\n"):
            raise ValueError(f"{name} ends within a line")
        return list(csv.reader(io.StringIO(data.decode())))
    return data


def image_of(item):
    return item["image"] if isinstance(item, dict) else item[0]


def is_in(image, failed):
    """Whether an image is one of those, or in a folder that is, or whose patterns are."""
    folders = [path.removesuffix("/.clipignore") for path in failed]
    return any(image == path or image.startswith(path + "/") for path in folders)


class Scene:
    """A command, run in a folder of its own (home), which holds the files that it begins with. What
    it only reads lies elsewhere, and is there once."""

    outputs = []  # the files that a run makes or replaces, from home
    may_leave = ()  # what may be there besides, when a run has failed: regular expressions
    kept_partly = ()  # outputs that grow in place, so that a failure may leave a part of them
    resume = None  # what is added to the arguments of the run after a fault
    threads = 1

    def __init__(self, place, name):
        self.name, self.place = name, place
        self.before = place / f"{name}.before"
        self.before.mkdir()
        self.inputs = place / "photos"
        if not self.inputs.exists():
            photos(self.inputs)
        self.images = images_in(self.inputs)
        self.prepare()
        os.sync()

    def prepare(self):
        """Fills `before`."""

    def arguments(self):
        raise NotImplementedError

    def common(self):
        # An image alone: in batches, whose sizes differ from run to run, the last bits may, too.
        return ["--model", MODEL, "--threads", self.threads, "--batch", "1"]

    def environment(self):
        # The second processor would only make runs differ from each other.
        kept = {key: value for key, value in os.environ.items() if not key.startswith("CLIP_")}
        return {**kept, "OMP_NUM_THREADS": "1"}

    def finish(self):
        """What a run without a fault makes."""
        home = self.home("right")
        done = self.run(home)
        assert done.returncode == 0, (self.name, done.stderr)
        self.stdout = done.stdout
        self.right = {name: (home / name).read_bytes() for name in self.outputs}
        self.check_right_run(home)
        self.drop(home)
        return self

    def check_right_run(self, home):
        """Keeps what else a right run leaves."""

    def home(self, name):
        home = Path(tempfile.mkdtemp(prefix=f"{self.name}.{name}.", dir=self.place))
        shutil.copytree(self.before, home, symlinks=True, dirs_exist_ok=True)
        return home

    def drop(self, home):
        shutil.rmtree(home)

    def disk(self, home):
        """The folder that fills up."""
        return home

    def close(self):
        """Once it is needed no longer."""

    def command(self, *more):
        return [BINARY, *self.arguments(), *more]

    def run(self, home, *more, prefix=(), log=None):
        return faults.run(self.command(*more), prefix, log, cwd=home, env=self.environment())

    def names_error(self, item, stderr):
        """Whether a result is one of an image that failed, of which stderr says so, too."""
        if isinstance(item, dict):
            return "error" in item and item["error"]["message"] in stderr
        return any(cell.startswith("cannot ") and cell in stderr for cell in item)

    def failed_images(self, found, stderr):
        return [image_of(item) for item in found if self.names_error(item, stderr)]

    def state(self, name, home, done):
        """Of an output: "old", "new", "failed" (new, with images that failed)."""
        path, old = home / name, self.before / name
        if not path.exists():
            assert not old.exists(), f"{name} is lost"
            return "old"
        data = path.read_bytes()
        if old.exists() and data == old.read_bytes() and data != self.right[name]:
            return "old"
        right, found = parsed(name, self.right[name]), parsed(name, data)
        if found == right:
            return "new"
        assert done.returncode == 1, f"exit code 0, but {name} is {found}, expected {right}"
        assert self.is_failed(name, found, right, done.stderr), \
            f"{name} is neither old nor new: {found}, expected {right}; {done.stderr}"
        return "failed"

    def is_failed(self, name, found, right, stderr):
        """Whether it is right but for images, and folders of them, that failed."""
        failed = self.failed_images(found, stderr)
        return (bool(failed)
                and all(item in right or self.names_error(item, stderr) for item in found)
                and all(item in found or is_in(image_of(item), failed) for item in right))

    def check_rest(self, test, home, strict):
        """Nothing is left that is not the command's result."""
        allowed = set(self.outputs) | {str(path.relative_to(self.before))
                                       for path in self.before.rglob("*")}
        for path in home.rglob("*"):
            name = str(path.relative_to(home))
            if name in allowed or any(re.fullmatch(each, name) for each in self.may_leave):
                continue
            test.assertFalse(strict, f"{name} is left behind")

    def check(self, test, home, done, strict=True):
        """After a run with a fault; `strict`: it was not killed, nor was it the removal of a
        temporary file that failed."""
        for name in self.outputs:
            if name in self.kept_partly and done.returncode != 0:
                self.check_part(test, name, home)
                continue
            state = self.state(name, home, done)
            if done.returncode == 0:
                test.assertEqual(state, "new", f"{name}: {done.stderr}")
        if done.returncode == 0:
            self.check_stdout(test, done.stdout)
        elif self.stdout and done.returncode > 0:
            self.check_lines(test, done.stdout)
        self.check_rest(test, home, strict)

    def check_stdout(self, test, text):
        test.assertEqual(parsed("-.jsonl", text.encode()), parsed("-.jsonl", self.stdout.encode()))

    def check_lines(self, test, text):
        """Of a run that failed: what was printed is whole lines."""
        parsed("-.jsonl", text.encode())

    def check_part(self, test, name, home):
        """What was there is there still."""
        if (self.before / name).exists():
            test.assertTrue((home / name).exists(), f"{name} is lost")

    def check_again(self, test, home):
        """The next run makes all that the first did not."""
        done = self.run(home, *(self.resume or ()))
        faults.check_sane(test, done)
        for name in self.outputs:
            self.check_output_again(test, name, home, done)
        return done

    def check_output_again(self, test, name, home, done):
        test.assertEqual(done.returncode, 0, done.stderr)
        test.assertEqual(parsed(name, (home / name).read_bytes()), parsed(name, self.right[name]))


class Classify(Scene):
    outputs = ["out.jsonl"]

    def arguments(self):
        return ["classify", *self.common(), "--labels", "cat,dog,car", "-o", "out.jsonl",
                self.inputs]


class ClassifyOver(Classify):
    """With what the earlier run left in both files."""

    outputs = ["out.jsonl", "page.html"]

    def prepare(self):
        for name in self.outputs:
            (self.before / name).write_bytes(OLD)

    def arguments(self):
        return [*super().arguments(), "--report", "page.html"]


class Printed(Classify):
    """Results on standard output alone, of the torch-free engine with threads that decode."""

    outputs = []
    threads = 2

    def arguments(self):
        return ["classify", *self.common(), "--labels", "cat,dog,car", "--json", self.inputs]


class Resume(Classify):
    """On from a file of two results and the beginning of a third."""

    kept_partly = ["out.jsonl"]
    resume = []

    def prepare(self):
        done = faults.run([BINARY, *Classify.arguments(self)], cwd=self.before,
                          env=self.environment())
        assert done.returncode == 0, done.stderr
        lines = (self.before / "out.jsonl").read_bytes().splitlines(keepends=True)
        self.had = b"".join(lines[:2])
        (self.before / "out.jsonl").write_bytes(self.had + lines[2][:40])

    def arguments(self):
        return [*super().arguments(), "--resume"]

    def check_part(self, test, name, home):
        test.assertTrue((home / name).read_bytes().startswith(self.had), "results are lost")

    def check_output_again(self, test, name, home, done):
        # An image that failed counts as done, and its error stays.
        found = parsed(name, (home / name).read_bytes())
        failed = [line["image"] for line in found if "error" in line]
        test.assertEqual(done.returncode, 1 if failed else 0, done.stderr)
        for line in parsed(name, self.right[name]):
            test.assertTrue(line in found or line["image"] in failed, line)
        names = [line["image"] for line in found]
        test.assertEqual(len(names), len(set(names)), names)


class Sort(Scene):
    """Images filed by label, from a folder of the run's own."""

    outputs = ["out.jsonl"]
    may_leave = [r"sorted(/(red|green|blue)(/image \d(\.\w+)?)?)?"]
    how = ""

    def prepare(self):
        photos(self.before / "in")
        for path in images_in(self.before / "in"):
            path.chmod(0o640)

    def target(self):
        return "sorted"

    def arguments(self):
        return ["classify", *self.common(), "--labels", "red,green,blue", "-o", "out.jsonl",
                "--sort-into", self.target(), "--by", self.how, "in"]

    def target_folder(self, home):
        return home / "sorted"

    def check_right_run(self, home):
        self.filed = {line["image"]: line["label"]
                      for line in parsed("out.jsonl", self.right["out.jsonl"])}
        assert len(set(self.filed.values())) > 1, "all images have one label"
        self.check_images_of(home, Done0)

    def check(self, test, home, done, strict=True):
        super().check(test, home, done, strict)
        # Where the removal itself fails, an image may be in both places.
        self.check_images_of(home, done, both=not strict)

    def check_images_of(self, home, done, both=False):
        for source in images_in(self.before / "in"):
            name = source.relative_to(self.before)
            right = source.read_bytes()
            here = home / name
            there = self.target_folder(home) / self.filed[str(name)] / source.name
            places = [path for path in (here, there) if os.path.lexists(path)]
            for path in places:
                assert path.read_bytes() == right, f"{path} is not whole"
            assert places, f"{name} is lost"
            if there in places and self.how == "copy":
                info = there.stat()
                assert (info.st_mode & 0o777, info.st_mtime) == (0o640, LONG_AGO), there
            if self.how == "move":
                assert both or len(places) == 1, f"{name} is in both places"
                if done.returncode == 0:
                    assert places == [there], f"{name} was not moved"
            else:
                assert here in places, f"{name} is lost"
                if self.how == "link" and there in places:
                    assert there.is_symlink(), there
                if done.returncode == 0:
                    assert there in places, f"{name} was not filed"

    def check_again(self, test, home):
        """Whatever is left is filed."""
        done = self.run(home)
        faults.check_sane(test, done)
        for source in images_in(self.before / "in"):
            name = source.relative_to(self.before)
            folder = self.target_folder(home) / self.filed[str(name)]
            # A copy that was there already has a number in its name.
            found = list(folder.glob(f"{source.stem}*{source.suffix}"))
            test.assertTrue(found, f"{name} was not filed")
            for path in found:
                test.assertEqual(path.read_bytes(), source.read_bytes())
            test.assertEqual((home / name).exists(), self.how != "move")


class Done0:
    returncode, stderr = 0, ""


class Link(Sort):
    how = "link"


class Copy(Sort):
    how = "copy"


class Move(Sort):
    how = "move"


class MoveAcross(Move):
    """From one file system to another."""

    def __init__(self, place, name):
        self.other = Path(tempfile.mkdtemp(prefix="clip-faults.", dir="/dev/shm"))
        assert os.stat(self.other).st_dev != os.stat(place).st_dev, "one file system"
        super().__init__(place, name)

    def home(self, name):
        home = super().home(name)
        (self.other / home.name).mkdir()
        (home / "other").symlink_to(self.other / home.name)
        return home

    def drop(self, home):
        shutil.rmtree(self.other / home.name)
        super().drop(home)

    def disk(self, home):
        return self.other / home.name

    def target(self):
        return "other/sorted"

    def target_folder(self, home):
        return self.other / home.name / "sorted"

    may_leave = ["other"]

    def check_rest(self, test, home, strict):
        super().check_rest(test, home, strict)
        for path in self.target_folder(home).rglob("*"):
            test.assertTrue(not strict or path.is_dir() or
                            re.fullmatch(r"image \d(\.\w+)?", path.name), f"{path} is left behind")

    def close(self):
        shutil.rmtree(self.other)


class Embed(Scene):
    """An array and the lines beside it. What has been computed stays under the names of parts."""

    outputs = ["out.npy", "out.jsonl"]
    may_leave = [r"out\.(npy|jsonl)\.part"]
    resume = ["--resume"]

    def arguments(self):
        return ["embed", *self.common(), "-o", "out.npy", self.inputs]

    def is_failed(self, name, found, right, stderr):
        if name == "out.npy":
            return True  # its rows are those of the lines, which are looked at
        return super().is_failed(name, found, right, stderr)

    def check_output_again(self, test, name, home, done):
        found = (home / name).read_bytes()
        failed = b'"error"' in (home / "out.jsonl").read_bytes()
        test.assertEqual(done.returncode, 1 if failed else 0, done.stderr)
        if not failed:
            test.assertEqual(parsed(name, found), parsed(name, self.right[name]))


class EmbedResume(Embed):
    """On from parts with three rows."""

    kept_partly = ["out.jsonl", "out.npy"]
    resume = []

    def prepare(self):
        done = faults.run([BINARY, *Embed.arguments(self)], cwd=self.before,
                          env=self.environment())
        assert done.returncode == 0, done.stderr
        rows, lines = (self.before / "out.npy").read_bytes(), (self.before / "out.jsonl")
        size = (len(rows) - 128) // len(self.images)
        (self.before / "out.npy.part").write_bytes(rows[:128 + 3 * size + 100])
        kept = b"".join(lines.read_bytes().splitlines(keepends=True)[:3])
        (self.before / "out.jsonl.part").write_bytes(kept)
        self.had = kept
        for name in self.outputs:
            (self.before / name).unlink()

    def arguments(self):
        return [*super().arguments(), "--resume"]

    def check_part(self, test, name, home):
        if name == "out.jsonl":
            paths = [home / name, home / f"{name}.part"]
            data = [path.read_bytes() for path in paths if path.exists()]
            test.assertEqual(len(data), 1)
            test.assertTrue(data[0].startswith(self.had), "results are lost")


class Score(Scene):
    outputs = ["out.csv", "page.html"]

    def prepare(self):
        (self.before / "out.csv").write_bytes(OLD)

    def arguments(self):
        return ["score", *self.common(), "-o", "out.csv", "--report", "page.html", self.inputs,
                "a photo of a cat", "a dog"]


class Evaluate(Scene):
    outputs = ["out.jsonl", "page.html", "confusion.png"]

    def prepare(self):
        (self.before / "confusion.png").write_bytes(OLD)

    def arguments(self):
        return ["evaluate", *self.common(), "-o", "out.jsonl", "--report", "page.html",
                "--confusion", "confusion.png", self.inputs]

    def check_stdout(self, test, text):
        """What is for people is the same in each run; OpenBLAS prints what it could not free."""
        test.assertEqual(re.sub(r"error code=\d+,\trelease->.*\n", "", text), self.stdout)

    def check_lines(self, test, text):
        test.assertTrue(text.endswith("\n") or not text, text)

    def is_failed(self, name, found, right, stderr):
        # Accuracies change where an image failed.
        if name != "page.html":
            return "cannot" in stderr
        return super().is_failed(name, found, right, stderr)


class Pull(Scene):
    """From a hub on the loopback: what has come stays under the name of a part."""

    repository = "org/plain"

    def prepare(self):
        self.hub = Hub()
        self.data = {"open_clip_model.safetensors": hashlib.sha256(b"model").digest() * 8000,
                     "open_clip_config.json": b"{}"}
        self.hub.put(self.repository, **self.data)

    def close(self):
        self.hub.close()

    may_leave = [r"\.cache(/.*)?"]

    def environment(self):
        cleared = dict.fromkeys([*VARIABLES, "http_proxy", "HOME"], "")
        return {**super().environment(), **cleared, "HF_ENDPOINT": self.hub.front,
                "HF_HUB_CACHE": ".cache"}

    def arguments(self):
        return ["models", "pull", "--json", self.repository]

    def snapshot(self, home):
        found = list((home / ".cache").glob("models--*/snapshots/*"))
        return found[0] if found else None

    def check_stdout(self, test, text):
        pulled = json.loads(text)
        test.assertTrue(pulled["pulled"])

    def check(self, test, home, done, strict=True):
        super().check(test, home, done, strict)
        snapshot = self.snapshot(home)
        names = os.listdir(snapshot) if snapshot else []
        for name in names:
            if not name.endswith(".tmp"):
                test.assertEqual((snapshot / name).read_bytes(), self.data[name], name)
        temporary = [path for path in (home / ".cache").rglob("*.tmp")]
        test.assertFalse(strict and temporary, temporary)
        if done.returncode == 0:
            test.assertEqual(sorted(names), sorted(self.data))

    def check_again(self, test, home):
        done = self.run(home)
        test.assertEqual(done.returncode, 0, done.stderr)
        snapshot = self.snapshot(home)
        for name, data in self.data.items():
            test.assertEqual((snapshot / name).read_bytes(), data)


def scenes(place, only=()):
    """All of them, or those of some names; `place` is a folder on a disk."""
    kinds = {
        "classify": Classify, "report": ClassifyOver, "printed": Printed, "resume": Resume,
        "link": Link, "copy": Copy, "move": Move, "move_across": MoveAcross,
        "embed": Embed, "embed_resume": EmbedResume, "score": Score, "evaluate": Evaluate,
        "pull": Pull,
    }
    return [kind(place, name).finish() for name, kind in kinds.items() if not only or name in only]
