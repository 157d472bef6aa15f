"""Embeddings of label sets are kept from run to run: the same results, and the right ones whatever
became of the files."""

import concurrent.futures
import os
import tempfile
import unittest
from pathlib import Path

from common import MODELS, json_lines, photographs, run

MODEL = MODELS / "published-tiny.pt"
MANY = ["--label-set", "cifar100"]


class StoredLabels(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def classify(self, *options, labels=MANY, model=MODEL, **variables):
        done = run("classify", "-q", "--json", "-m", model, *labels, *options, photographs()[1],
                   environment={"XDG_CACHE_HOME": str(self.folder), **variables})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json_lines(done.stdout)[0]["ranking"]

    def files(self):
        return sorted((self.folder / "clip-cli/labels").glob("*"))

    def test_the_second_run_takes_them_from_disk(self):
        first = self.classify()
        (path,) = self.files()
        self.assertEqual(self.classify(), first)
        # Were they computed, a file that says otherwise would change nothing.
        before = path.stat().st_mtime_ns
        self.classify()
        self.assertEqual(self.files(), [path])
        self.assertGreaterEqual(path.stat().st_mtime_ns, before)

    def test_few_labels_are_not_kept(self):
        self.classify(labels=["--labels", "cat,dog"])
        self.assertEqual(self.files(), [])

    def test_what_makes_another_set(self):
        self.classify()
        kinds = 1
        names = Path(self.folder / "names.txt")
        names.write_text("".join(f"thing {i}\n" for i in range(100)))
        others = [
            {"labels": ["--label-set", "imagenet"]},
            {"labels": [*MANY, "--template", "a drawing of a {}"]},
            {"labels": [*MANY, "--template", "a photo of a {}", "--template", "a drawing of a {}"]},
            {"labels": ["--labels-file", names]},
            {"labels": [*MANY, "--precision", "int8"]},
            {"labels": [*MANY, "--engine", "libtorch"]},
            {"model": MODELS / "tiny.pt"},
        ]
        for options in others:
            with self.subTest(options):
                first = self.classify(**options)
                kinds += 1
                self.assertEqual(len(self.files()), kinds)
                self.assertEqual(self.classify(**options), first)
                self.assertEqual(len(self.files()), kinds)
        names.write_text(names.read_text().replace("thing 7\n", "nothing 7\n"))
        self.classify(labels=["--labels-file", names])
        self.assertEqual(len(self.files()), kinds + 1)

    def test_damaged_files(self):
        first = self.classify()
        (path,) = self.files()
        data = path.read_bytes()
        for damaged in (b"", data[:100], data[:-1], data[:-1000], b"x" * len(data),
                        data[:5000] + bytes([data[5000] ^ 1]) + data[5001:], data + b"more"):
            path.write_bytes(damaged)
            self.assertEqual(self.classify(), first)
            self.assertEqual(path.read_bytes(), data)

    def test_old_sets_go(self):
        """The folder is bounded: what was not used for longest goes."""
        self.classify()
        (kept,) = self.files()
        old = kept.with_name("old.labels")
        with open(old, "wb") as file:
            file.truncate(256 << 20)
        os.utime(old, (1, 1))
        self.classify(labels=["--label-set", "imagenet"])
        self.assertIn(kept, self.files())
        self.assertNotIn(old, self.files())

    def test_processes_at_once(self):
        first = self.classify()

        def again(number):
            if number % 4 == 3:
                for path in self.files():
                    path.unlink(missing_ok=True)
            return self.classify()

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for ranking in pool.map(again, range(16)):
                self.assertEqual(ranking, first)

    def test_where_nothing_can_be_kept(self):
        file = self.folder / "file"
        file.write_text("no folder")
        first = self.classify(XDG_CACHE_HOME=str(file))
        self.assertEqual(self.classify(XDG_CACHE_HOME="", HOME=""), first)


if __name__ == "__main__":
    unittest.main()
