"""clip-cli on an index whose files are damaged, cut short, foreign, or cannot be written: an error
that names the file and says what to do, never a crash and never a wrong answer."""

import functools
import itertools
import os
import random
import shutil
import signal
import sqlite3
import tempfile
import unittest
from pathlib import Path

import faults
from common import MODELS, json_lines
from faulty_index import (
    MODEL,
    Scene,
    build,
    clip,
    draw,
    index_folder,
    search,
    tracer,
)

faults.need_program("strace", "strace")

FLIPS = int(os.environ.get("CLIP_TEST_FLIPS", "80"))
SEED = 12
IMAGES = 40
HEADER = 64  # bytes of a vector file
ADVICE = "clip-cli index --remove"


def vectors_of(folder):
    return next(folder.glob("vectors-*.f16"))


def flip(path, bit):
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def change(folder, sql):
    with sqlite3.connect(folder / "index.sqlite") as database:
        database.executescript(sql)
    database.close()


class Damage(unittest.TestCase):
    numbers = itertools.count()  # a copy has one, as several are tried at once

    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(holder.cleanup)
        cls.place = Path(os.path.realpath(holder.name))
        cls.scene = cls.indexed("one")
        cls.other = cls.indexed("other")

    @classmethod
    def indexed(cls, name):
        scene = Scene(cls.place, name)
        for i in range(IMAGES):
            draw(scene.root / f"{i % 3}" / f"{i:02d}.png", f"{name} {i}")
        scene.index()
        scene.finish()
        return scene

    def damaged(self, damage):
        """A copy of the index, damaged by a function of its folder; gives data and folder."""
        data = self.scene.copy(f"damaged {next(self.numbers)}")
        self.addCleanup(shutil.rmtree, data, ignore_errors=True)
        folder = index_folder(data, self.scene.root)
        damage(folder)
        return data, folder

    def check_advice(self, text, folder):
        # What the tables contradict each other in is of the root's index, and no file's.
        self.assertTrue(str(folder) in text or f"{self.scene.root}: " in text, text)
        self.assertIn(ADVICE, text)

    def check_any(self, damage):
        """Whatever the damage, nothing crashes, and each failure says what to do. Gives the
        outcomes of verify, search and index."""
        data, folder = self.damaged(damage)
        verified = clip(data, "index", "--verify", self.scene.root)
        found = search(data, self.scene.root, "--no-update")
        built = build(data, self.scene.root)
        after = search(data, self.scene.root)
        for done in (verified, found, built, after):
            faults.check_sane(self, done)
            # Of what is as another model, or nobody, would have it, nothing is wrong.
            none = "there is no index" in done.stderr or "has no vectors of" in done.stderr
            if done.returncode == 1 and not none:
                self.check_advice(done.stdout + done.stderr, folder)
        if after.returncode == 1:
            self.check_rebuilt(data)
        shutil.rmtree(data)
        return verified, found, built

    def check_bad(self, damage):
        """Damage that has to be noticed by whoever reads the vectors."""
        verified, found, _ = self.check_any(damage)
        self.assertEqual(verified.returncode, 1, verified.stdout)
        self.assertEqual(found.returncode, 1, found.stdout)

    def try_damages(self, check, damages):
        """Checks each of the damages, functions of the index's folder with a name."""
        faults.try_all(self, [(name, functools.partial(check, damage)) for name, damage in damages])

    def check_rebuilt(self, data):
        """The advice works."""
        removed = clip(data, "index", "--remove", self.scene.root)
        self.assertEqual(removed.returncode, 0, removed.stderr)
        built = build(data, self.scene.root)
        self.assertEqual(built.returncode, 0, built.stderr)
        self.assertEqual(json_lines(built.stdout)[0]["embedded"], IMAGES)


class Vectors(Damage):
    def test_cut_short(self):
        size = vectors_of(index_folder(self.scene.before, self.scene.root)).stat().st_size
        self.try_damages(self.check_bad, [
            (f"{length} bytes", lambda folder, n=length: os.truncate(vectors_of(folder), n))
            for length in (0, 1, HEADER - 1, HEADER, HEADER + 1, size // 2, size - 1)])

    def test_longer_is_what_a_crash_leaves(self):
        def lengthen(folder):
            with open(vectors_of(folder), "ab") as file:
                file.write(b"x" * 1000)

        for done in self.check_any(lengthen):
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_header(self):
        chance = random.Random(SEED)
        self.try_damages(self.check_bad, [
            (f"bit {bit}", lambda folder, n=bit: flip(vectors_of(folder), n))
            for bit in chance.sample(range(HEADER * 8), FLIPS // 4)])

    def test_rows(self):
        chance = random.Random(SEED)
        size = vectors_of(index_folder(self.scene.before, self.scene.root)).stat().st_size
        self.try_damages(self.check_found_by_verify, [
            (f"bit {bit}", lambda folder, n=bit: flip(vectors_of(folder), n))
            for bit in chance.sample(range(HEADER * 8, size * 8), FLIPS // 2)])

    def check_found_by_verify(self, damage):
        data, folder = self.damaged(damage)
        verified = clip(data, "index", "--verify", self.scene.root)
        self.assertEqual(verified.returncode, 1, verified.stdout)
        self.check_advice(verified.stdout + verified.stderr, folder)
        faults.check_sane(self, search(data, self.scene.root, "--no-update"))
        shutil.rmtree(data)

    def test_two_rows_swapped(self):
        def swap(folder):
            path = vectors_of(folder)
            data = path.read_bytes()
            stride = (len(data) - HEADER) // IMAGES
            one, two, rest = (data[HEADER:HEADER + stride],
                              data[HEADER + stride:HEADER + 2 * stride],
                              data[HEADER + 2 * stride:])
            path.write_bytes(data[:HEADER] + two + one + rest)

        self.check_found_by_verify(swap)

    def test_other_files(self):
        theirs = vectors_of(index_folder(self.other.before, self.other.root))
        another = self.scene.copy("model")
        self.addCleanup(shutil.rmtree, another)
        done = clip(another, "index", "--model", MODELS / "published-tiny.pt", self.scene.root)
        self.assertEqual(done.returncode, 0, done.stderr)
        of_model = index_folder(another, self.scene.root) / "vectors-2-1.f16"
        image = next(self.scene.root.rglob("*.png"))
        for path in (theirs, of_model, image, MODEL):
            with self.subTest(path.name):
                self.check_bad(lambda folder: shutil.copy(path, vectors_of(folder)))
        self.check_bad(lambda folder: shutil.copy(folder / "index.sqlite", vectors_of(folder)))

    def test_no_file(self):
        def folder_instead(folder):
            path = vectors_of(folder)
            path.unlink()
            path.mkdir()

        def pipe_instead(folder):
            path = vectors_of(folder)
            path.unlink()
            os.mkfifo(path)

        with self.subTest("removed"):
            self.check_bad(lambda folder: vectors_of(folder).unlink())
        with self.subTest("pipe"):
            self.check_bad(pipe_instead)
        with self.subTest("folder"):
            data, folder = self.damaged(folder_instead)
            for done in (clip(data, "index", "--verify", self.scene.root),
                         search(data, self.scene.root, "--no-update")):
                self.assertEqual(done.returncode, 1)
                self.check_advice(done.stdout + done.stderr, folder)

    def test_model_that_has_no_vectors(self):
        done = clip(self.scene.before, "search", "--no-update", "--in", self.scene.root, "--model",
                    MODELS / "published-tiny.pt", "cat")
        self.assertEqual(done.returncode, 1)
        self.assertIn("published-tiny", done.stderr)
        self.assertIn(" tiny", done.stderr.replace("published-tiny", ""))


class Databases(Damage):
    def test_cut_short(self):
        size = (index_folder(self.scene.before, self.scene.root) / "index.sqlite").stat().st_size
        self.try_damages(self.check_any, [
            (f"{length} bytes", lambda folder, n=length: os.truncate(folder / "index.sqlite", n))
            for length in (0, 1, 99, 100, 4096, size // 2, size - 4096, size - 1)])

    def test_flipped_bits(self):
        chance = random.Random(SEED)
        size = (index_folder(self.scene.before, self.scene.root) / "index.sqlite").stat().st_size
        damages = []
        for number in range(FLIPS):
            # Every other one in the first page, which says what the tables are.
            end = 4096 if number % 2 == 0 else size
            bits = [chance.randrange(end * 8) for _ in range(1 + number % 4)]
            damages.append((f"bits {bits}", lambda folder, all_bits=bits: [
                flip(folder / "index.sqlite", bit) for bit in all_bits]))
        self.try_damages(self.check_any, damages)

    def test_wrong_values(self):
        statements = (
            "PRAGMA user_version = 2", "PRAGMA application_id = 1",
            "UPDATE facts SET value = 'x' WHERE name = 'index'",
            "UPDATE facts SET value = '99999999999999999999' WHERE name = 'index'",
            "UPDATE facts SET value = '9999999999999999999' WHERE name = 'index'",
            "DELETE FROM facts",
            "UPDATE models SET rows = 9223372036854775807", "UPDATE models SET rows = -1",
            "UPDATE models SET rows = 'many'", "UPDATE models SET rows = 1",
            "UPDATE models SET dim = 9223372036854775807", "UPDATE models SET dim = 0",
            "UPDATE models SET dim = -64", "UPDATE models SET dim = 32",
            "UPDATE models SET generation = 9", "UPDATE models SET generation = -1",
            "UPDATE models SET identity = 'x'", "UPDATE models SET identity = x'00ff'",
            "UPDATE models SET path = x'00ff', name = x'ff'",
            "UPDATE embeddings SET row = -1 WHERE row = 0",
            "UPDATE embeddings SET row = 9223372036854775807 WHERE row = 0",
            "UPDATE embeddings SET row = 'x' WHERE row = 0",
            "UPDATE embeddings SET row = NULL WHERE row = 0",
            "UPDATE embeddings SET model = 7 WHERE row = 0",
            "UPDATE embeddings SET content = 10000 WHERE row = 0",
            "DELETE FROM embeddings", "DELETE FROM contents", "DELETE FROM folders",
            "DELETE FROM files", "DELETE FROM models",
            "UPDATE files SET name = x'ff2e706e67' WHERE name IN (SELECT min(name) FROM files)",
            "UPDATE files SET name = 'a/../../b.png' WHERE name IN (SELECT min(name) FROM files)",
            "UPDATE files SET size = -1, modified = 'x'",
            "UPDATE folders SET path = x'ff' WHERE path = x'30'",
            "UPDATE folders SET mount = 'x'",
            "INSERT INTO unused_rows VALUES(1, 0), (1, -5), (1, 100000), (2, 0)",
            "DROP TABLE files", "DROP TABLE embeddings", "DROP TABLE neutral",
            "ALTER TABLE files RENAME COLUMN size TO length",
            "DROP TABLE models; CREATE VIEW models AS SELECT * FROM facts",
            "CREATE TRIGGER t AFTER DELETE ON files BEGIN SELECT raise(ABORT, 'no'); END",
        )
        self.try_damages(self.check_any, [
            (sql, lambda folder, each=sql: change(folder, each)) for sql in statements])

    def test_other_files(self):
        theirs = index_folder(self.other.before, self.other.root) / "index.sqlite"
        image = next(self.scene.root.rglob("*.png"))
        text = self.place / "text"
        text.write_text("no database\n" * 1000)
        self.check_bad(lambda folder: shutil.copy(theirs, folder / "index.sqlite"))
        for path in (image, text, MODEL):
            with self.subTest(path.name):
                self.check_bad(lambda folder: shutil.copy(path, folder / "index.sqlite"))
        plain = self.place / "plain.sqlite"
        with sqlite3.connect(plain) as database:
            database.execute("CREATE TABLE t(a)")
        database.close()
        self.check_bad(lambda folder: shutil.copy(plain, folder / "index.sqlite"))

    def hot_journal(self):
        """What a run of the other index leaves that is killed before it removes the journal."""
        data = self.other.copy("hot")
        self.addCleanup(shutil.rmtree, data)
        draw(self.other.root / "new.png", "new")
        self.addCleanup((self.other.root / "new.png").unlink)
        fault = "inject=unlink:signal=SIGKILL:when=1"
        done = build(data, self.other.root, prefix=tracer(data, self.other.root, f"{data}.log",
                                                          "-e", fault))
        self.assertIn(done.returncode, (-signal.SIGKILL, 128 + signal.SIGKILL), done.stderr)
        path = index_folder(data, self.other.root) / "index.sqlite-journal"
        self.assertGreater(path.stat().st_size, 512)
        return path

    def test_journal(self):
        journal = self.hot_journal().read_bytes()
        chance = random.Random(SEED)
        cases = {"text": b"no journal\n" * 1000, "empty": b"", "zeros": bytes(5000),
                 "noise": chance.randbytes(9000), "foreign": journal}
        for length in (8, 28, 511, 512, 513, 4000, len(journal) - 1):
            cases[f"{length} bytes"] = journal[:length]
        for number in range(FLIPS // 8):
            flipped = bytearray(journal)
            bit = chance.randrange(len(journal) * 8 if number % 2 else 512)
            flipped[bit // 8] ^= 1 << bit % 8
            cases[f"bit {bit}"] = bytes(flipped)
        self.try_damages(self.check_any, [
            (name, lambda folder, each=contents:
             (folder / "index.sqlite-journal").write_bytes(each))
            for name, contents in cases.items()])

    def test_folders_instead_of_files(self):
        for name in ("index.sqlite", "index.sqlite-journal", "lock"):
            with self.subTest(name):
                def replace(folder):
                    (folder / name).unlink(missing_ok=True)
                    (folder / name).mkdir()

                data, folder = self.damaged(replace)
                for done in (clip(data, "index", "--verify", self.scene.root),
                             search(data, self.scene.root, "--no-update"),
                             build(data, self.scene.root)):
                    faults.check_sane(self, done)
                    if done.returncode == 1:
                        self.assertIn(str(folder), done.stderr)
                self.assertEqual(done.returncode, 1)
                shutil.rmtree(data)
        with self.subTest("the index's folder is a file"):
            def file_instead(folder):
                shutil.rmtree(folder)
                folder.write_text("x")

            data, folder = self.damaged(file_instead)
            done = build(data, self.scene.root)
            self.assertEqual(done.returncode, 1)
            self.assertIn(str(folder), done.stderr)


# Runs commands as `step NAME COMMAND...`, and keeps of each what it prints, and its exit code.
STEPS = """
step() {
  name=$1; shift
  "$@" >"$OUT/$name.out" 2>"$OUT/$name.err"
  echo $? >"$OUT/$name.code"
}
"""


class Disks(Damage):
    """Mounts of a namespace of the test's own."""

    def inside(self, script, **variables):
        """Runs a script with `step`s; gives {name: (code, stdout, stderr)}."""
        with tempfile.TemporaryDirectory() as out:
            users = [] if os.geteuid() == 0 else ["--map-root-user"]
            words = ["env", f"OUT={out}",
                     *(f"{key}={value}" for key, value in variables.items())]
            prefix = ["unshare", "--mount", *users, *words, "sh", "-c",
                      STEPS + script + "\n: \"$0\" \"$@\""]
            data = variables.get("XDG_DATA_HOME", str(self.place / "none"))
            done = clip(data, "index", "--model", MODEL, "--json", prefix=prefix)
            self.assertEqual(done.returncode, 0, f"needs unshare and mount: {done.stderr}")
            return {path.stem: (int(path.read_text()),
                                path.with_suffix(".out").read_text(errors="surrogateescape"),
                                path.with_suffix(".err").read_text(errors="surrogateescape"))
                    for path in Path(out).glob("*.code")}

    def script(self, lines):
        """With `build`, `verify` and `search` for what they are here."""
        return f"""
build() {{ "$0" index --model {MODEL} --json "$@"; }}
verify() {{ "$0" index --verify "$@"; }}
search() {{ "$0" search --model {MODEL} --top 1000 --json --in "$@" cat; }}
{lines}
"""

    def images(self, outcome):
        return sorted(hit["image"] for hit in json_lines(outcome[1]))

    def test_full_disk(self):
        disk = self.place / "disk"
        disk.mkdir()
        before = self.place / "disk before"
        shutil.copytree(self.scene.before, before)
        folder = index_folder(disk, self.scene.root)
        had = list(self.scene.images)
        # More images than there is room for.
        added = [self.scene.root / "more" / f"{i}.png" for i in range(300)]
        for i, path in enumerate(added):
            draw(path, f"more {i}")
        self.addCleanup(shutil.rmtree, self.scene.root / "more")
        script = self.script("""
mount -t tmpfs -o size=$SIZE tmpfs "$DISK" || exit 77
cp -r "$BEFORE/." "$DISK" || exit 77
step full build "$ROOT"
step verify verify "$ROOT"
step found search "$ROOT" --no-update
step refreshed search "$ROOT"
mount -o remount,size=50m "$DISK" || exit 77
step more build "$ROOT"
step all search "$ROOT" --no-update
step right verify "$ROOT"
""")
        used = sum((path.stat().st_size + 4095) // 4096 for path in before.rglob("*")
                   if path.is_file())
        for pages in (0, 3, 8, 20):
            with self.subTest(pages=pages):
                size = (used + pages + 5) * 4096
                outcome = self.inside(script, SIZE=size, DISK=disk, BEFORE=before,
                                      ROOT=self.scene.root, XDG_DATA_HOME=disk)
                code, _, error = outcome["full"]
                self.assertEqual(code, 1, error)
                self.assertRegex(error, "No space left on device|database or disk is full")
                self.assertIn(str(folder), error)
                self.assertEqual(outcome["verify"][0], 0, outcome["verify"])
                self.assertEqual(outcome["found"][0], 0, outcome["found"][2])
                self.assertLessEqual(set(had), set(self.images(outcome["found"])))
                # A search says so too, and is an answer from what there is, or an error.
                self.assertRegex(outcome["refreshed"][2],
                                 "No space left on device|database or disk is full")
                code, report, error = outcome["more"]
                self.assertEqual(code, 0, error)
                self.assertEqual(json_lines(report)[0]["embedded"],
                                 len(had) + len(added) - len(self.images(outcome["found"])))
                self.assertEqual(self.images(outcome["all"]),
                                 sorted([*had, *map(str, added)]))
                self.assertEqual(outcome["right"][0], 0, outcome["right"])

    def test_no_room_for_a_first_index(self):
        disk = self.place / "small disk"
        disk.mkdir()
        outcome = self.inside(self.script("""
mount -t tmpfs -o size=32k tmpfs "$DISK" || exit 77
step full build "$ROOT"
step none search "$ROOT" --no-update
mount -o remount,size=50m "$DISK" || exit 77
step more build "$ROOT"
step all search "$ROOT" --no-update
"""), DISK=disk, ROOT=self.scene.root, XDG_DATA_HOME=disk)
        self.assertEqual(outcome["full"][0], 1)
        self.assertRegex(outcome["full"][2], "No space left on device|database or disk is full")
        self.assertEqual(outcome["none"][0], 1)
        self.assertIn("there is no index", outcome["none"][2])
        self.assertEqual(outcome["more"][0], 0, outcome["more"])
        self.assertEqual(self.images(outcome["all"]), self.scene.images)

    def test_read_only_folder_with_an_index_in_it(self):
        root = self.place / "album"
        shutil.copytree(self.scene.root, root)
        done = build(self.place / "none", root, "--here")
        self.assertEqual(done.returncode, 0, done.stderr)
        draw(root / "new.png", "new")
        outcome = self.inside(self.script("""
mount --bind "$ROOT" "$ROOT" && mount -o remount,ro,bind "$ROOT" || exit 77
step build build --here "$ROOT"
step verify verify "$ROOT"
step found search "$ROOT"
step kept search "$ROOT" --no-update
step removed "$0" index --remove "$ROOT"
"""), ROOT=root)
        code, _, error = outcome["build"]
        self.assertEqual(code, 1)
        self.assertIn(f"{root}/.clip-cli", error)
        self.assertIn("Read-only file system", error)
        self.assertEqual(outcome["verify"][0], 0, outcome["verify"])
        # A search uses the index as it is, and says so.
        for name in ("found", "kept"):
            self.assertEqual(outcome[name][0], 0, outcome[name])
            self.assertEqual(len(self.images(outcome[name])), IMAGES)
        self.assertIn("Read-only file system", outcome["found"][2])
        self.assertEqual(outcome["removed"][0], 1)
        self.assertIn("Read-only file system", outcome["removed"][2])

    def test_read_only_folder_without_an_index(self):
        root = self.place / "plain album"
        shutil.copytree(self.scene.root, root)
        data = self.place / "data of plain album"
        outcome = self.inside(self.script("""
mount --bind "$ROOT" "$ROOT" && mount -o remount,ro,bind "$ROOT" || exit 77
step here build --here "$ROOT"
step elsewhere build "$ROOT"
step found search "$ROOT"
"""), ROOT=root, XDG_DATA_HOME=data)
        self.assertEqual(outcome["here"][0], 1)
        self.assertIn(f"{root}/.clip-cli: Read-only file system", outcome["here"][2])
        self.assertEqual(outcome["elsewhere"][0], 0, outcome["elsewhere"])
        self.assertEqual(len(self.images(outcome["found"])), IMAGES)

    def test_data_folder_that_cannot_be_written(self):
        blocked = self.place / "a file"
        blocked.write_text("x")
        for done in (build(blocked, self.scene.root), search(blocked, self.scene.root)):
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"{blocked}/clip-cli", done.stderr)
        data = self.place / "data"
        data.mkdir()
        outcome = self.inside(self.script("""
mount --bind "$DATA" "$DATA" && mount -o remount,ro,bind "$DATA" || exit 77
step build build "$ROOT"
step found search "$ROOT"
"""), DATA=data, ROOT=self.scene.root, XDG_DATA_HOME=data)
        for code, _, error in outcome.values():
            self.assertEqual(code, 1)
            self.assertIn(f"{data}/clip-cli", error)
            self.assertIn("Read-only file system", error)


if __name__ == "__main__":
    unittest.main()
