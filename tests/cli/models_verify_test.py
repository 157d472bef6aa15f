"""clip-cli models verify: a flipped bit anywhere in a model's files is found, in every container,
by a digest that was written down or by the container's own checksums.

CLIP_TEST_FLIPS [1]: bits that are flipped in each file, besides those at its ends."""

import dataclasses
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

from common import MODELS, ROOT, json_lines, need, run

torch = need("torch")
sys.path.insert(0, str(ROOT / "scripts"))
from clip_files import write_model  # noqa: E402 (of this project)
from clip_reference import Config, from_config, randomize  # noqa: E402

TINY = Config(64, 48, 96, 64, 2, patch=8, vision_layers=2, context=77)
# Without OpenAI's vocabulary, which makes most of a small model.
SMALL = dataclasses.replace(TINY, vocabulary=600)
FLIPS = int(os.environ.get("CLIP_TEST_FLIPS", "1"))
FOLDERS = {
    "safetensors": {"container": "safetensors"},
    "shards": {"shards": 3},
    "state dict": {"container": "bin"},
    "hf": {"layout": "hf"},
}


def places_of(data, count, seed):
    """Bits of a file: of its first and last bytes, and of others over all of it."""
    size = len(data)
    generator = random.Random(seed)
    fixed = [0, 8, size // 2, size - 1]
    return [(at, generator.randrange(8)) for at in
            sorted({*(at for at in fixed if 0 <= at < size),
                    *(generator.randrange(size) for _ in range(count))})]


class VerifyCase(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp()).resolve()
        self.addCleanup(shutil.rmtree, self.folder)

    def verify(self, path, *options):
        """The exit code, the object, and the messages."""
        done = run("models", "verify", "--json", *options, path)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        result = json_lines(done.stdout)
        self.assertLessEqual(len(result), 1)
        if result:
            self.assertEqual(result[0]["right"], done.returncode == 0, done.stderr)
        if done.returncode == 1:
            self.assertNotEqual(done.stderr, "")
        return done.returncode, result[0] if result else None, done.stderr

    def found(self, path, verified, *words):
        code, _, errors = self.verify(verified)
        self.assertEqual(code, 1, path)
        for word in (str(path), *words):
            self.assertIn(word, errors)

    def write(self, name="model", **options):
        model = from_config(SMALL)
        randomize(model, 3)
        write_model(model, model.config, self.folder / name, **options)
        return self.folder / name

    def check_damage(self, path, verified, count=FLIPS):
        """Flipped bits, and a file that is cut short or longer, are found when `verified` is
        verified."""
        good = path.read_bytes()
        for at, bit in places_of(good, count, str(path.name)):
            bad = bytearray(good)
            bad[at] ^= 1 << bit
            path.write_bytes(bad)
            self.found(path, verified)
        for bad in (good[:-1], good[:len(good) // 2], good + b"\0"):
            path.write_bytes(bad)
            self.found(path, verified)
        path.write_bytes(good)
        self.assertEqual(self.verify(verified)[0], 0)


class Recorded(VerifyCase):
    def test_single_files(self):
        safetensors = next(self.write().glob("*.safetensors"))
        state_dict = next(self.write("bin", container="bin").glob("*.bin"))
        for source in (safetensors, state_dict, ROOT / "data/demo/demo-model.pt"):
            path = self.folder / f"copy{source.suffix}"
            shutil.copy(source, path)
            with self.subTest(source.name):
                code, result, errors = self.verify(path, "--record")
                self.assertEqual(code, 0, errors)
                self.assertIn("record", result["checked_by"])
                record = path.with_name(path.name + ".sha256")
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                self.assertEqual(record.read_text(), f"{digest}  {path.name}\n")
                done = subprocess.run(["sha256sum", "-c", "--strict", record.name],
                                      cwd=self.folder, capture_output=True, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.check_damage(path, path)
                # What is damaged is not recorded over what it was.
                path.write_bytes(path.read_bytes()[:-1] + b"x")
                self.assertEqual(self.verify(path, "--record")[0], 1)
                self.assertEqual(record.read_text(), f"{digest}  {path.name}\n")
                record.unlink()

    def test_folders(self):
        for name, options in FOLDERS.items():
            with self.subTest(name):
                folder = self.write(name.replace(" ", "-"), **options)
                code, _, errors = self.verify(folder)
                self.assertEqual(code, 1)
                self.assertIn("nothing says what", errors)
                code, result, errors = self.verify(folder, "--record")
                self.assertEqual(code, 0, errors)
                files = sorted(folder.glob("*.*"))
                self.assertEqual([entry["file"] for entry in result["files"]], list(map(str, files)))
                done = subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=folder,
                                      capture_output=True, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                for path in files:
                    self.check_damage(path, folder, count=1 if path.suffix == ".json" else FLIPS)
                index = next(folder.glob("*.index.json"), None)
                if index is not None:
                    self.assertEqual(self.verify(index)[0], 0)
                    self.check_damage(next(folder.glob("*-00002-*")), index, count=1)
                    self.check_damage(index, index, count=1)
                # A file that the record names is missing.
                files[-1].rename(self.folder / "away")
                self.found(files[-1], folder, "No such file")

    def test_sample_models(self):
        """As open_clip and transformers wrote them: a flipped bit in each file."""
        for source in sorted((MODELS / "samples").iterdir()):
            if not source.is_dir():
                continue
            folder = self.folder / source.name
            shutil.copytree(source, folder)
            with self.subTest(source.name):
                self.assertEqual(self.verify(folder, "--record")[0], 0)
                for path in sorted(folder.glob("*.*")):
                    good = path.read_bytes()
                    at, bit = places_of(good, 1, path.name)[1]
                    path.write_bytes(good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1:])
                    self.found(path, folder)
                    path.write_bytes(good)

    def test_formats_of_records(self):
        path = self.folder / "a (1) = b.safetensors"
        shutil.copy(next(self.write().glob("*.safetensors")), path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        wrong = digest[:-1] + ("0" if digest[-1] != "0" else "1")
        other = f"{'0' * 64}  other.bin\n"
        own, several = path.with_name(path.name + ".sha256"), self.folder / "SHA256SUMS"
        for record in (own, path.with_name(path.name + ".sha256sum"), several,
                       self.folder / "SHA256SUMS.txt", self.folder / "sha256sum.txt"):
            texts = ["{}  {}\n", "{} *{}\n", "{}  ./{}\n", "{}  {}\r\n", "{}  {}",
                     "SHA256 ({1}) = {0}\n", other + "# comment\n\n{}  {}\n" + other]
            for text in texts if record is own else texts[-1:]:
                with self.subTest(record=record.name, text=text):
                    for value, code in ((digest, 0), (digest.upper(), 0), (wrong, 1)):
                        record.write_text(text.format(value, path.name), newline="")
                        got, _, errors = self.verify(path)
                        self.assertEqual(got, code, errors)
                    self.assertIn(str(record), errors)
            record.unlink()
        own.write_text(digest + "\n")
        self.assertEqual(self.verify(path)[0], 0)
        for text, words in ((wrong, "expected"), (digest[:-1], "has no line"), ("", "it is empty"),
                            (f"{digest}  other.safetensors\n", "has no line")):
            own.write_text(text)
            self.found(path, path, words)
        # All that say something must be right.
        own.write_text(digest)
        several.write_text(f"{wrong}  {path.name}\n")
        self.found(path, path, "SHA256SUMS")
        own.unlink()
        several.write_text(other)
        self.found(path, path, "nothing says what")

    def test_names_that_sha256sum_escapes(self):
        path = self.folder / "a\\b\nc.safetensors"
        shutil.copy(next(self.write().glob("*.safetensors")), path)
        self.assertEqual(self.verify(path, "--record")[0], 0)
        record = path.with_name(path.name + ".sha256")
        wanted = subprocess.run(["sha256sum", path.name], cwd=self.folder, capture_output=True,
                                check=True).stdout
        self.assertEqual(record.read_bytes(), wanted)
        self.assertEqual(self.verify(path)[0], 0)

    def test_what_the_exporter_writes_is_recorded(self):
        folder = self.folder / "exported"
        done = subprocess.run([sys.executable, ROOT / "scripts/export_safetensors.py",
                               self.write(), folder], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.verify(folder)[0], 0)
        for path in (folder / "open_clip_model.safetensors", folder / "open_clip_config.json"):
            self.check_damage(path, folder, count=1)

    def test_a_folder_that_huggingface_hub_fetched_into(self):
        folder = self.write(layout="hf")
        places = folder / ".cache/huggingface/download"
        places.mkdir(parents=True)
        for path in folder.glob("*.*"):
            if path.is_dir():
                continue
            data = path.read_bytes()
            digest = (hashlib.sha256(data) if path.suffix == ".safetensors"
                      else hashlib.sha1(b"blob %d\0" % len(data) + data)).hexdigest()
            (places / f"{path.name}.metadata").write_text(f"{'a' * 40}\n{digest}\n1700000000.0\n")
        code, result, errors = self.verify(folder)
        self.assertEqual(code, 0, errors)
        self.assertEqual({tuple(file["checked_by"]) for file in result["files"]}, {("hub",)})
        for path in (folder / "model.safetensors", folder / "config.json"):
            self.check_damage(path, folder, count=1)


class Unrecorded(VerifyCase):
    def test_nothing_is_pretended(self):
        folder = self.write()
        path = next(folder.glob("*.safetensors"))
        code, result, errors = self.verify(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        self.assertEqual((code, result["sha256"], result["checked_by"]), (1, digest, []))
        for words in ("nothing says what", digest, "--record"):
            self.assertIn(words, errors)
        done = run("models", "verify", path)
        self.assertEqual((done.returncode, done.stdout), (1, ""))

    def test_an_archive_s_own_checksums_find_every_bit_of_its_records(self):
        path = self.folder / "model.pt"
        for source in (next(self.write(container="bin").glob("*.bin")),
                       MODELS / "published-tiny.pt"):
            shutil.copy(source, path)
            good = path.read_bytes()
            records = []
            with zipfile.ZipFile(path) as archive:
                for info in archive.infolist():
                    header = info.header_offset
                    begin = header + 30 + sum(
                        int.from_bytes(good[header + at:header + at + 2], "little")
                        for at in (26, 28))
                    records.append((begin, info.file_size))
            generator = random.Random(1)
            for begin, size in generator.sample(records, 6):
                if size == 0:
                    continue
                bad = bytearray(good)
                bad[begin + generator.randrange(size)] ^= 1 << generator.randrange(8)
                path.write_bytes(bad)
                self.found(path, path)

    def test_an_archive_whose_checksums_were_left_out(self):
        """As torch.save writes it after torch.serialization.set_crc32_options(False)."""
        folder = self.write(container="bin")
        path = next(folder.glob("*.bin"))
        data = bytearray(path.read_bytes())
        identity = json.loads(run("models", "inspect", "--json", folder).stdout)["identity"]
        with zipfile.ZipFile(path) as archive:
            at = archive.start_dir
            for _ in archive.infolist():
                data[at + 16:at + 20] = bytes(4)
                at += 46 + sum(int.from_bytes(data[at + i:at + i + 2], "little")
                               for i in (28, 30, 32))
        path.write_bytes(data)
        described = json.loads(run("models", "inspect", "--json", folder).stdout)
        self.assertNotEqual(described["identity"], identity)
        code, result, errors = self.verify(path)
        self.assertEqual((code, result["records"]), (1, 0))
        self.assertIn("nothing says what", errors)
        self.assertEqual(self.verify(path, "--record")[0], 0)
        # Another fine-tune with the same shapes is another model.
        middle = bytearray(data)
        with zipfile.ZipFile(path) as archive:
            largest = max(archive.infolist(), key=lambda info: info.file_size)
        middle[largest.header_offset + 200 + largest.file_size // 7 * 2] ^= 1
        for i in range(largest.file_size // 2):
            middle[largest.header_offset + 400 + i] ^= 1
        path.write_bytes(middle)
        self.assertNotEqual(
            json.loads(run("models", "inspect", "--json", folder).stdout)["identity"],
            described["identity"])
        self.found(path, path, ".sha256")


class Numbers(VerifyCase):
    def test_nan_and_infinity_are_named(self):
        for value, word in ((float("nan"), "NaN"), (float("inf"), "infinity"),
                            (float("-inf"), "infinity")):
            for dtype, container in ((None, "safetensors"), ("float16", "bin"),
                                     ("bfloat16", "safetensors")):
                with self.subTest(value=value, dtype=dtype, container=container):
                    model = from_config(TINY)
                    randomize(model, 3)
                    with torch.no_grad():
                        model.visual.transformer.resblocks[1].mlp.c_fc.weight[3, 5] = value
                    folder = self.folder / f"{value}-{dtype}-{container}"
                    options = {} if dtype is None else {"dtype": dtype}
                    write_model(model, model.config, folder, container=container, **options)
                    name = "visual.transformer.resblocks.1.mlp.c_fc.weight"
                    code, _, errors = self.verify(folder, "--record")
                    self.assertEqual(code, 1)
                    self.assertIn(f"{name} ({word})", errors)
                    self.assertFalse((folder / "SHA256SUMS").exists())
                    done = run("score", "-m", folder, ROOT / "data/demo/cat.png", "a cat")
                    self.assertEqual((done.returncode, done.stdout), (1, ""))
                    self.assertIn(f"weight {name} holds {word}", done.stderr)
                    self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                    # Texts alone do not read the image tower.
                    lines = folder / "texts.txt"
                    lines.write_text("a cat\n")
                    done = run("embed", "-m", folder, "--texts", lines)
                    self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
