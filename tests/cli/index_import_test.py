"""clip-cli index --import: vectors of embed become an index, as if it had read the images itself."""

import json
import os
import shutil
import time
import unittest
from pathlib import Path

from common import json_lines, need
from index_case import OTHER, TINY, IndexCase

numpy = need("numpy")

NAMES = ["b.png", "a.png", "more/c.png", "more/deep er/d.png", "e.png"]


class Import(IndexCase):
    def setUp(self):
        super().setUp()
        self.draw(*NAMES)
        time.sleep(0.06)  # older than the clock's step
        self.call("embed", "--model", TINY, "--batch", "1", "photos", "-o", "v.npy", "-q", cwd=self.folder)
        self.vectors = self.folder / "v.npy"

    def take(self, *arguments, code=0, vectors=None, model=TINY, cwd=None, root="photos"):
        chosen = ["--model", model] if model else []
        done = self.call("index", root, "--json", *chosen, "--import", vectors or self.vectors, *arguments,
                         code=code, cwd=cwd or self.folder)
        report = json.loads(done.stdout) if done.stdout else {}
        return {**report, "stderr": done.stderr}

    def check(self, report, **expected):
        counts = ("vectors", "added", "known", "missing", "newer", "failed")
        self.assertEqual({key: report[key] for key in counts}, {**dict.fromkeys(counts, 0), **expected},
                         report["stderr"])

    def refused(self, words, *arguments, code=1, **options):
        report = self.take(*arguments, code=code, **options)
        self.assertIn(words, report["stderr"])
        self.assertEqual(set(report), {"stderr"})

    def lines(self):
        return json_lines((self.folder / "v.jsonl").read_text())

    def test_nothing_is_read_again(self):
        self.check(self.take(), vectors=5, added=5)
        self.check_report(self.index(at_once=True))
        self.check_whole(*NAMES)
        imported = self.search("a cat", "--top", "5", "--no-update")
        self.call("index", "--remove", self.root)
        self.index()
        read = self.search("a cat", "--top", "5")
        self.assertEqual([hit["image"] for hit in imported], [hit["image"] for hit in read])
        for one, other in zip(imported, read):
            self.assertAlmostEqual(one["score"], other["score"], delta=1e-3)

    def test_again(self):
        self.take()
        self.check(self.take(), vectors=5, known=5)
        self.check_whole(*NAMES)
        self.assertEqual(self.status()["models"][0]["embedded"], 5)

    def test_after_the_images_were_read(self):
        self.index()
        self.check(self.take(), vectors=5, known=5)
        self.check_report(self.index(at_once=True))

    def test_copies_and_renamed_ones_are_known_by_their_content(self):
        shutil.copy2(self.root / "a.png", self.root / "copy.png")
        self.take()
        (self.root / "e.png").rename(self.root / "renamed.png")
        self.check_report(self.index(), copied=1, renamed=1)
        self.check_whole("a.png", "b.png", "more/c.png", "more/deep er/d.png", "copy.png", "renamed.png")

    def test_two_names_of_one_content(self):
        shutil.copy2(self.root / "a.png", self.root / "copy.png")
        self.call("embed", "--model", TINY, "photos", "-o", "v.npy", "-q", cwd=self.folder)
        self.check(self.take(), vectors=6, added=6)
        self.check_report(self.index(at_once=True))
        self.check_whole(*NAMES, "copy.png")
        imported = self.status()["models"][0]
        self.call("index", "--remove", self.root)
        self.index()
        self.assertEqual(imported, self.status()["models"][0])

    def test_from_elsewhere(self):
        """By a link to the folder, relative to it, and by absolute paths."""
        (self.folder / "link").symlink_to("photos")
        self.check(self.take(root="link"), vectors=5, added=5)
        lines = [{**line, "image": line["image"].replace("photos/", "")} for line in self.lines()]
        (self.folder / "v.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        self.call("index", "--remove", self.root)
        self.check(self.take(cwd="/", root=self.root), vectors=5, added=5)
        lines = [{**line, "image": str(self.root / line["image"])} for line in lines]
        (self.folder / "v.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        self.check(self.take(cwd="/", root=self.root), vectors=5, known=5)

    def test_a_list_of_paths(self):
        names = self.folder / "names.txt"
        names.write_text("".join(line["image"] + "\n" for line in self.lines()))
        self.refused("does not say which model the vectors are of", "--names", names, model=None)
        self.check(self.take("--names", names), vectors=5, added=5)
        self.check_report(self.index(at_once=True))

    def test_half_and_double_precision(self):
        vectors = numpy.load(self.vectors)
        for dtype in ("float16", "float64"):
            numpy.save(self.folder / f"{dtype}.npy", vectors.astype(dtype))
            self.take("--names", self.folder / "v.jsonl", vectors=self.folder / f"{dtype}.npy")
            self.check_whole(*NAMES)
            self.call("index", "--remove", self.root)

    def test_rows_that_are_wrong(self):
        vectors = numpy.load(self.vectors)
        vectors[0, 3] = numpy.nan
        vectors[1] = 0
        vectors[2] *= 3
        numpy.save(self.vectors, vectors)
        report = self.take(code=1)
        self.check(report, vectors=5, added=2, failed=3)
        for line, words in ((1, "a.png is zero, or not finite"), (2, "b.png is zero, or not finite"),
                            (3, "has the length 3, not 1")):
            self.assertIn(f"v.jsonl, line {line}: ", report["stderr"])
            self.assertIn(words, report["stderr"])
        self.check_report(self.index(at_once=True), added=3, embedded=3)

    def test_images_that_failed_when_they_were_embedded(self):
        (self.root / "bad.png").write_text("no image")
        self.call("embed", "--model", TINY, "photos", "-o", "v.npy", "-q", cwd=self.folder, code=1)
        report = self.take(code=1)
        self.check(report, vectors=6, added=5, failed=1)
        self.assertIn("photos/bad.png has no vector", report["stderr"])

    def test_files_that_are_not_as_they_were(self):
        (self.root / "a.png").unlink()
        later = time.time() + 5
        os.utime(self.root / "b.png", (later, later))
        self.check(self.take(), vectors=5, added=3, missing=1, newer=1)
        self.check_report(self.index(at_once=True), added=1, embedded=1)

    def test_files_outside(self):
        (self.folder / "outside.png").write_bytes((self.root / "a.png").read_bytes())
        for name in ("outside.png", "photos/../outside.png", "/etc/passwd", "photos", "", "../x.png"):
            lines = self.lines()
            lines[0]["image"] = name
            (self.folder / "names.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
            # Relative to the folder, some of these are files that could be there.
            inside = name in ("outside.png", "photos/../outside.png", "photos")
            report = self.take("--names", self.folder / "names.jsonl", code=0 if inside else 1)
            self.assertEqual(report["added"] + report["known"], 4)
            self.assertEqual((report["missing"], report["failed"]), (1, 0) if inside else (0, 1), name)
            self.assertEqual("names.jsonl, line 1: " in report["stderr"], not inside)
        self.check_report(self.index(at_once=True), added=1, embedded=1)

    def test_a_name_that_is_not_utf8(self):
        odd = b"caf\xe9.png"
        os.rename(self.root / "a.png", os.path.join(os.fsencode(self.root), odd))
        self.call("embed", "--model", TINY, "photos", "-o", "v.npy", "-q", cwd=self.folder)
        self.check(self.take(), vectors=5, added=5)
        self.check_report(self.index(at_once=True))
        self.assertIn(os.fsdecode(odd), self.found())

    def test_another_model(self):
        self.refused("and the index gets those of", model=OTHER)
        numpy.save(self.folder / "short.npy", numpy.load(self.vectors)[:, :3])
        self.refused("short.npy have 3 numbers", "--names", self.folder / "v.jsonl", vectors=self.folder / "short.npy")

    def test_other_numbers_of_names(self):
        lines = (self.folder / "v.jsonl").read_text().splitlines(keepends=True)
        for some in (lines[:4], lines + lines[:1], []):
            (self.folder / "names.jsonl").write_text("".join(some))
            self.refused(f"names {len(some)} images, and there are 5 vectors", "--names", self.folder / "names.jsonl")

    def test_what_is_no_such_file(self):
        (self.folder / "bad.jsonl").write_text("{}\n" * 5)
        self.refused("bad.jsonl, line 1 is no result of embed", "--names", self.folder / "bad.jsonl")
        (self.folder / "bad.jsonl").write_text('{"text": "a"}\n' * 5)
        self.refused("line 1 is of a text", "--names", self.folder / "bad.jsonl")
        self.refused("it is no .npy file", vectors=self.folder / "v.jsonl")
        self.refused("nonesuch.npy", vectors=self.folder / "nonesuch.npy")
        self.refused("nonesuch", "--names", self.folder / "nonesuch")
        (self.folder / "alone.npy").write_bytes(self.vectors.read_bytes())
        self.refused("alone.jsonl", vectors=self.folder / "alone.npy")

    def test_usage(self):
        for options in (["--status"], ["--prune"], ["--exclude", "x"], ["more"]):
            self.refused("clip-cli", *options, code=2)
        self.call("index", self.root, "--names", "x", code=2)


if __name__ == "__main__":
    unittest.main()
