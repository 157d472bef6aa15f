#!/usr/bin/env python3
"""Reads what NumPy writes and writes what NumPy reads, and refuses all other files with an error
that says what they are: against_numpy_test.py COPY_NPY"""

import io
import os
import random
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

try:
    import numpy
except ImportError as error:
    sys.exit(f"missing numpy: apt-get install python3-numpy ({error})")

COPY = sys.argv.pop(1)


def saved(array, **options):
    buffer = io.BytesIO()
    numpy.lib.format.write_array(buffer, array, **options)
    return buffer.getvalue()


def with_header(text, data=b"", version=(1, 0)):
    size = struct.pack("<H" if version[0] == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + size + text.encode("latin1") + data


class Npy(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return str(Path(self.folder.name) / name)

    def copy(self, *files, kind="f4"):
        """Copies files of these bytes; gives the finished process and the copy, or None."""
        paths = []
        for i, content in enumerate(files):
            paths.append(self.path(f"in{i}.npy"))
            Path(paths[-1]).write_bytes(content)
        output = self.path("out.npy")
        if os.path.exists(output):
            os.remove(output)
        done = subprocess.run([COPY, kind, output, *paths], capture_output=True, text=True,
                              check=False)
        return done, numpy.load(output) if done.returncode == 0 else None

    def refused(self, content, words, code="corrupt"):
        done, _ = self.copy(content)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertTrue(done.stderr.startswith(f"{code}: "), done.stderr)
        self.assertIn("in0.npy", done.stderr)
        self.assertIn(words, done.stderr)
        self.assertLess(len(done.stderr), 400)

    def test_all_types_shapes_and_versions(self):
        generator = numpy.random.default_rng(1)
        for shape in [(3, 4), (1, 1), (0, 512), (700, 512), (5,), (1, 70000)]:
            array = generator.normal(size=shape)
            for dtype in ("<f2", "<f4", "<f8"):
                for version in ((1, 0), (2, 0)):
                    with self.subTest(shape=shape, dtype=dtype, version=version):
                        given = array.astype(dtype)
                        done, copy = self.copy(saved(given, version=version))
                        self.assertEqual(done.returncode, 0, done.stderr)
                        rows = given.reshape(-1, shape[-1]).astype(numpy.float32)
                        self.assertEqual(copy.dtype, numpy.dtype("<f4"))
                        self.assertEqual(copy.shape, rows.shape)
                        self.assertTrue((copy == rows).all())
                        done, halves = self.copy(saved(given, version=version), kind="f2")
                        self.assertEqual(halves.dtype, numpy.dtype("<f2"))
                        self.assertTrue((halves == rows.astype(numpy.float16)).all())

    def test_numbers_that_are_no_finite_ones(self):
        given = numpy.array([[numpy.nan, numpy.inf, -numpy.inf, -0.0, 1e-45, 65504, 1e-7]],
                            dtype="<f4")
        _, copy = self.copy(saved(given))
        self.assertEqual(copy.tobytes(), given.tobytes())
        with numpy.errstate(all="ignore"):
            expected = given.astype("<f2")
        _, halves = self.copy(saved(given), kind="f2")
        numpy.testing.assert_array_equal(halves, expected)
        self.assertTrue(numpy.signbit(halves[0, 3]))

    def test_files_are_gone_on_with(self):
        generator = numpy.random.default_rng(2)
        for kind in ("f2", "f4"):
            parts = [generator.normal(size=(rows, 33)).astype("<" + kind) for rows in (5, 1, 100)]
            done, copy = self.copy(*map(saved, parts), kind=kind)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue((copy == numpy.concatenate(parts)).all())
        done, _ = self.copy(saved(numpy.zeros((2, 3))), saved(numpy.zeros((2, 4))))
        self.assertIn("cannot go on with", done.stderr)
        self.assertIn("vectors of 3 numbers", done.stderr)

    def test_what_is_written_is_what_numpy_writes_but_for_its_padding(self):
        given = numpy.arange(12, dtype="<f4").reshape(3, 4)
        self.copy(saved(given))
        written = Path(self.path("out.npy")).read_bytes()
        self.assertEqual(written, saved(given))  # which pads to the same 128 bytes
        self.assertEqual(len(written), 128 + 48)

    def test_headers_in_other_words(self):
        data = numpy.arange(6, dtype="<f4")
        for text in ("{'shape':(2,3),'fortran_order':False,'descr':'<f4'}",
                     '{"descr": "<f4", "fortran_order": False, "shape": (2, 3,), }\n',
                     "  { 'descr' : '<f4' , 'fortran_order' : False , 'shape' : ( 2 , 3 ) } \n"):
            done, copy = self.copy(with_header(text, data.tobytes()))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue((copy == data.reshape(2, 3)).all())

    def test_arrays_of_other_kinds(self):
        ones = numpy.ones((4, 4))
        self.refused(saved(numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3))), "Fortran order",
                     "unsupported")
        self.refused(saved(ones.astype(">f4")), "'>f4'", "unsupported")
        self.refused(saved(ones.astype("<i4")), "'<i4'", "unsupported")
        self.refused(saved(ones.astype("<c8")), "'<c8'", "unsupported")
        self.refused(saved(ones.astype("<f4").reshape(2, 2, 4)), "3 dimensions", "unsupported")
        self.refused(saved(numpy.float32(3.0)), "0 dimensions", "unsupported")
        self.refused(saved(numpy.zeros(3, dtype=[("a", "<f4")])), "fields", "unsupported")
        self.refused(saved(numpy.array([{"a": 1}], dtype=object), allow_pickle=True), "Python objects",
                     "unsupported")
        self.refused(saved(ones, version=(3, 0)), "version 3.0", "unsupported")
        self.refused(saved(numpy.zeros((3, 0))), "no numbers")

    def test_damaged_files(self):
        whole = saved(numpy.ones((10, 20), dtype="<f4"))
        self.refused(b"", "no .npy file")
        self.refused(b"PK\x03\x04", "no .npy file")
        for size in list(range(6, 128, 5)) + [128, 200, len(whole) - 1]:
            done, _ = self.copy(whole[:size])
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, "cut short|damaged")
        self.refused(whole + b"x", "longer than its header says")
        for shape in ("(10, 21)", "(11, 20)", "(9223372036854775807, 20)", "(20, 4611686018427387904)",
                      "(4294967296, 4294967296)", "(9223372036854775807,)"):
            self.refused(with_header("{'descr': '<f4', 'fortran_order': False, 'shape': %s, }" % shape,
                                     bytes(800)), "cut short")
        for text in ("", "{", "{}", "{'descr': '<f4'}", "[]", "{'descr'", "{'descr': '<f4",
                     "{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3)}",
                     "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3}",
                     "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 3)}",
                     "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}",
                     "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} x",
                     "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}",
                     "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",
                     "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)\0}"):
            self.refused(with_header(text, bytes(24)), "header is damaged")
        self.refused(with_header("", version=(2, 0))[:8] + b"\xff\xff\xff\x7f", "too long")

    def test_any_byte_changed(self):
        whole = saved(numpy.ones((2, 3), dtype="<f4"))
        generator = random.Random(3)
        for at in range(128):
            changed = bytearray(whole)
            changed[at] = generator.randrange(256)
            done, copy = self.copy(bytes(changed))
            self.assertIn(done.returncode, (0, 1))
            if copy is None:
                self.assertRegex(done.stderr, r"\A(corrupt|unsupported): cannot read .*in0\.npy: ")

    def test_what_is_no_file(self):
        for path, code in ((self.folder.name, "invalid_argument"), ("/dev/null", "invalid_argument"),
                           (self.path("none.npy"), "not_found")):
            done = subprocess.run([COPY, "f4", self.path("out.npy"), path], capture_output=True,
                                  text=True, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertTrue(done.stderr.startswith(code), done.stderr)
        fifo = self.path("fifo.npy")
        os.mkfifo(fifo)
        done = subprocess.run([COPY, "f4", self.path("out.npy"), fifo], capture_output=True,
                              text=True, check=False, timeout=20)
        self.assertIn("not a regular file", done.stderr)
        Path(self.path("in.npy")).write_bytes(saved(numpy.ones((2, 3))))
        done = subprocess.run([COPY, "f4", "/dev/full", self.path("in.npy")], capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/dev/full", done.stderr)


if __name__ == "__main__":
    unittest.main()
