"""Shards: disjoint, complete, and merged to the bytes of a single run, whatever ended them before."""

import json
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
import unittest
from pathlib import Path

from common import BINARY, MODELS, json_lines, need, run
from images import draw

numpy = need("numpy")

TINY = MODELS / "published-tiny.pt"
SLURM = [name for name in os.environ if name.startswith("SLURM_")]
for variable in SLURM:  # of a job that runs these tests
    del os.environ[variable]


def shard_of(path, shard, count):
    return path.with_name(f"{path.stem}-{shard:05d}-of-{count:05d}{path.suffix}")


def in_array(task, count, first=0, step=1, **more):
    return {"SLURM_ARRAY_TASK_ID": str(first + step * task), "SLURM_ARRAY_TASK_MIN": str(first),
            "SLURM_ARRAY_TASK_MAX": str(first + step * (count - 1)),
            "SLURM_ARRAY_TASK_COUNT": str(count), "SLURM_ARRAY_TASK_STEP": str(step), **more}


def under_srun(process, count):
    return {"SLURM_STEP_ID": "0", "SLURM_PROCID": str(process), "SLURM_NTASKS": str(count)}


class ShardCase(unittest.TestCase):
    """Images are computed one at a time: then the same image gives the same bytes in every run."""

    COUNT = 101

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.photos = self.folder / "photos"
        for i in range(12):
            draw(self.folder / f"image{i}.png", i)
        for i in range(self.COUNT):
            path = self.photos / f"{i % 3}" / f"{i:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(self.folder / f"image{i % 12}.png", path)
        bad = self.photos / "1/0007.png"
        bad.unlink()
        bad.write_text("this is no image")
        self.output = self.folder / "out/photos.npy"
        self.output.parent.mkdir()
        self.one = self.folder / "one.npy"

    def embed(self, *arguments, **options):
        return run("embed", "--model", TINY, "--batch", "1", *arguments, **options)

    def embed_shards(self, count, *arguments, inputs=None, output=None):
        inputs = [self.photos] if inputs is None else inputs
        done = [self.embed(*inputs, "-o", output or self.output, "--shard", f"{i}/{count}", *arguments)
                for i in range(count)]
        for each in done:
            self.assertIn(each.returncode, (0, 1), each.stderr)  # one image is bad
        return done

    def merge(self, *arguments, output=None, code=0):
        done = run("embed", "--merge", "-o", output or self.output, *arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def check_same(self, output=None, one=None):
        output, one = output or self.output, one or self.one
        for ending in {output.suffix, ".jsonl"}:
            self.assertTrue(output.with_suffix(ending).read_bytes()
                            == one.with_suffix(ending).read_bytes(), ending)

    def files(self):
        return {path.name: (path.stat().st_mtime_ns, path.stat().st_ino)
                for path in self.output.parent.iterdir()}


class Merge(ShardCase):
    def test_eight_shards_are_one_run(self):
        for options, ending in (([], "npy"), (["--f16"], "npy"), ([], "jsonl")):
            output, one = self.output.with_suffix(f".{ending}"), self.one.with_suffix(f".{ending}")
            self.assertEqual(self.embed(self.photos, "-o", one, *options).returncode, 1)
            done = self.embed_shards(8, *options, output=output)
            self.assertEqual([each.returncode for each in done].count(1), 1)
            for i, each in enumerate(done):
                self.assertIn(f"shard {i}/8, into {shard_of(output, i, 8)}", each.stderr)
            errors = self.merge(output=output)
            self.assertIn(f"8 shards, {self.COUNT} results, 1 of them failed", errors)
            self.check_same(output, one)
            before = output.read_bytes()
            self.merge(*[shard_of(output, i, 8) for i in (3, 1, 0, 2, 7, 5, 4, 6)], output=output)
            self.assertTrue(output.read_bytes() == before)
            shutil.rmtree(self.output.parent)
            self.output.parent.mkdir()

    def test_each_shard_is_every_eighth_of_the_list(self):
        self.embed(self.photos, "-o", self.one)
        names = [line["image"] for line in json_lines(self.one.with_suffix(".jsonl").read_text())]
        self.assertEqual(len(names), self.COUNT)
        self.embed_shards(8)
        for i in range(8):
            lines = json_lines(shard_of(self.output, i, 8).with_suffix(".jsonl").read_text())
            self.assertEqual([line["image"] for line in lines], names[i::8])
            record = json.loads(Path(f"{shard_of(self.output, i, 8)}.shard").read_text())
            self.assertEqual((record["shard"], record["shards"], record["items"], record["results"]),
                             (i, 8, self.COUNT, len(lines)))

    def test_more_shards_than_images(self):
        few = self.folder / "few"
        few.mkdir()
        for i in range(3):
            draw(few / f"{i}.png", i)
        self.assertEqual(self.embed(few, "-o", self.one).returncode, 0)
        done = self.embed_shards(5, inputs=[few])
        self.assertEqual([each.returncode for each in done], [0] * 5)
        self.assertEqual([numpy.load(shard_of(self.output, i, 5)).shape[0] for i in range(5)],
                         [1, 1, 1, 0, 0])
        self.merge()
        self.check_same()

    def test_no_image_at_all_completes_nothing(self):
        empty = self.folder / "empty"
        empty.mkdir()
        for output in (self.output, self.output.with_suffix(".jsonl")):
            done = self.embed(empty, "-o", output, "--shard", "0/2")
            self.assertEqual(done.returncode, 1)
            self.assertIn("no image was found", done.stderr)
        self.assertEqual([name for name in self.files() if not name.endswith(".part")], [])

    def test_texts_are_dealt_out_in_the_groups_that_are_computed_together(self):
        texts = self.folder / "texts"
        texts.write_text("".join(f"text number {i % 140}\n\n" for i in range(300)) + "word " * 100)
        arguments = ["--texts", texts]
        for ending in ("npy", "jsonl"):
            shutil.rmtree(self.output.parent)
            self.output.parent.mkdir()
            output, one = self.output.with_suffix(f".{ending}"), self.one.with_suffix(f".{ending}")
            self.assertEqual(self.embed(*arguments, "-o", one).returncode, 1)  # one is too long
            self.embed_shards(3, inputs=arguments, output=output)
            lines = json_lines(shard_of(output, 1, 3).with_suffix(".jsonl").read_text())
            self.assertEqual([line["text"] for line in lines],
                             [f"text number {i % 140}" for i in [*range(64, 128), *range(256, 300)]]
                             + ["word " * 100])
            self.merge(output=output)
            self.check_same(output, one)

    def test_a_list_on_standard_input(self):
        self.embed(self.photos, "-o", self.one)
        listed = "".join(f"{line['image']}\n" for line in
                         json_lines(self.one.with_suffix(".jsonl").read_text()))
        for i in range(2):
            self.embed("-", "-o", self.output, "--shard", f"{i}/2", stdin=listed)
        self.merge()
        self.check_same()

    def test_shards_that_do_not_know_the_dimension(self):
        """All that they have failed: whether the model says the dimension or not, they fit."""
        for path in sorted(self.photos.glob("*/*"))[1::2]:
            path.unlink()
            path.write_text("this is no image")
        self.embed(self.photos, "-o", self.one)
        self.embed_shards(2)
        names = json_lines(shard_of(self.output, 1, 2).with_suffix(".jsonl").read_text())
        self.assertTrue(all("error" in line for line in names))
        self.merge()
        self.check_same()
        # As a model that does not state its dimension would have left it.
        rows = shard_of(self.output, 1, 2)
        header = rows.read_bytes()[:128].replace(b", 32)", b", 0) ").replace(b", 64)", b", 0) ")
        self.assertIn(b", 0)", header)
        rows.write_bytes(header)
        self.merge()
        self.check_same()


class Vectors(ShardCase):
    """What is not merged, but read side by side."""

    def test_laion_s_layout_is_one_folder(self):
        folder = self.folder / "laion"
        arguments = ["--layout", "laion", "--f32"]
        self.embed(self.photos, "-o", self.one)
        lines = json_lines(self.one.with_suffix(".jsonl").read_text())
        expected = numpy.load(self.one)
        self.embed_shards(3, *arguments, output=folder)
        names = [f"img_emb_{i}.npy" for i in range(3)]
        self.assertEqual(sorted(path.name for path in (folder / "img_emb").iterdir()), names)
        for i, name in enumerate(names):
            own = [row for k, row in enumerate(expected) if k % 3 == i and "error" not in lines[k]]
            self.assertTrue((numpy.load(folder / "img_emb" / name) == numpy.array(own)).all())
        before = {path: path.stat().st_mtime_ns for path in folder.glob("*/*")}
        for done in self.embed_shards(3, *arguments, output=folder):
            self.assertIn("nothing to do", done.stderr)
        self.assertEqual({path: path.stat().st_mtime_ns for path in folder.glob("*/*")}, before)

    def test_indexes_of_faiss(self):
        output = self.output.with_suffix(".faiss")
        self.embed_shards(3, output=output)
        self.assertTrue(all(shard_of(output, i, 3).exists() for i in range(3)))
        for done in self.embed_shards(3, output=output):
            self.assertIn("nothing to do", done.stderr)


class Refused(ShardCase):
    """What is missing, incomplete, or of another run."""

    def setUp(self):
        super().setUp()
        self.embed_shards(4)
        self.merge()
        self.before = self.output.read_bytes()

    def refuse(self, *words, arguments=(), output=None):
        errors = self.merge(*arguments, output=output, code=1)
        for word in words:
            self.assertIn(str(word), errors)
        self.assertTrue(self.output.read_bytes() == self.before)  # nothing is half-written
        self.assertFalse([path for path in self.output.parent.iterdir() if ".part-" in path.name])

    def shard(self, i, count=4):
        return shard_of(self.output, i, count)

    def test_missing_and_incomplete(self):
        self.shard(1).rename(f"{self.shard(1)}.part")
        self.refuse("not complete yet", f"{self.shard(1)}")
        self.shard(2).unlink()
        self.refuse("missing", self.shard(2), self.shard(1))
        named = [self.shard(0), self.shard(3)]
        self.refuse("missing: 1/4, 2/4", arguments=named)
        self.refuse("both shard 0/4", arguments=[self.shard(0), self.shard(0)])
        (Path(f"{self.shard(3)}.shard")).unlink()
        self.refuse("is no shard", arguments=named)
        self.refuse("no shards", "none-00000-of-00008.npy",
                    output=self.output.with_name("none.npy"))

    def test_shards_of_two_runs_side_by_side(self):
        self.embed_shards(2)
        self.refuse("2 and of 4")
        self.merge(*[self.shard(i, 2) for i in range(2)])
        self.assertTrue(self.output.read_bytes() == self.before)
        self.refuse("is one of 2 shards", arguments=[self.shard(0), self.shard(1, 2)])

    def test_another_run(self):
        other = self.folder / "other"
        for arguments, word in ((["--f16"], "npy-f16"), (["--ignore-exif"], "decoding"),
                                (["--model", MODELS / "tiny.pt"], "model"),
                                (["--exclude", "0000.png"], "another list")):
            other.mkdir()
            options = [] if "--model" in arguments else ["--model", TINY]
            done = run("embed", *options, "--batch", "1", self.photos, "-o", other / "photos.npy",
                       "--shard", "3/4", *arguments)
            self.assertIn(done.returncode, (0, 1), done.stderr)
            foreign = shard_of(other / "photos.npy", 3, 4)
            self.refuse(word, foreign, self.shard(0),
                        arguments=[*(self.shard(i) for i in range(3)), foreign])
            shutil.rmtree(other)
        run("classify", "--model", TINY, self.photos, "--labels", "a,b", "-o",
            self.output.with_suffix(".jsonl"), "--shard", "0/1")
        for i in range(4):
            run("classify", "--model", TINY, self.photos, "--labels", "a,b", "-o",
                self.folder / "c.jsonl", "--shard", f"{i}/4")
        done = run("embed", "--merge", "-o", self.folder / "c.jsonl")
        self.assertEqual(done.returncode, 1)
        self.assertIn("made by classify", done.stderr)

    def test_files_that_were_changed(self):
        rows, lines = self.shard(1), self.shard(1).with_suffix(".jsonl")
        record = Path(f"{rows}.shard")
        whole = {path: path.read_bytes() for path in (rows, lines, record)}
        first, *rest = whole[lines].splitlines(keepends=True)
        facts = json.loads(whole[record])

        def changed(**values):
            return json.dumps({**facts, **values}).encode()

        for path, content, word in (
                (rows, whole[rows][:-1], "shorter or longer"),
                (rows, whole[rows] + b"\0", "shorter or longer"),
                (rows, b"no array" * 30, "no .npy file"), (rows, whole[rows][:60], "cannot merge"),
                (rows, whole[rows].replace(b"<f4", b"<f2", 1), "shorter or longer"),
                (lines, b"".join(rest), "cut short"), (lines, whole[lines] + first, "too many lines"),
                (lines, whole[lines][:-1], "cut short"), (lines, b"", "cut short"),
                (lines, b"".join([*rest, first]), "not those that its record says"),
                (lines, b"{}\n" + b"".join(rest), "line 1"), (lines, b"\n" + whole[lines], "line 1"),
                (record, b"", "empty"), (record, b"{}", "no record"), (record, b"[" * 999, "no record"),
                (record, changed(shard=2), "says that it is shard 2/4"),
                (record, changed(shard=4), "no record"), (record, changed(shards=0), "no record"),
                (record, changed(shards="4"), "no record"), (record, changed(group=0), "no record"),
                (record, changed(results=3), "damaged"), (record, changed(items=99), "another list"),
                (record, changed(sizes=[1, 2]), "damaged"),
                (record, changed(sizes=[2 ** 63] * 25), "damaged"),
                (record, changed(failed=9), "not those that its record says"),
                (record, changed(run=""), "made with")):
            path.write_bytes(content)
            with self.subTest(path=path.name, content=content[:60]):
                self.refuse(word)
            path.write_bytes(whole[path])
        self.merge()

    def test_bad_usage(self):
        for arguments, word in (
                (["--merge"], "--output"), (["--merge", "-o", "a.csv"], "joins"), (["--merge", "-o", "a.faiss"], "joins"),
                (["--merge", "-o", "a.npy", "--shard", "0/2"], "no option of a run"),
                (["--merge", "-o", "a.npy", "--texts", "a"], "no option of a run"),
                *[([self.photos, "--shard", text], "K/N")
                  for text in ("", "3", "4/4", "-1/4", "a/b", "0/0", "1/2/3", " 0/2", "0/100001",
                               "0x1/4", "1.0/4", "99999999999999999999/4")]):
            done = self.embed(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertIn(word, done.stderr)
        for command, word in (("evaluate", "accurac"), ("index", "one process")):
            done = run(command, self.photos, "--shard", "0/2")
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(word, done.stderr)


class Again(ShardCase):
    """A second run: what is complete stays, what is not goes on."""

    def setUp(self):
        super().setUp()
        self.embed(self.photos, "-o", self.one)

    def test_kill_9_of_each_shard(self):
        killed = 0
        for i in range(8):
            part = Path(f"{shard_of(self.output, i, 8).with_suffix('.jsonl')}.part")
            process = subprocess.Popen(
                [BINARY, "embed", "--model", str(TINY), "--batch", "1", str(self.photos), "-o",
                 str(self.output), "--shard", f"{i}/8"], stderr=subprocess.DEVNULL)
            while not (part.exists() and part.read_bytes().count(b"\n") > i) and process.poll() is None:
                time.sleep(0.0002)
            process.kill()
            killed += process.wait() == -signal.SIGKILL
        self.assertGreaterEqual(killed, 4)
        done = self.embed_shards(8)
        self.assertGreaterEqual(sum("had been done before" in each.stderr for each in done), 4)
        self.merge()
        self.check_same()

    def test_whatever_a_crash_left(self):
        self.embed_shards(2)
        rows = shard_of(self.output, 1, 2)
        lines, record = rows.with_suffix(".jsonl"), Path(f"{rows}.shard")
        whole = {path: path.read_bytes() for path in (rows, lines, record)}
        half = {path: content[:len(content) // 2] for path, content in whole.items()}
        for state in ({Path(f"{rows}.part"): half[rows], Path(f"{lines}.part"): half[lines]},
                      {Path(f"{rows}.part"): b"", Path(f"{lines}.part"): b""},
                      # The record comes first, then the lines get their name, then the rows.
                      {Path(f"{rows}.part"): whole[rows], Path(f"{lines}.part"): whole[lines],
                       record: whole[record]},
                      {Path(f"{rows}.part"): whole[rows], lines: whole[lines],
                       record: whole[record]}):
            for path in whole:
                path.unlink()
            for path, content in state.items():
                path.write_bytes(content)
            self.embed(self.photos, "-o", self.output, "--shard", "1/2")
            for path, content in whole.items():
                self.assertTrue(path.read_bytes() == content, path)
            self.assertFalse([name for name in self.files() if name.endswith(".part")])
        self.merge()
        self.check_same()

    def test_what_is_complete_is_not_touched(self):
        outputs = [self.output, *(self.output.with_name(name) for name in ("lines.jsonl", "table.csv"))]
        for output in outputs:
            self.embed_shards(4, output=output)
        before = self.files()
        for path in self.photos.glob("*/*"):  # no image is looked into
            path.unlink()
            path.write_bytes(b"no image any more")
        for output in outputs:
            again = self.embed_shards(4, output=output)
            for i, done in enumerate(again):
                self.assertIn(f"{shard_of(output, i, 4)} is complete: there is nothing to do", done.stderr)
                self.assertNotIn("images in", done.stderr)
            self.assertEqual(sum(done.returncode for done in again), 1)
        self.assertEqual(self.files(), before)
        done = self.embed(self.photos, "-o", self.output, "--shard", "0/4", "-q")
        self.assertNotIn("complete", done.stderr)

    def test_a_complete_file_of_another_run_is_an_error(self):
        self.embed_shards(4)
        before = self.files()
        draw(self.photos / "0/extra.png", 1)
        done = self.embed(self.photos, "-o", self.output, "--shard", "2/4")
        self.assertEqual(done.returncode, 1)
        self.assertIn("another list of inputs (101 in all, now 102)", done.stderr)
        (self.photos / "0/extra.png").unlink()
        for arguments, word in ((["--ignore-exif"], "decoding"),
                                (["--model", MODELS / "tiny.pt"], "model")):
            options = [] if "--model" in arguments else ["--model", TINY]
            done = run("embed", *options, self.photos, "-o", self.output, "--shard", "2/4", *arguments)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"made with other {word}", done.stderr)
        done = self.embed(self.photos, "-o", self.output, "--shard", "2/4", "--f16")
        self.assertEqual(done.returncode, 1)
        self.assertIn("made as npy-f32", done.stderr)
        Path(f"{shard_of(self.output, 2, 4)}.shard").unlink()
        done = self.embed(self.photos, "-o", self.output, "--shard", "2/4")
        self.assertEqual(done.returncode, 1)
        self.assertIn("is no shard", done.stderr)
        self.assertEqual({**self.files(), **before}, before)

    def test_the_list_changed_before_a_shard_went_on(self):
        whole = self.output.with_suffix(".jsonl")
        self.embed(self.photos, "-o", whole, "--shard", "0/4")
        shard = shard_of(whole, 0, 4)
        part = Path(f"{shard}.part")
        lines = shard.read_bytes().splitlines(keepends=True)
        shard.unlink()
        part.write_bytes(b"".join(lines[:10]))
        (self.photos / "0/000.png").write_bytes((self.folder / "image1.png").read_bytes())
        done = self.embed(self.photos, "-o", whole, "--shard", "0/4")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the list of inputs has changed since", done.stderr)
        self.assertTrue(part.read_bytes() == b"".join(lines[:10]))
        (self.photos / "0/000.png").unlink()
        few = self.photos / "0/0000.png"
        done = self.embed(few, "-o", whole, "--shard", "0/4")
        self.assertEqual(done.returncode, 1)
        self.assertIn("is in it no more", done.stderr)
        self.embed(self.photos, "-o", whole, "--shard", "0/4")
        self.assertTrue(shard.read_bytes() == b"".join(lines))


class OtherCommands(ShardCase):
    def test_classify_and_score(self):
        for command in (["classify", self.photos, "--labels", "a cat,a dog"],
                        ["score", self.photos, "a cat", "a dog"]):
            for ending in ("jsonl", "csv"):
                output, one = self.folder / f"out/{command[0]}.{ending}", self.folder / f"one.{ending}"
                command += ["--model", TINY, "--batch", "1"] if "--model" not in command else []
                self.assertEqual(run(*command, "-o", one).returncode, 1)
                done = [run(*command, "-o", output, "--shard", f"{i}/3") for i in range(3)]
                self.assertEqual(sorted(each.returncode for each in done), [0, 0, 1])
                header = 0 if ending == "jsonl" else 1
                each = 2 if command[0] == "score" and ending == "csv" else 1  # lines of an image
                expected = self.blocks(one, header, each)
                found = [self.blocks(shard_of(output, i, 3), header, each) for i in range(3)]
                self.assertEqual([blocks for blocks in found],
                                 [expected[i::3] for i in range(3)])
                before = self.files()
                again = run(*command, "-o", output, "--shard", "1/3")
                self.assertIn("nothing to do", again.stderr)
                self.assertEqual(self.files(), before)
                # What is incomplete: lines of JSON go on, tables begin again.
                shard = shard_of(output, 0, 3)
                whole = shard.read_bytes()
                shard.unlink()
                Path(f"{shard}.part").write_bytes(whole[:len(whole) // 2])
                again = run(*command, "-o", output, "--shard", "0/3")
                self.assertEqual("had been done before" in again.stderr, ending == "jsonl")
                self.assertTrue(shard.read_bytes() == whole)
                self.assertFalse(Path(f"{shard}.part").exists())

    @staticmethod
    def blocks(path, header, each):
        """The lines of each image; one that failed has one."""
        lines = path.read_text().splitlines()[header:]
        blocks = []
        while lines:
            count = 1 if "unsupported image format" in lines[0] else each
            blocks.append(lines[:count])
            lines = lines[count:]
        return blocks

    def test_standard_output_and_pages(self):
        names = []
        for i in range(3):
            done = run("classify", self.photos, "--labels", "a,b", "--model", TINY, "--json", "--shard",
                       f"{i}/3", "--report", self.folder / "page.html")
            names.append([line["image"] for line in json_lines(done.stdout)])
            self.assertIn("</html>", shard_of(self.folder / "page.html", i, 3).read_text())
        together = [name for i in range(self.COUNT) for name in names[i % 3][i // 3:i // 3 + 1]]
        self.assertEqual(len(set(together)), self.COUNT)
        self.assertEqual(together, [str(path) for path in sorted(self.photos.glob("*/*"))])

    def test_sorting_into_folders(self):
        command = ["classify", self.photos, "--labels", "a,b", "--model", TINY, "--sort-into",
                   self.folder / "sorted"]
        for i in range(3):
            run(*command, "--shard", f"{i}/3", "-o", self.folder / "out/sorted.jsonl")
        self.assertEqual(len(list((self.folder / "sorted").glob("*/*"))), self.COUNT - 1)
        for arguments, word in ((["--by", "move"], "--by move"), (["--dry-run"], "--dry-run")):
            done = run(*command, *arguments, "--shard", "0/3", "-o", self.folder / "out/x.jsonl")
            self.assertEqual(done.returncode, 2)
            self.assertIn(word, done.stderr)


class Archives(ShardCase):
    """Archives are dealt out whole, in one list with images."""

    SIZES = [3, 0, 7, 1, 1, 2, 9]

    def setUp(self):
        super().setUp()
        images = sorted(self.photos.glob("*/*"))
        self.inputs = []
        for i, size in enumerate(self.SIZES):
            path = self.folder / f"tars/{i:05d}.tar"
            path.parent.mkdir(exist_ok=True)
            with tarfile.open(path, "w") as archive:
                for image in images[10 * i:10 * i + size]:
                    archive.add(image, image.name)
            self.inputs.append(path)
        damaged = self.inputs[5].read_bytes()
        self.inputs[5].write_bytes(damaged[:len(damaged) // 2])
        few = self.folder / "few"
        few.mkdir()
        for i in range(4):
            os.link(images[i], few / images[i].name)
        self.inputs[3:3] = [few, images[60]]
        # What is dealt out: the folder's images one by one.
        self.items = [*self.inputs[:3], *sorted(few.iterdir()), *self.inputs[4:]]

    def item_of(self, name):
        found, = (i for i, item in enumerate(self.items)
                  if name == str(item) or name.startswith(f"{item}/"))
        return found

    def test_merged_they_are_one_run(self):
        for ending in ("npy", "jsonl"):
            output = self.folder / ending / f"photos.{ending}"
            output.parent.mkdir()
            one = self.folder / f"one.{ending}"
            self.embed(*self.inputs, "-o", one)
            names = [line["image"] for line in json_lines(one.with_suffix(".jsonl").read_text())]
            self.assertGreater(len(names), 25)
            for count in (3, 12):
                self.embed_shards(count, inputs=self.inputs, output=output)
                for i in range(count):
                    lines = shard_of(output, i, count).with_suffix(".jsonl").read_text()
                    self.assertEqual([line["image"] for line in json_lines(lines)],
                                     [name for name in names if self.item_of(name) % count == i])
                self.merge(*[shard_of(output, i, count) for i in range(count)], output=output)
                self.check_same(output, one)

    def test_what_is_complete_is_not_opened(self):
        self.embed_shards(3, inputs=self.inputs)
        before = self.files()
        for path in self.folder.glob("tars/*"):
            path.write_bytes(b"no archive any more")
        for done in self.embed_shards(3, inputs=self.inputs):
            self.assertIn("nothing to do", done.stderr)
        self.assertEqual(self.files(), before)

    def test_it_goes_on_within_an_archive(self):
        one = self.folder / "one.jsonl"
        self.embed(*self.inputs, "-o", one)
        output = self.output.with_suffix(".jsonl")
        self.embed_shards(3, inputs=self.inputs, output=output)
        for i in range(3):
            shard = shard_of(output, i, 3)
            lines = shard.read_bytes().splitlines(keepends=True)
            shard.unlink()
            Path(f"{shard}.part").write_bytes(b"".join(lines[:2]) + lines[2][:20])
        for done in self.embed_shards(3, inputs=self.inputs, output=output):
            self.assertIn("2 had been done before", done.stderr)
        self.merge(output=output)
        self.assertTrue(output.read_bytes() == one.read_bytes())

    def test_an_archive_on_standard_input(self):
        inputs = [self.inputs[0], "-", self.inputs[2]]
        one = self.folder / "one.jsonl"
        with open(self.inputs[-1], "rb") as archive:
            subprocess.run([BINARY, "embed", "--model", TINY, "--batch", "1", *inputs, "-o", one],
                           stdin=archive, check=False, stderr=subprocess.DEVNULL)  # one is bad
        output = self.output.with_suffix(".jsonl")
        for i in range(2):
            with open(self.inputs[-1], "rb") as archive:
                subprocess.run([BINARY, "embed", "--model", TINY, "--batch", "1", *inputs, "-o", output,
                                "--shard", f"{i}/2"], stdin=archive, check=False,
                               stderr=subprocess.DEVNULL)
        self.merge(output=output)
        self.assertTrue(output.read_bytes() == one.read_bytes())


class Slurm(ShardCase):
    """By its variables; scripts/test-slurm runs the real one."""

    COUNT = 12

    def shard_in(self, environment, *arguments):
        """K/N that a run takes, by what it says and does; None for all."""
        done = self.embed(self.photos, *arguments, environment=environment)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        names = [Path(line["image"]) for line in json_lines(done.stdout)]
        said = [line for line in done.stderr.splitlines() if "shard" in line]
        if not said:
            self.assertEqual(len(names), self.COUNT)
            return None
        index, count = map(int, said[0].split("shard ")[1].split(",")[0].split("/"))
        self.assertEqual(names, sorted(self.photos.glob("*/*"))[index::count])
        self.assertIn("by Slurm", said[0])
        return index, count

    def test_job_arrays(self):
        self.assertEqual([self.shard_in(in_array(i, 3)) for i in range(3)],
                         [(0, 3), (1, 3), (2, 3)])
        self.assertEqual(self.shard_in(in_array(2, 4, first=10, step=5)), (2, 4))
        self.assertEqual(self.shard_in({key: value for key, value in in_array(2, 4).items()
                                        if "MAX" not in key and "STEP" not in key}), (2, 4))
        self.assertIsNone(self.shard_in(in_array(0, 1, first=7)))
        done = self.embed(self.photos, environment=in_array(1, 3), *["-q"])
        self.assertEqual(len(json_lines(done.stdout)), self.COUNT // 3)
        self.assertNotIn("shard", done.stderr)

    def test_srun(self):
        self.assertEqual(self.shard_in(under_srun(1, 4)), (1, 4))
        self.assertIsNone(self.shard_in(under_srun(0, 1)))
        # The step has fewer tasks than the job.
        self.assertEqual(self.shard_in({**under_srun(1, 8), "SLURM_STEP_NUM_TASKS": "2"}), (1, 2))
        # A batch script has a number of tasks, too, and so has a shell of salloc.
        self.assertIsNone(self.shard_in({"SLURM_PROCID": "0", "SLURM_NTASKS": "8"}))
        for step in (0xfffffffa, 0xfffffffb, 4294967291):
            self.assertIsNone(self.shard_in({**under_srun(0, 8), "SLURM_STEP_ID": str(step)}))

    def test_srun_in_an_array(self):
        found = [self.shard_in({**in_array(task, 3), **under_srun(process, 2)})
                 for task in range(3) for process in range(2)]
        self.assertEqual(found, [(i, 6) for i in range(6)])

    def test_the_option_counts_before_the_environment(self):
        done = self.embed(self.photos, "--shard", "0/1", environment=in_array(1, 3))
        self.assertEqual(len(json_lines(done.stdout)), self.COUNT)
        self.assertNotIn("shard", done.stderr)
        done = self.embed(self.photos, "--shard", "1/4", environment=in_array(1, 3))
        self.assertIn("shard 1/4\n", done.stderr)
        self.embed(self.photos, "-o", self.output, environment=in_array(1, 3))
        self.assertTrue(shard_of(self.output, 1, 3).exists())

    def test_commands_that_take_no_shards_do_everything(self):
        done = run("evaluate", self.photos, "--model", TINY, "--json", environment=in_array(1, 3))
        self.assertEqual(json.loads(done.stdout)["images"], self.COUNT - 1)

    def test_variables_that_make_no_sense(self):
        for environment, word in (
                ({**in_array(1, 3), "SLURM_ARRAY_TASK_ID": "x"}, "SLURM_ARRAY_TASK_ID is 'x'"),
                ({**in_array(1, 3), "SLURM_ARRAY_TASK_COUNT": "-1"}, "SLURM_ARRAY_TASK_COUNT is '-1'"),
                ({**in_array(1, 3), "SLURM_ARRAY_TASK_COUNT": ""}, "SLURM_ARRAY_TASK_COUNT is not set"),
                ({"SLURM_ARRAY_TASK_ID": "1"}, "SLURM_ARRAY_TASK_MIN is not set"),
                (in_array(3, 3), "a range"), ({**in_array(1, 3), "SLURM_ARRAY_TASK_MIN": "2"}, "a range"),
                # --array=1,2,7
                ({**in_array(1, 3, first=1), "SLURM_ARRAY_TASK_MAX": "7"}, "a range"),
                (under_srun(4, 4), "SLURM_PROCID is 4"), (under_srun("one", 4), "SLURM_PROCID is 'one'"),
                (under_srun(0, 200000), "200000 shards"),
                (under_srun(1, 10 ** 30), "SLURM_NTASKS is '1")):
            done = self.embed(self.photos, environment=environment)
            self.assertEqual((done.returncode, done.stdout), (2, ""), environment)
            self.assertIn(word, done.stderr)
            self.assertIn("--shard", done.stderr)


class Parallel(ShardCase):
    def test_the_example_of_gnu_parallel(self):
        """As app/README.md has it, where {#} counts from 1."""
        if shutil.which("parallel") is None:
            self.fail("missing parallel: apt-get install parallel")
        readme = (Path(__file__).resolve().parents[2] / "app/README.md").read_text()
        example, = (line.strip() for line in readme.splitlines() if line.startswith("    parallel "))
        (self.photos / "1/0007.png").unlink()  # the bad one would end it
        (self.folder / "bin").mkdir()
        (self.folder / "bin/clip-cli").symlink_to(BINARY)
        done = subprocess.run(
            ["bash", "-c", example], cwd=self.folder, capture_output=True, text=True, check=False,
            env={**os.environ, "CLIP_MODEL": str(TINY), "HOME": str(self.folder), "OMP_NUM_THREADS": "1",
                 "PATH": f"{self.folder}/bin:{os.environ['PATH']}"})
        self.assertEqual(done.returncode, 0, done.stderr)
        merged = self.folder / "photos.npy"
        self.assertIn("8 shards, 100 results", self.merge(output=merged))
        subprocess.run([BINARY, "embed", "--model", TINY, "--batch", "1", "photos", "-o", "one.npy"],
                       cwd=self.folder, check=True, stderr=subprocess.DEVNULL)
        self.check_same(merged)


if __name__ == "__main__":
    unittest.main()
