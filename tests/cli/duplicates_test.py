"""clip-cli duplicates: groups of near-identical images, on the demo model and altered copies of its
drawings."""

import os
import shutil
import tempfile
import unittest
from pathlib import Path

from common import ROOT, json_lines, need, run

numpy = need("numpy")
need("PIL")
from PIL import Image  # noqa: E402 (after the check that it is there)

DEMO = ROOT / "data/demo"


class DuplicatesTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name)
        self.images = self.root / "images"
        self.images.mkdir()

    def clip(self, *arguments):
        return run(*arguments, environment={"XDG_DATA_HOME": str(self.root / "data"),
                                            "CLIP_CACHE": str(self.root / "no models")})

    def groups(self, *arguments):
        """The names in each group, in order."""
        done = self.clip("duplicates", "--json", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        groups = {}
        for image in json_lines(done.stdout):
            groups.setdefault(image["group"], []).append(image)
        self.assertEqual(list(groups), list(range(1, len(groups) + 1)))
        return list(groups.values())

    def test_copies_in_two_folders_are_equal(self):
        """Whatever float16 makes of their length."""
        other = self.root / "other"
        other.mkdir()
        names = sorted(path.name for path in DEMO.glob("*.png"))
        for name in names:
            shutil.copy(DEMO / name, self.images)
            shutil.copy(DEMO / name, other)
        groups = self.groups(self.images, other, "--threshold", "1")
        self.assertEqual(sorted(sorted(Path(image["image"]).name for image in group)[0]
                                for group in groups), names)
        for group in groups:
            self.assertEqual([image["cosine"] for image in group], [1, 1])

    def test_last_bits_make_no_difference(self):
        """An embedding's depend on the batch that it was computed in; here every tenth number of a
        row in float16 is the next one."""
        chance = numpy.random.default_rng(1)
        names = sorted(path.name for path in DEMO.glob("*.png"))
        folders = [self.images, self.root / "other"]
        for folder in folders:
            shutil.copytree(DEMO, folder, dirs_exist_ok=True)
            vectors = str(self.root / "v.npy")
            done = self.clip("embed", str(folder), "--output", vectors)
            self.assertEqual(done.returncode, 0, done.stderr)
            rows = numpy.load(vectors).astype(numpy.float16)
            changed = chance.random(rows.shape) < 0.1
            self.assertGreater(changed.any(axis=1).sum(), 20)
            rows = numpy.where(changed, numpy.nextafter(rows, numpy.float16(1)), rows)
            numpy.save(vectors, rows.astype(numpy.float32))
            done = self.clip("index", str(folder), "--import", vectors)
            self.assertEqual(done.returncode, 0, done.stderr)
        groups = self.groups(*folders, "--threshold", "1")
        self.assertEqual(sorted(Path(group[0]["image"]).name for group in groups), names)
        for group in groups:
            self.assertEqual([image["cosine"] for image in group], [1, 1])

    def names(self, *arguments):
        return [[Path(image["image"]).name for image in group] for group in self.groups(*arguments)]

    def copy(self, name, to=None):
        shutil.copy(DEMO / name, self.images / (to or name))

    def altered(self, name, to, size=None, **options):
        image = Image.open(DEMO / name).convert("RGB")
        if size:
            image = image.resize(size, Image.Resampling.BICUBIC)
        image.save(self.images / to, **options)

    def test_copies_and_altered_copies_are_groups_and_others_are_not(self):
        for name in ("cat.png", "dog.png", "owl.png", "pizza.png"):
            self.copy(name)
        self.copy("cat.png", "same.png")
        self.altered("cat.png", "small.png", size=(80, 80))
        self.altered("cat.png", "recompressed.jpg", quality=60)
        self.altered("owl.png", "owl.webp", quality=70)
        groups = self.groups(self.images)
        self.assertEqual([sorted(Path(each["image"]).name for each in group) for group in groups],
                         [["cat.png", "recompressed.jpg", "same.png", "small.png"],
                          ["owl.png", "owl.webp"]])
        for group in groups:
            self.assertAlmostEqual(group[0]["cosine"], 1)
            self.assertEqual([each["bytes"] for each in group],
                             sorted((each["bytes"] for each in group), reverse=True))
            for each in group:
                self.assertEqual(each["bytes"], Path(each["image"]).stat().st_size)
                self.assertGreaterEqual(each["cosine"], 0.96)

    def test_the_threshold_decides(self):
        for name in ("cat.png", "dog.png", "owl.png"):
            self.copy(name)
        self.assertEqual(self.groups(self.images), [])
        self.assertEqual(len(self.groups(self.images, "--threshold", "0")[0]), 3)
        self.assertEqual(self.clip("duplicates", self.images, "--threshold", "2").returncode, 2)

    def test_keep_prints_what_could_go_and_deletes_nothing(self):
        self.copy("cat.png", "b.png")
        self.altered("cat.png", "a.png", size=(100, 100))
        self.altered("cat.png", "c.png", size=(90, 90))
        os.utime(self.images / "c.png", (1000, 1000))
        for which, kept in (("largest", "b.png"), ("oldest", "c.png"), ("first", "a.png")):
            done = self.clip("duplicates", self.images, "--keep", which, "-0")
            self.assertEqual(done.returncode, 0, done.stderr)
            gone = [Path(path).name for path in done.stdout.split("\0")[:-1]]
            self.assertEqual(sorted([*gone, kept]), ["a.png", "b.png", "c.png"], which)
        self.assertEqual(len(list(self.images.iterdir())), 3)
        self.assertEqual(self.clip("duplicates", self.images, "--keep", "newest").returncode, 2)

    def test_names_of_one_file_are_one_image(self):
        self.copy("cat.png")
        (self.images / "hard.png").hardlink_to(self.images / "cat.png")
        (self.images / "soft.png").symlink_to("cat.png")
        self.assertEqual(self.groups(self.images), [])
        self.copy("cat.png", "copy.png")
        self.assertEqual(len(self.groups(self.images)[0]), 2)

    def test_what_is_gone_is_in_no_group(self):
        self.copy("cat.png")
        self.copy("cat.png", "copy.png")
        self.assertEqual(len(self.groups(self.images)), 1)
        (self.images / "copy.png").unlink()
        self.assertEqual(self.groups(self.images, "--no-update"), [])
        self.assertEqual(self.groups(self.images), [])

    def test_several_folders_with_indexes_of_their_own_and_folders_within(self):
        other = self.root / "other"
        other.mkdir()
        self.copy("cat.png")
        self.copy("owl.png")
        (self.images / "sub").mkdir()
        self.copy("owl.png", "sub/eule.png")
        shutil.copy(DEMO / "cat.png", other / "katze.png")
        self.assertEqual(self.names(self.images), [["owl.png", "eule.png"]])
        self.assertEqual(sorted(map(sorted, self.names(self.images, other))),
                         [["cat.png", "katze.png"], ["eule.png", "owl.png"]])
        self.assertEqual(self.names(self.images / "sub", other), [])
        # A folder within another that is named adds nothing.
        self.assertEqual(self.names(self.images / "sub", self.images), [["owl.png", "eule.png"]])

    def test_tables_and_paths(self):
        self.copy("cat.png")
        self.copy("cat.png", "cat 2.png")
        self.copy("dog.png")
        self.copy("dog.png", "dog\n2.png")
        done = self.clip("duplicates", self.images)
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], r"^group 1: 2 images, \d+ kB$")
        self.assertRegex(lines[3], r"^group 2: 2 images, \d+ kB$")
        self.assertIn("dog\\n2.png", done.stdout)
        rows = [line.split("\t") for line in
                self.clip("duplicates", self.images, "--tsv").stdout.splitlines()]
        self.assertEqual(rows[0], ["group", "cosine", "bytes", "image"])
        self.assertEqual([row[0] for row in rows[1:]], ["1", "1", "2", "2"])
        groups = self.clip("duplicates", self.images, "-0").stdout.split("\0\0")
        self.assertEqual(len(groups), 2)
        self.assertEqual({Path(path).name for path in groups[0].strip("\0").split("\0")}
                         | {Path(path).name for path in groups[1].strip("\0").split("\0")},
                         {"cat.png", "cat 2.png", "dog.png", "dog\n2.png"})

    def test_an_empty_folder_and_a_missing_one(self):
        done = self.clip("duplicates", self.images)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        done = self.clip("duplicates", self.root / "missing")
        self.assertEqual(done.returncode, 1)
        self.assertIn("missing", done.stderr)


if __name__ == "__main__":
    unittest.main()
