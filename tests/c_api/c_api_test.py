"""The C API from C: what it computes is what the command line prints, its errors are those that
clip/c.h promises, and threads share it. Each part is a program of its own in C99.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
from common import ROOT, json_lines, need, run  # noqa: E402

numpy = need("numpy")
need("PIL")
from PIL import Image  # noqa: E402 (after the check that it is there)

PROGRAMS = Path(os.environ["CLIP_C_API_PROGRAMS"])
LIBRARY = os.environ["CLIP_C_LIBRARY"]
DEMO = ROOT / "data/demo"
MODEL = DEMO / "demo-model.pt"
TEXTS = ["a photo of a cat", "two blue squares", "ein Käsekuchen, naïve 猫 🐈"]


def program(name, *arguments, stdin=""):
    """Runs one of the programs in C; gives its output."""
    done = subprocess.run([PROGRAMS / name, *map(str, arguments)], input=stdin, capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{name} ends with {done.returncode}: {done.stderr}")
    return done.stdout


class CApi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name).resolve()
        os.environ["XDG_DATA_HOME"] = str(cls.folder / "data")
        cls.photos = cls.folder / "photos"
        cls.photos.mkdir()
        cls.images = [shutil.copy(path, cls.photos) for path in sorted(DEMO.glob("*.png"))]
        shutil.copy(cls.images[0], cls.photos / "a copy.png")
        cls.index()

        # What the program `errors` wants.
        (cls.folder / "no index").mkdir()
        damaged = cls.folder / "damaged/.clip-cli"
        damaged.mkdir(parents=True)
        (damaged / "index.sqlite").write_bytes(b"no database, but long enough to be read " * 100)
        shutil.copy(cls.images[0], cls.folder / "good.png")
        (cls.folder / "text.txt").write_text("this is no image")
        Image.open(cls.images[0]).save(cls.folder / "whole.tif", compression="tiff_lzw")
        for whole, cut in [(cls.images[0], "cut.png"), (cls.folder / "whole.tif", "cut.tif"),
                           (MODEL, "cut.pt")]:
            data = Path(whole).read_bytes()
            (cls.folder / cut).write_bytes(data[:len(data) // 2])

    @classmethod
    def index(cls):
        done = run("index", "-q", "--model", MODEL, cls.photos)
        assert done.returncode == 0, done.stderr

    def test_embeddings_are_those_of_embed(self):
        images = [*self.images, str(self.folder / "whole.tif")]
        printed = run("embed", "--model", MODEL, *images).stdout
        printed += run("embed", "--model", MODEL, "--texts", "-", stdin="\n".join(TEXTS)).stdout
        expected = numpy.array([result["embedding"] for result in json_lines(printed)])
        jobs = [f"file {path}" for path in images] + [f"text {text}" for text in TEXTS]
        jobs += [f"bytes {path}" for path in images]
        lines = program("numbers", MODEL, stdin="\n".join(jobs) + "\n").splitlines()
        found = numpy.array([list(map(float, line.split())) for line in lines])
        self.assertEqual(found.shape, (len(jobs), expected.shape[1]))
        self.assertGreater(len(jobs), 50)
        self.assertLess(abs(found[:len(expected)] - expected).max(), 1e-5)
        self.assertTrue((found[len(expected):] == found[:len(images)]).all())

    def test_hits_are_those_of_search(self):
        folder = self.photos / "part"
        folder.mkdir()
        self.addCleanup(self.index)
        self.addCleanup(shutil.rmtree, folder)
        for path in self.images[:5]:
            shutil.copy(path, folder)
        self.index()
        for where, top in [(self.photos, 100), (self.photos, 7), (folder, 3)]:
            with self.subTest(where=where, top=top):
                done = run("search", "--no-update", "--json", "--model", MODEL, "--in", where, "--top",
                           top, TEXTS[0])
                expected = [(hit["image"], hit["score"]) for hit in json_lines(done.stdout)]
                self.assertGreaterEqual(len(expected), 3)
                answer = program("numbers", MODEL, where, top, TEXTS[0], stdin="\n")
                hits = [line.split("\t") for line in answer.splitlines()[:-1]]
                self.assertEqual([path for _, path in hits], [path for path, _ in expected])
                for (score, _), (_, wanted) in zip(hits, expected):
                    self.assertAlmostEqual(float(score), wanted, delta=1e-4)

    def test_a_search_sees_what_was_indexed_meanwhile(self):
        arguments = [PROGRAMS / "numbers", MODEL, self.photos, "100", TEXTS[0]]
        with subprocess.Popen(list(map(str, arguments)), text=True, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            def searched():
                process.stdin.write("\n")
                process.stdin.flush()
                lines = list(iter(process.stdout.readline, "\n"))
                return {line.rstrip("\n").split("\t")[1] for line in lines}

            before = searched()
            new, old = self.photos / "new.png", self.photos / "a copy.png"
            Image.new("RGB", (50, 50), "green").save(new)
            old.unlink()
            self.index()
            self.assertEqual(searched(), before - {str(old)} | {str(new)})
            new.unlink()
            shutil.copy(self.images[0], old)
            self.index()
            self.assertEqual(searched(), before)
            process.stdin.close()
            self.assertEqual(process.wait(), 0)

    def test_errors(self):
        program("errors", MODEL, self.folder)

    def test_threads_share_a_model_and_an_index(self):
        program("threads", MODEL, self.photos, *self.images[:7])

    def test_exports_are_the_functions_of_the_header(self):
        header = (ROOT / "lib/include/clip/c.h").read_text()
        declared = set(re.findall(r"^CLIP_C_API [^;(]*?\b(\w+)\(", header, re.MULTILINE))
        self.assertGreater(len(declared), 25)
        symbols = subprocess.run(["nm", "-D", "--defined-only", "--format=posix", LIBRARY],
                                 capture_output=True, text=True, check=True).stdout
        exported = {line.split()[0].split("@")[0] for line in symbols.splitlines()
                    if line.split()[1] != "A"}  # not the version
        self.assertEqual(exported, declared)
        version = re.search(r"(\d+\.\d+\.\d+)", run("--version").stdout).group(1)
        self.assertTrue(os.path.realpath(LIBRARY).endswith(f".so.{version}"), LIBRARY)


if __name__ == "__main__":
    unittest.main()
