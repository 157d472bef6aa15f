"""Vectors as other tools take them, read back by these or by the steps that they take: LAION's layout
(numpy, DuckDB, hyparquet), and FAISS's flat index (python3-faiss)."""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
from pathlib import Path

from common import BINARY, ROOT, json_lines, need, run
from images import draw, walk_order

sys.path[:0] = [str(ROOT / "tests/support")]
from parquet_readers import duckdb, hyparquet  # noqa: E402

numpy = need("numpy")
faiss = need("faiss")

MODEL = ["--model", "demo", "--batch", "1"]


def read_layout(folder, kind="img_emb"):
    """As embedding-reader and clip-retrieval's back end do it: the vectors of all files in the order
    of their names, with the rows of the file of metadata that has the same number."""
    files = sorted(path for path in (Path(folder) / kind).iterdir() if path.name.endswith(".npy"))
    numbers = [path.name[len(kind) + 1:-len(".npy")] for path in files]
    metadata = [str(Path(folder) / f"metadata/metadata_{number}.parquet") for number in numbers]
    # embedding-reader maps the files, and reads their headers for the shapes.
    vectors = [numpy.load(path, mmap_mode="r") for path in files]
    counts = duckdb(f"SELECT num_rows::INT AS n FROM parquet_file_metadata({metadata})")
    assert [count["n"] for count in counts] == [array.shape[0] for array in vectors]
    rows = duckdb(f"SELECT * FROM read_parquet({metadata})")
    assert rows == hyparquet(*metadata)
    return [path.name for path in files], numpy.concatenate(vectors), rows


class Layouts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = Path(temporary.name)
        os.chdir(cls.folder)
        Path("photos/more").mkdir(parents=True)
        cls.images = [Path(f"photos/{seed:02}.png") for seed in range(20)]
        cls.images += [Path("photos/more/a b.png"), Path("photos/more/it's, \"odd\".png")]
        for seed, path in enumerate(cls.images):
            draw(path, seed)
        cls.images = [str(path) for path in walk_order(cls.images)]
        Path("photos/07.png").write_bytes(b"no image")
        cls.good = [path for path in cls.images if path != "photos/07.png"]
        done = run("embed", *MODEL, "photos", "-o", "photos.npy")
        assert done.returncode == 1, done.stderr
        lines = json_lines(Path("photos.jsonl").read_text())
        rows = {line["image"]: row for line, row in zip(lines, numpy.load("photos.npy"))}
        cls.expected = numpy.array([rows[path] for path in cls.good])

    def embed(self, *arguments, code=1):
        done = run("embed", *MODEL, *arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    # --- LAION's ---

    def test_laion(self):
        self.embed("photos", "--layout", "laion", "-o", "one")
        names, vectors, rows = read_layout("one")
        self.assertEqual(names, ["img_emb_0.npy"])
        self.assertEqual(vectors.dtype, "float16")
        self.assertTrue(vectors.flags.c_contiguous)
        numpy.testing.assert_array_equal(vectors, self.expected.astype("float16"))
        self.assertEqual(rows, [{"image_path": path} for path in self.good])
        self.assertEqual(sorted(os.listdir("one")), ["img_emb", "metadata"])
        # As autofaiss: all files of the folder in one index.
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(vectors.astype("float32"))
        _, best = index.search(self.expected[3:4], 1)
        self.assertEqual(rows[best[0, 0]]["image_path"], self.good[3])

    def test_laion_in_files(self):
        self.embed("photos", "--layout", "laion", "-o", "many", "--rows-per-file", "2", "--f32")
        names, vectors, rows = read_layout("many")
        self.assertEqual(names, [f"img_emb_{i:02}.npy" for i in range(11)])
        self.assertEqual(vectors.dtype, "float32")
        numpy.testing.assert_array_equal(vectors, self.expected)
        self.assertEqual([row["image_path"] for row in rows], self.good)
        facts = duckdb("SELECT decode(value) AS model FROM parquet_kv_metadata('many/metadata/metadata_03.parquet')")
        self.assertEqual(facts, [{"model": json_lines(Path("photos.jsonl").read_text())[0]["model"]}])

    def test_laion_of_texts(self):
        Path("texts.txt").write_text("a cat\nein Hund äöü\n猫\n")
        self.embed("--texts", "texts.txt", "--layout", "laion", "-o", "texts", code=0)
        names, vectors, rows = read_layout("texts", "text_emb")
        self.assertEqual(names, ["text_emb_0.npy"])
        self.assertEqual(rows, [{"caption": "a cat"}, {"caption": "ein Hund äöü"}, {"caption": "猫"}])
        self.embed("--texts", "texts.txt", "-o", "texts.npy", "--f16", code=0)
        numpy.testing.assert_array_equal(vectors, numpy.load("texts.npy"))

    def test_laion_is_gone_on_with(self):
        Path("first").mkdir(exist_ok=True)
        for path in self.good[:5]:
            (Path("first") / Path(path).name).symlink_to(Path(path).resolve())
        process = subprocess.Popen([BINARY, "embed", *MODEL, "photos", "photos", "photos", "--layout", "laion",
                                    "-o", "broken"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        part = Path("broken/embeddings.jsonl.part")
        end = time.monotonic() + 60
        while not (part.exists() and part.read_text().count("\n") >= 3):
            self.assertLess(time.monotonic(), end)
            self.assertIsNone(process.poll())
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertFalse(Path("broken/img_emb").exists())
        done = self.embed("photos", "--layout", "laion", "-o", "broken")
        self.assertIn("go on with them by --resume", done.stderr)
        self.embed("photos", "photos", "photos", "--layout", "laion", "-o", "broken", "--resume")
        _, vectors, rows = read_layout("broken")
        self.assertEqual([row["image_path"] for row in rows], self.good * 3)
        numpy.testing.assert_array_equal(vectors, numpy.tile(self.expected.astype("float16"), (3, 1)))
        self.assertEqual(sorted(os.listdir("broken")), ["img_emb", "metadata"])

    def test_a_layout_that_could_not_be_written_is_made_of_what_is_kept(self):
        self.embed("photos", "--layout", "laion", "-o", "full")
        expected = Path("full/img_emb/img_emb_0.npy").read_bytes()
        for name in ("img_emb/img_emb_0.npy", "metadata/metadata_0.parquet"):
            Path("full", name).unlink()
        Path("full/metadata/metadata_0.parquet.part").mkdir()  # where a file is to be
        done = self.embed("photos", "--layout", "laion", "-o", "full")
        self.assertIn("metadata_0.parquet.part", done.stderr)
        self.assertEqual(os.listdir("full/img_emb"), [])
        self.assertTrue(Path("full/embeddings.npy").exists())
        Path("full/metadata/metadata_0.parquet.part").rmdir()
        done = self.embed("photos", "--layout", "laion", "-o", "full")
        self.assertIn("an earlier run left full/embeddings.npy and full/embeddings.jsonl", done.stderr)
        self.embed("photos", "--layout", "laion", "-o", "full", "--resume")
        self.assertEqual(Path("full/img_emb/img_emb_0.npy").read_bytes(), expected)
        self.assertEqual(sorted(os.listdir("full")), ["img_emb", "metadata"])

    def test_a_folder_that_has_a_layout_is_left_alone(self):
        self.embed("photos", "--layout", "laion", "-o", "kept")
        for extra in ([], ["--resume"]):
            done = self.embed("photos/01.png", "--layout", "laion", "-o", "kept", *extra)
            self.assertIn("kept has embeddings already (kept/metadata/metadata_0.parquet)", done.stderr)
        self.assertEqual(len(read_layout("kept")[2]), len(self.good))

    def test_only_bad_images(self):
        self.embed("photos/07.png", "--layout", "laion", "-o", "bad")
        self.assertEqual(os.listdir("bad"), [])

    def test_a_name_that_is_not_utf8(self):
        Path("latin").mkdir()
        os.link("photos/00.png", b"latin/caf\xe9.png")
        os.link("photos/01.png", "latin/plain.png")
        self.embed("latin", "--layout", "laion", "-o", "names", code=0)
        self.assertEqual(read_layout("names")[2],
                         [{"image_path": "latin/caf\ufffd.png", "image_path_hex": b"latin/caf\xe9.png".hex()},
                          {"image_path": "latin/plain.png", "image_path_hex": None}])

    def test_webdatasets(self):
        """Captions, and the keys of JSON as pandas.json_normalize has them, of all samples."""
        samples = [
            ("000", "a cat", {"url": "http://a/1", "width": 640, "score": 1, "exif": {"model": "X", "n": 1}, "ok": True}),
            ("001", "tab\tand\nline \U0001f408", {"url": None, "width": 480, "score": 0.5, "tags": ["a", "b"]}),
            ("002", None, None),
            ("003", "", {"caption": "left out", "image_path": "left out", "width": -1}),
        ]
        with tarfile.open("00000.tar", "w") as tar:
            def put(name, content):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            for place, (key, caption, sample) in enumerate(samples):
                put(f"{key}.png", Path(self.good[place]).read_bytes())
                if caption is not None:
                    put(f"{key}.txt", caption.encode())
                if sample is not None:
                    put(f"{key}.json", json.dumps(sample).encode())
            put("004.png", b"no image")
        self.embed("00000.tar", "--layout", "laion", "-o", "web")
        _, vectors, rows = read_layout("web")
        numpy.testing.assert_array_equal(vectors, self.expected[:4].astype("float16"))
        self.assertEqual([row["image_path"] for row in rows], [f"00000.tar/{key}.png" for key, *_ in samples])
        self.assertEqual([row["caption"] for row in rows], ["a cat", "tab\tand\nline \U0001f408", None, ""])
        self.assertEqual([row["width"] for row in rows], ["640", "480", None, "-1"])  # of 64 bits
        self.assertEqual([row["score"] for row in rows], [1.0, 0.5, None, None])
        self.assertEqual([row["url"] for row in rows], ["http://a/1", None, None, None])
        self.assertEqual([row["exif.model"] for row in rows], ["X", None, None, None])
        self.assertEqual([row["ok"] for row in rows], [True, None, None, None])
        self.assertEqual([row["tags"] for row in rows], [None, '["a","b"]', None, None])
        self.assertEqual(set(rows[0]), {"image_path", "caption", "url", "width", "score", "exif.model",
                                        "exif.n", "ok", "tags"})

    # --- FAISS's ---

    def test_faiss(self):
        self.embed("photos", "-o", "photos.faiss")
        index = faiss.read_index("photos.faiss")
        self.assertIsInstance(index, faiss.IndexFlat)
        self.assertEqual((index.metric_type, index.d, index.ntotal, index.is_trained),
                         (faiss.METRIC_INNER_PRODUCT, self.expected.shape[1], len(self.images), True))
        lines = json_lines(Path("photos.jsonl").read_text())
        self.assertEqual([line["image"] for line in lines], self.images)
        rows = index.reconstruct_n(0, index.ntotal)
        numpy.testing.assert_array_equal(rows[[line["image"] in self.good for line in lines]], self.expected)
        self.assertFalse(rows[[line["image"] not in self.good for line in lines]].any())
        scores, best = index.search(self.expected, 1)
        self.assertEqual([self.images[i] for i in best[:, 0]], self.good)
        numpy.testing.assert_allclose(scores, 1, atol=1e-5)

    def test_faiss_is_as_faiss_writes_it(self):
        self.embed("photos", "-o", "ours.faiss")
        index = faiss.IndexFlatIP(self.expected.shape[1])
        index.add(faiss.read_index("ours.faiss").reconstruct_n(0, len(self.images)))
        faiss.write_index(index, "theirs.faiss")
        self.assertEqual(Path("ours.faiss").read_bytes(), Path("theirs.faiss").read_bytes())

    def test_faiss_is_gone_on_with(self):
        self.embed("photos", "-o", "whole.faiss")
        whole = Path("whole.faiss").read_bytes(), Path("whole.jsonl").read_bytes()
        size = 4 * self.expected.shape[1]
        for cut in (0, 10, 45, 45 + size, 45 + 5 * size + 7, len(whole[0])):
            Path("part.faiss.part").write_bytes(whole[0][:cut])
            Path("part.jsonl.part").write_bytes(whole[1])
            self.embed("photos", "--format", "faiss", "-o", "part.faiss", "--resume")
            self.assertEqual((Path("part.faiss").read_bytes(), Path("part.jsonl").read_bytes()), whole)
            Path("part.faiss").unlink()
            Path("part.jsonl").unlink()

    # --- options that do not fit ---

    def test_usage(self):
        for options in (["--layout", "laion"], ["--layout", "laion", "-o", "x", "--json"],
                        ["--layout", "other", "-o", "x"], ["--format", "faiss"], ["--format", "npy", "-o", "x.faiss"],
                        ["--format", "faiss", "-o", "x"], ["-o", "x.faiss", "--csv"], ["-o", "x.faiss", "--f16"],
                        ["--layout", "laion", "-o", "x", "--f16"], ["--f32", "-o", "x.npy"],
                        ["--format", "pgvector", "--resume", "-o", "x.sql"], ["--format", "json", "--tsv"],
                        ["--table", "a.b.c"], ["--table", ""], ["--vector-type", "text"],
                        ["--rows-per-file", "0", "--layout", "laion", "-o", "x"]):
            done = self.embed("photos/00.png", *options, code=2)
            self.assertEqual(done.stdout, "", options)
        self.assertFalse([name for name in os.listdir(".") if name.startswith("x")])

    def test_formats_have_two_names(self):
        for name in ("json", "csv", "tsv"):
            self.assertEqual(self.embed("photos/00.png", "--format", name, code=0).stdout,
                             self.embed("photos/00.png", f"--{name}", code=0).stdout)


if __name__ == "__main__":
    unittest.main()
