"""What the tests of damaged and interrupted indexes share: folders of tiny images, runs with an
index of their own, and the check that an index is right after a fault."""

import hashlib
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import faults
from common import BINARY, MODELS, json_lines, need

need("PIL")
from PIL import Image  # noqa: E402 (after the check that it is there)

MODEL = MODELS / "tiny.pt"
QUERY = "a photo of a cat"
LONG_AGO = 1_600_000_000  # seconds since 1970: files' times, which no clock's resolution blurs


def draw(path, seed):
    """A PNG of 64x64 in four coloured squares, other ones for each seed."""
    digest = hashlib.sha256(str(seed).encode()).digest()
    image = Image.frombytes("RGB", (2, 2), digest[:12]).resize((64, 64), Image.Resampling.NEAREST)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    os.utime(path, (LONG_AGO, LONG_AGO))


def note(path, text):
    """A file that is no image: it is read and remembered, and costs the model nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (LONG_AGO, LONG_AGO))


def images_in(root):
    return sorted(str(path) for path in Path(root).rglob("*.png"))


def index_folder(data, root):
    """Where the index of a root lies."""
    name = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:16]
    return Path(data) / "clip-cli" / "indexes" / name


def environment(data):
    variables = {key: value for key, value in os.environ.items() if key != "CLIP_MODEL"}
    return {**variables, "XDG_DATA_HOME": str(data)}


def start(data, *arguments, prefix=()):
    return subprocess.Popen([*map(str, prefix), BINARY, *map(str, arguments)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            errors="surrogateescape", env=environment(data))


def clip(data, *arguments, prefix=()):
    process = start(data, *arguments, prefix=prefix)
    stdout, stderr = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def build(data, root, *arguments, prefix=()):
    return clip(data, "index", "--model", MODEL, "--json", *arguments, root, prefix=prefix)


def search(data, root, *arguments):
    return clip(data, "search", "--model", MODEL, "--threads", 1, "--in", root, "--top", 100000,
                "--json", *arguments, QUERY)


def scores_in(done):
    """{image: score} of a search."""
    hits = [(hit["image"], hit["score"]) for hit in json_lines(done.stdout)]
    scores = dict(hits)
    assert len(scores) == len(hits), "an image was found twice"
    return scores


def embedded_keys(data, root):
    """The keys of the contents that have a vector, as the database says; empty where it has no
    tables."""
    path = index_folder(data, root) / "index.sqlite"
    if not path.exists():
        return set()
    database = sqlite3.connect(path)
    try:
        if database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            return set()
        return {key for (key,) in database.execute(
            "SELECT c.key FROM contents c JOIN embeddings e ON e.content = c.id "
            "WHERE e.row IS NOT NULL")}
    finally:
        database.close()


def index_files(data, root):
    """The files that an index of one model has, now or at times."""
    folder = index_folder(data, root)
    names = ["lock", "index.sqlite", "index.sqlite-journal"]
    for generation in (1, 2, 3):
        names += [f"vectors-1-{generation}.f16", f"vectors-1-{generation}.f16.part"]
    return [folder, *(folder / name for name in names)]


def tracer(data, root, log, *options):
    """strace for system calls on the index's files; `options` may inject faults into them."""
    paths = [word for path in index_files(data, root) for word in ("-P", str(path))]
    return faults.strace(log, *paths, *options)


def calls_of(data, root, log, *arguments):
    """Runs `index` and gives each system call of it that changes the index's files."""
    done = build(data, root, *arguments,
                 prefix=tracer(data, root, log, *faults.listing(faults.CHANGES)))
    assert done.returncode == 0, done.stderr
    return faults.calls_on(log)


class Scene:
    """A folder in a state that a run of `index` has to change the index for, and the index before
    it, if any."""

    def __init__(self, place, name, arguments=()):
        self.name = name
        self.root = Path(place) / name
        self.root.mkdir()
        self.before = Path(place) / f"{name}.before"
        self.before.mkdir()
        self.arguments = ["--threads", 1, "--batch", 8, *arguments]

    def index(self):
        done = build(self.before, self.root, *self.arguments)
        assert done.returncode == 0, done.stderr

    def finish(self):
        """Once the folder is as it shall be: what a run without a fault makes of it."""
        self.images = images_in(self.root)
        self.keys_before = embedded_keys(self.before, self.root)
        data = self.copy("right")
        done = build(data, self.root, *self.arguments)
        assert done.returncode == 0, done.stderr
        self.scores = scores_in(search(data, self.root, "--no-update"))
        assert sorted(self.scores) == self.images
        self.keys = embedded_keys(data, self.root)
        shutil.rmtree(data)

    def copy(self, name):
        """The index before the run, as the data folder of a run."""
        data = self.before.parent / f"{self.name}.{name}"
        shutil.copytree(self.before, data)
        return data


def check_opens(test, scene, data):
    """After a fault: the index is whole, or was not made yet, and nothing that was committed
    before is lost. Gives the keys of what has been embedded."""
    verified = clip(data, "index", "--verify", scene.root)
    faults.check_sane(test, verified)
    keys = embedded_keys(data, scene.root)
    test.assertLessEqual(scene.keys_before & scene.keys, keys, "committed vectors are lost")
    if verified.returncode != 0:
        test.assertIn("there is no index", verified.stderr, verified.stdout)
        test.assertFalse(keys)
    return keys


def check_hits(test, scene, found):
    """Every file is found once, with its own score."""
    test.assertEqual(found.returncode, 0, found.stderr)
    scores = scores_in(found)
    test.assertEqual(sorted(scores), scene.images)
    for image, score in scores.items():
        test.assertAlmostEqual(score, scene.scores[image], delta=0.01, msg=image)


def check_goes_on(test, scene, data):
    """The same, and a search that refreshes the index finds every file."""
    check_opens(test, scene, data)
    check_hits(test, scene, search(data, scene.root))


def check_no_update(test, scene, data, keys):
    """A search of the index as it is works, unless nothing has been embedded."""
    found = search(data, scene.root, "--no-update")
    faults.check_sane(test, found)
    if found.returncode == 0:
        test.assertEqual(bool(scores_in(found)), bool(keys))
    else:
        test.assertRegex(found.stderr, "there is no index|has no vectors of the model")
        test.assertFalse(keys)


def check_right(test, scene, data):
    """The same, in all detail: a search of the index as it is works, the next run embeds what had
    not been committed and no more, and then the index is whole, with no file that is not its."""
    keys = check_opens(test, scene, data)
    check_no_update(test, scene, data, keys)
    done = build(data, scene.root, *scene.arguments)
    test.assertEqual(done.returncode, 0, done.stderr)
    report = json_lines(done.stdout)[0]
    test.assertTrue(report["complete"])
    test.assertEqual(report["embedded"], len(scene.keys - keys), report)
    check_hits(test, scene, search(data, scene.root, "--no-update"))
    verified = clip(data, "index", "--verify", scene.root)
    test.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)
    # A journal that SQLite had not begun to write behind stays until something is written again.
    names = sorted(path.name for path in index_folder(data, scene.root).iterdir()
                   if path.name != "index.sqlite-journal")
    test.assertEqual(names[:2], ["index.sqlite", "lock"])
    test.assertRegex(" ".join(names[2:]), r"^vectors-1-\d\.f16$")
