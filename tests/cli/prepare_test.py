"""Ready weights (models prepare): the same scores without reading the weights, and the right ones
whatever became of the files."""

import concurrent.futures
import os
import struct
import tempfile
import unittest
import zipfile
from pathlib import Path

from common import MODELS, PROMPTS, json_lines, max_difference, photographs, run, scores_of

MODEL = MODELS / "published-tiny.pt"


def with_turned_weights(path):
    """A model whose matrices have other signs, and that says of itself, by the checksums of its
    archive, that nothing has changed. (Embeddings of tokens and of positions are never packed, and
    stay.)"""
    data = bytearray(path.read_bytes())
    turn = bytes(byte ^ 0x80 for byte in range(256))
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if not 49152 <= entry.file_size <= 1_000_000:
                continue
            name, extra = struct.unpack_from("<HH", data, entry.header_offset + 26)
            begin = entry.header_offset + 30 + name + extra
            end = begin + entry.file_size
            data[begin:end] = data[begin:end].translate(turn)
    return bytes(data)


class Prepared(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.ready = self.folder / "clip-cli/ready"
        self.expected = self.scores(check=False)

    def clip(self, *arguments, **variables):
        return run(*arguments, environment={"XDG_CACHE_HOME": str(self.folder), **variables})

    def scores(self, *options, model=MODEL, check=True, **variables):
        done = self.clip("score", "-q", "--json", "-m", model, *options, *photographs()[:2], *PROMPTS,
                         **variables)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        found = scores_of(json_lines(done.stdout))
        if check:
            self.assertLess(max_difference(found, self.expected), 1e-4)
        return found

    def prepare(self, *options, model=MODEL):
        done = self.clip("models", "prepare", model, "--json", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json_lines(done.stdout)

    def files(self):
        return sorted(self.ready.iterdir()) if self.ready.exists() else []

    def test_without_it_nothing_is_kept(self):
        self.scores()
        self.assertEqual(self.files(), [])

    def test_the_same_scores(self):
        written = self.prepare()
        self.assertEqual([each["tower"] for each in written], ["image", "text"])
        self.assertEqual({each["precision"] for each in written}, {"fp32"})
        for each in written:
            self.assertEqual(Path(each["path"]).stat().st_size, each["bytes"])
            self.assertEqual(Path(each["path"]).stat().st_mode & 0o777, 0o644)
        self.assertEqual(self.scores(), self.expected)

    def test_all_kinds_of_towers_and_precisions(self):
        for name in ("published-tiny.pt", "tiny.pt", "tiny-rn.pt"):
            for precision in ("fp32", "bf16", "int8"):
                with self.subTest(f"{name} in {precision}"):
                    def score():
                        done = self.clip("score", "--json", "-m", MODELS / name, "--precision",
                                         precision, *photographs()[:2], *PROMPTS)
                        self.assertEqual(done.returncode, 0, done.stderr)
                        return scores_of(json_lines(done.stdout))
                    before = score()
                    self.prepare("--precision", precision, model=MODELS / name)
                    self.assertEqual(score(), before)

    def test_the_weights_are_not_read_again(self):
        self.prepare()
        model = self.folder / "model.pt"
        model.write_bytes(with_turned_weights(MODEL))
        before = [path.stat().st_mtime_ns for path in self.files()]
        self.scores(model=model)
        self.assertEqual([path.stat().st_mtime_ns for path in self.files()], before)
        for path in self.files():
            path.unlink()
        turned = self.scores(model=model, check=False)
        self.assertGreater(max_difference(turned, self.expected), 1)

    def test_truncated_anywhere(self):
        self.prepare()
        whole = {path: path.read_bytes() for path in self.files()}
        for path, data in whole.items():
            for size in (0, 1, 63, 64, 65, 200, 4096, len(data) // 2, len(data) - 1):
                with self.subTest(f"{path.name} cut to {size}"):
                    path.write_bytes(data[:size])
                    self.scores()
                    if size > 0:  # what did not fit was written anew; an empty file is mapped by no one
                        self.assertEqual(len(path.read_bytes()), len(data))

    def test_damaged_header(self):
        self.prepare()
        for path in self.files():
            data = path.read_bytes()
            for at in (0, 8, 16, 24, 40, 48, 70, 150, 300):
                with self.subTest(f"{path.name}, byte {at}"):
                    path.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1:])
                    self.scores()
                    self.assertEqual(path.read_bytes(), data)

    def test_another_file_of_that_name(self):
        self.prepare()
        for path in self.files():
            for data in (b"x" * 100000, MODEL.read_bytes()):
                path.write_bytes(data)
                self.scores()
        image, text = self.files()
        first, second = image.read_bytes(), text.read_bytes()
        image.write_bytes(second)
        text.write_bytes(first)
        self.scores()
        self.assertEqual((image.read_bytes(), text.read_bytes()), (first, second))

    def test_of_another_processor(self):
        self.prepare()
        here = [path.read_bytes() for path in self.files()]
        self.scores(ONEDNN_MAX_CPU_ISA="SSE41")
        there = [path.read_bytes() for path in self.files()]
        self.assertNotEqual(here, there)
        self.scores()
        self.assertEqual([path.read_bytes() for path in self.files()], here)

    def test_many_processes_at_once(self):
        """Some find files, some write them, some find none, since they are removed all the time."""
        def score(number):
            if number % 5 == 4:
                for path in self.ready.glob("*.ready"):  # not those that are being written
                    path.unlink(missing_ok=True)
                return
            if number % 5 == 1:
                self.prepare()
            if number % 5 == 2:
                self.scores(ONEDNN_MAX_CPU_ISA="SSE41")
            self.scores()

        self.prepare()
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            list(pool.map(score, range(40)))
        self.assertEqual([path for path in self.files() if path.suffix != ".ready"], [])

    def test_where_nothing_can_be_written(self):
        file = self.folder / "file"
        file.write_text("no folder")
        done = self.clip("models", "prepare", MODEL, XDG_CACHE_HOME=str(file))
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(file), done.stderr)
        self.scores(XDG_CACHE_HOME=str(file))
        done = self.clip("models", "prepare", MODEL, XDG_CACHE_HOME="", HOME="")
        self.assertEqual(done.returncode, 2)
        self.assertIn("HOME", done.stderr)
        self.scores(XDG_CACHE_HOME="", HOME="")

    def test_a_full_disk(self):
        done = run("bash", "-c", 'ulimit -f 100; exec "$@"', "bash", os.environ["CLIP_CLI"],
                   "models", "prepare", MODEL, binary="/usr/bin/env",
                   environment={"XDG_CACHE_HOME": str(self.folder)})
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(self.files(), [])
        self.scores()

    def test_list_and_remove(self):
        self.prepare()
        self.prepare("--precision", "int8")
        listed = [each for each in json_lines(self.clip("models", "list", "--json").stdout)
                  if "ready" in each]
        self.assertEqual([(each["precision"], each["ready"]) for each in listed],
                         [("fp32", "image"), ("fp32", "text"), ("int8", "image"), ("int8", "text")])
        self.assertEqual({each["path"] for each in listed}, {str(path) for path in self.files()})
        self.assertIn(str(MODEL), self.clip("models", "list").stdout)
        done = self.clip("models", "remove", "--ready", MODEL, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(json_lines(done.stdout)[0]["paths"]), 4)
        self.assertEqual(self.files(), [])
        self.assertTrue(MODEL.exists())
        self.assertEqual(self.clip("models", "remove", "--ready", MODEL).returncode, 1)

    def test_other_engines_have_none(self):
        done = self.clip("models", "prepare", MODEL, "--engine", "torchscript")
        self.assertEqual(done.returncode, 1)
        self.assertIn("native", done.stderr)


if __name__ == "__main__":
    unittest.main()
