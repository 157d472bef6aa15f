"""What is loaded at a start, and what happens where a library of a module is not installed.

A library is hidden by mounting an empty file over it, in a mount namespace of its own.
"""

import base64
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from common import BINARY, MODELS, ROOT, need, run

need("PIL")
from PIL import Image  # noqa: E402 (after the check that it is there)

MODEL = MODELS / "tiny.pt"
CAT = ROOT / "data/demo/cat.png"
MAX_LIBRARIES = 25
SANITIZERS = ("libasan.so", "libubsan.so")


def shared_libraries():
    lines = subprocess.run(["ldd", BINARY], capture_output=True, text=True, check=True).stdout
    return [line.split()[0] for line in lines.splitlines() if "vdso" not in line]


def files_of(library):
    """Where the system has a library of that name, whatever its version."""
    cache = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True)
    found = re.findall(rf"^\s*{library}\.so\S* .*=> (\S+)$", cache.stdout, re.MULTILINE)
    assert found, f"{library} is not installed"
    return sorted({os.path.realpath(path) for path in found})


class Start(unittest.TestCase):
    def test_few_libraries(self):
        libraries = [name for name in shared_libraries() if not name.startswith(SANITIZERS)]
        self.assertLessEqual(len(libraries), MAX_LIBRARIES, libraries)
        for heavy in ("opencv", "curl", "torch", "tiff", "lcms", "openjp2", "heif", "chafa",
                      "icui18n", "crypto", "libpq", "archive"):
            self.assertFalse([name for name in libraries if heavy in name])

    def test_an_image_opens_no_module(self):
        opened = run("score", "-m", MODEL, CAT, "a cat", environment={"LD_DEBUG": "files"}).stderr
        for heavy in ("libopencv", "libcurl", "libtorch", "libtiff", "liblcms", "libopenjp2", "libheif",
                      "libarchive"):
            self.assertNotIn(f"file={heavy}", opened)


class Without(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        image = Image.open(CAT).convert("RGB").resize((64, 64))
        image.save(cls.folder / "lzw.tif", compression="tiff_lzw")
        image.save(cls.folder / "plain.tif")
        image.save(cls.folder / "a.jp2")
        image.save(cls.folder / "a.png")
        subprocess.run(["heif-enc", cls.folder / "a.png", "-o", cls.folder / "a.heic"], check=True,
                       capture_output=True)
        for label in ("cat", "dog"):
            (cls.folder / "set" / label).mkdir(parents=True)
            shutil.copy(CAT, cls.folder / "set" / label)
        cls.everything = ["lzw.tif", "plain.tif", "a.jp2", "a.png", "a.heic"]

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def hidden(self, library, *arguments):
        mounts = " && ".join(f"mount --bind /dev/null {path}" for path in files_of(library))
        users = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        return subprocess.run(["unshare", "--mount", *users, "sh", "-c", f'{mounts} && exec "$@"', "sh", BINARY,
                               *map(str, arguments)], capture_output=True, text=True, check=False)

    def check(self, library, package, failing):
        """All images but the failing one are read, and its error names the package."""
        done = self.hidden(library, "score", "-m", MODEL, "--tsv", *(self.folder / name
                                                                   for name in self.everything), "a cat")
        self.assertEqual(done.returncode, 1 if failing else 0, done.stderr)
        rows = [line.split("\t") for line in done.stdout.splitlines()[1:]]
        self.assertEqual([Path(row[0]).name for row in rows if not row[2]], failing, done.stdout)
        for _ in failing:
            self.assertIn(f"apt-get install {package}", done.stderr)

    def test_nothing_hidden(self):
        done = run("score", "-m", MODEL, "--tsv", *(self.folder / name for name in self.everything), "a cat")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_libtiff(self):
        self.check("libtiff", "libtiff6", ["lzw.tif"])

    def test_openjpeg(self):
        self.check("libopenjp2", "libopenjp2-7", ["a.jp2"])

    def test_libheif(self):
        self.check("libheif", "libheif1", ["a.heic"])

    def test_opencv(self):
        self.check("libopencv_core", "", [])
        done = self.hidden("libopencv_core", "evaluate", "-m", MODEL, self.folder / "set")
        self.assertEqual(done.returncode, 0, done.stderr)
        matrix = self.folder / "matrix.png"
        done = self.hidden("libopencv_core", "evaluate", "-m", MODEL, self.folder / "set", "--confusion",
                           matrix)
        self.assertEqual(done.returncode, 1)
        self.assertIn("drawing a confusion matrix needs OpenCV", done.stderr)
        self.assertIn("apt-get install libopencv-imgproc", done.stderr)
        self.assertFalse(matrix.exists())
        heat = self.folder / "heat.png"
        done = self.hidden("libopencv_core", "explain", "-m", MODEL, CAT, "a cat")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.hidden("libopencv_core", "explain", "-m", MODEL, CAT, "a cat", "-o", heat)
        self.assertEqual(done.returncode, 1)
        self.assertIn("drawing heat needs OpenCV", done.stderr)
        self.assertFalse(heat.exists())
        done = self.hidden("libopencv_core", "classify", "-m", MODEL, CAT, "--labels", "cat,dog",
                           "--report", self.folder / "a.html", "--explain")
        self.assertEqual(done.returncode, 1)
        self.assertIn("drawing heat needs OpenCV", done.stderr)

    def test_curl(self):
        done = self.hidden("libcurl", "score", "-m", MODEL, "http://127.0.0.1:1/a.png", "a cat")
        self.assertEqual(done.returncode, 1)
        self.assertIn("apt-get install libcurl4", done.stderr)
        data = "data:;base64," + base64.b64encode(CAT.read_bytes()).decode()
        done = self.hidden("libcurl", "score", "-m", MODEL, "--image", data, "--text", "a cat")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_libpq(self):
        query = ["search", "-m", MODEL, "--database", "postgresql://127.0.0.1:1/a", "a cat"]
        done = self.hidden("libpq", *query)
        self.assertEqual(done.returncode, 1)
        self.assertIn("apt-get install libpq5", done.stderr)
        done = run(*query)
        self.assertEqual(done.returncode, 1)
        self.assertIn("Connection refused", done.stderr)

    def test_libarchive(self):
        plain, packed = self.folder / "a.tar", self.folder / "a.tar.gz"
        subprocess.run(["tar", "-C", self.folder, "-cf", plain, "a.png"], check=True)
        subprocess.run(["tar", "-C", self.folder, "-czf", packed, "a.png"], check=True)
        done = run("score", "-m", MODEL, "--tsv", plain, packed, "a cat")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.hidden("libarchive", "score", "-m", MODEL, "--tsv", packed, plain, "a cat")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"cannot use {packed}: compressed archives need libarchive", done.stderr)
        self.assertIn("apt-get install libarchive13", done.stderr)
        rows = [line.split("\t") for line in done.stdout.splitlines()[1:]]
        self.assertEqual([bool(row[2]) for row in rows], [False, True])

    def test_libcrypto(self):
        done = self.hidden("libcrypto", "tokenize", "a cat")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.hidden("libcrypto", "models", "verify", MODEL)
        self.assertEqual(done.returncode, 1)
        self.assertIn("apt-get install libssl3", done.stderr)

    def test_icu_i18n(self):
        texts = self.folder / "latin.txt"
        texts.write_bytes("un café\n".encode("latin-1"))
        done = self.hidden("libicui18n", "tokenize", "--texts", texts)
        self.assertEqual(done.returncode, 1)
        self.assertIn("line 1 is not UTF-8 (byte 7 is 0xE9); `--encoding NAME`", done.stderr)
        done = self.hidden("libicui18n", "tokenize", "--encoding", "latin1", "--texts", texts)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
