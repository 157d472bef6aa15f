"""clip-cli embed: the model's vectors, row for row, in every format, whatever ends a run."""

import csv
import io
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from common import BINARY, MODELS, ROOT, json_lines, need, photographs, run
from images import draw

numpy = need("numpy")
torch = need("torch")
sys.path.insert(0, str(ROOT / "scripts"))
import reference_scores as reference  # noqa: E402 (after the check that it can be loaded)

TINY = MODELS / "published-tiny.pt"


def embed(*arguments, model=TINY, **options):
    return run("embed", "--model", model, *arguments, **options)


def by_batch(jobs):
    """The embeddings that batch gives for these jobs, computed one by one."""
    lines = "".join(json.dumps({"id": i, "op": "embed", **job}) + "\n" for i, job in enumerate(jobs))
    done = run("batch", "--model", TINY, "--batch", "1", stdin=lines)
    answers = sorted(json_lines(done.stdout), key=lambda answer: answer["id"])
    return [answer.get("embedding") for answer in answers]


def reference_embeddings(images):
    model = reference.load(str(TINY))
    transform = reference.openai_transform(model.config.image_size)
    with torch.no_grad():
        rows = [model.encode_image(transform(reference.load_image(path, exif=True)).unsqueeze(0))[0]
                for path in images]
    return numpy.array([(row / row.norm()).numpy() for row in rows])


class EmbedCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def names(self):
        return sorted(path.name for path in self.folder.iterdir() if path.is_file())


class Images(EmbedCase):
    def setUp(self):
        super().setUp()
        self.images = [str(path) for path in photographs()]
        self.bad = str(self.folder / "bad.jpg")
        Path(self.bad).write_text("this is no image")

    def test_json_lines_are_the_reference_s_vectors(self):
        done = embed(*self.images)
        self.assertEqual(done.returncode, 0, done.stderr)
        results = json_lines(done.stdout)
        self.assertEqual([result["image"] for result in results], self.images)
        vectors = numpy.array([result["embedding"] for result in results])
        self.assertLess(abs(vectors - reference_embeddings(self.images)).max(), 1e-5)
        numpy.testing.assert_allclose((vectors ** 2).sum(axis=1), 1, atol=1e-6)
        identity = json.loads(run("models", "inspect", "--json", TINY).stdout)["identity"]
        for result in results:
            self.assertEqual(list(result), ["image", "model", "embedding"])
            self.assertEqual(result["model"], identity)
        # Each number is the one with the fewest digits that give the same float32. Grisu2, by which
        # nlohmann's library prints a double, needs more digits for one of a thousand.
        longer = numbers = 0
        for embedding in done.stdout.split('"embedding":[')[1:]:
            for text in embedding.split("]")[0].split(","):
                digits = text.lstrip("-").replace(".", "").lstrip("0").split("e")[0]
                longer += len(digits) > 9
                numbers += 1
                self.assertEqual(float(text), float(str(numpy.float32(text))))
        self.assertLess(longer, 0.02 * numbers)
        self.assertEqual(embed("--batch", "1", *self.images).stdout.count("\n"), len(self.images))

    def test_the_same_as_batch(self):
        done = embed("--batch", "1", *self.images)
        self.assertEqual([result["embedding"] for result in json_lines(done.stdout)],
                         by_batch([{"image": image} for image in self.images]))

    def test_tables(self):
        lines = json_lines(embed("--batch", "1", *self.images).stdout)
        for option, separator in (("--tsv", "\t"), ("--csv", ",")):
            done = embed("--batch", "1", option, self.images[0], self.bad, *self.images[1:])
            self.assertEqual(done.returncode, 1)
            header, *rows = csv.reader(io.StringIO(done.stdout), delimiter=separator)
            dim = len(lines[0]["embedding"])
            self.assertEqual(header, ["image", *(f"embedding_{i + 1}" for i in range(dim)), "error"])
            self.assertEqual(len(rows), len(self.images) + 1)
            failed = rows.pop(1)
            self.assertEqual(failed[:-1], [self.bad] + [""] * dim)
            self.assertIn("unsupported image format", failed[-1])
            for row, line in zip(rows, lines):
                self.assertEqual((row[0], row[-1]), (line["image"], ""))
                self.assertEqual([numpy.float32(text) for text in row[1:-1]],
                                 [numpy.float32(number) for number in line["embedding"]])

    def test_arrays_of_both_types(self):
        inputs = [self.images[0], self.bad, *self.images[1:]]
        full, half = self.folder / "full.npy", self.folder / "half.npy"
        for output, options in ((full, []), (half, ["--f16"])):
            done = embed("--batch", "1", "-o", output, *options, *inputs)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("6 images", done.stderr)
        vectors, halves = numpy.load(full), numpy.load(half)
        self.assertEqual((vectors.dtype, halves.dtype), (numpy.float32, numpy.float16))
        self.assertEqual(self.names(), ["bad.jpg", "full.jsonl", "full.npy", "half.jsonl", "half.npy"])
        expected = by_batch([{"image": image} for image in self.images])
        expected.insert(1, [0] * vectors.shape[1])
        self.assertTrue((vectors == numpy.array(expected, dtype="float32")).all())
        self.assertTrue((halves == vectors.astype("float16")).all())
        for output in (full, half):
            lines = json_lines(output.with_suffix(".jsonl").read_text())
            self.assertEqual([line["image"] for line in lines], inputs)
            self.assertEqual([i for i, line in enumerate(lines) if "error" in line], [1])
            self.assertEqual(lines[1]["error"]["code"], "bad_image")
            self.assertEqual(list(lines[0]), ["image", "model", "run"])
            self.assertIn("decoding=upright,exact,500", lines[0]["run"])

    def test_only_failed_images(self):
        done = embed(self.bad)
        self.assertEqual(done.returncode, 1)
        self.assertEqual([list(line) for line in json_lines(done.stdout)], [["image", "model", "error"]])
        done = embed(self.bad, "-o", self.folder / "out.npy")
        self.assertEqual(done.returncode, 1)
        vectors = numpy.load(self.folder / "out.npy")
        self.assertEqual(vectors.shape[0], 1)
        self.assertFalse(vectors.any())
        self.assertEqual(embed(self.folder / "none.png", "--tsv").returncode, 1)

    def test_an_empty_folder(self):
        (self.folder / "empty").mkdir()
        done = embed(self.folder / "empty", "-o", self.folder / "out.npy")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("no image was found", done.stderr)
        self.assertEqual(numpy.load(self.folder / "out.npy").shape[0], 0)
        self.assertEqual((self.folder / "out.jsonl").read_text(), "")

    def test_names_that_are_not_utf_8(self):
        name = os.fsencode(self.folder) + b"/\xff.png"
        shutil.copy(self.images[0], name)
        listed = self.folder / "list"
        listed.write_bytes(name + b"\0")
        output = self.folder / "out.npy"
        for _ in range(2):
            done = embed("--images", listed, "-0", "-o", output, "--resume")
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1 had been done before", done.stderr)
        line, = json_lines(output.with_suffix(".jsonl").read_text())
        self.assertEqual(bytes.fromhex(line["image_hex"]), name)

    def test_bad_usage(self):
        (self.folder / "texts").write_text("a cat\n")
        texts = str(self.folder / "texts")
        for arguments, word in (
                ([], "no image"), ([self.images[0], "--texts", texts], "not both"),
                ([self.images[0], "--f16"], "--f16"),
                ([self.images[0], "--f16", "-o", "x.jsonl"], "--f16"),
                ([self.images[0], "--tsv", "-o", "x.npy"], "--tsv"),
                ([self.images[0], "-o", "x.html"], "pages"),
                *[([self.images[0], "-o", f"x.{end}"], "of another kind")
                  for end in ("parquet", "PNG", "jpg", "npz", "pt", "safetensors", "xlsx", "gz")],
                ([self.images[0], "--resume"], "--output"),
                ([self.images[0], "--resume", "-o", "x.tsv"], "JSON Lines")):
            done = embed(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertIn(word, done.stderr)

    def test_no_other_file_is_replaced(self):
        texts = self.folder / "texts.jsonl"
        texts.write_text('{"text": "a cat"}\n')
        other = self.folder / "photos.jsonl"
        other.write_text('{"image": "a.jpg", "label": "cat"}\n')
        # With vectors beside it, too.
        shutil.copy(other, self.folder / "vectors.jsonl")
        (self.folder / "vectors.npy").write_bytes(b"as it was")
        for output, arguments, code, word in (
                ("texts.npy", ["--texts", texts], 2, "would replace it"),
                ("texts.faiss", ["--texts", texts], 2, "would replace it"),
                ("photos.npy", [self.images[0]], 1, "would be replaced"),
                ("vectors.npy", [self.images[0]], 1, "would be replaced")):
            done = embed(*arguments, "-o", self.folder / output)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(word, done.stderr)
        self.assertEqual(texts.read_text(), '{"text": "a cat"}\n')
        self.assertEqual(other.read_text(), '{"image": "a.jpg", "label": "cat"}\n')
        self.assertEqual([(path.name, path.read_bytes()) for path in self.folder.glob("*.npy*")],
                         [("vectors.npy", b"as it was")])

    def test_outputs_that_cannot_be_written(self):
        for arguments in (["-o", "/dev/full", "--json"], ["-o", self.folder / "none/x.npy"],
                          ["-o", "/proc/x.npy"]):
            done = embed(*arguments, self.images[0])
            self.assertEqual(done.returncode, 1, arguments)
            self.assertIn("cannot", done.stderr)
        with open("/dev/full", "w") as full:
            done = subprocess.run([BINARY, "embed", "--model", str(TINY), self.images[0]],
                                  stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left", done.stderr)
        (self.folder / "device.npy").symlink_to("/dev/full")
        done = embed("-o", self.folder / "device.npy", self.images[0])
        self.assertEqual(done.returncode, 1)
        self.assertIn("not a regular file", done.stderr)
        self.assertEqual(self.names(), ["bad.jpg"])  # a link to a device is no file


class Texts(EmbedCase):
    ODD = ["a cat", "A Cat!", "  blanks  ", "tab\there", 'a "quote"', "back\\slash", "🐈‍⬛", "naïve",
           "<|endoftext|>", "a cat", "\u2028", "{}"]

    def test_lines(self):
        path = self.folder / "texts"
        path.write_text("\n".join(["", *self.ODD, "", ""]))
        for arguments, stdin in (([path], None), (["-"], path.read_text())):
            done = embed("--texts", *arguments, stdin=stdin)
            self.assertEqual(done.returncode, 0, done.stderr)
            results = json_lines(done.stdout)
            self.assertEqual([result["text"] for result in results], self.ODD)
            self.assertEqual(list(results[0]), ["text", "model", "embedding"])
            vectors = numpy.array([result["embedding"] for result in results])
            self.assertLess(abs(vectors - by_batch([{"text": text} for text in self.ODD])).max(), 1e-6)
            self.assertIn(f"{len(self.ODD)} texts", done.stderr)

    def test_json_lines_and_arrays(self):
        path = self.folder / "texts.jsonl"
        texts = [*self.ODD, "line\nbreak", "x" * 300 + " cut", "nul\0byte"]
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        output = self.folder / "out.npy"
        done = embed("--texts", path, "--truncate", "-o", output)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = json_lines(output.with_suffix(".jsonl").read_text())
        self.assertEqual([line["text"] for line in lines], texts)
        self.assertIn("truncation=on", lines[0]["run"])
        vectors = numpy.load(output)
        numpy.testing.assert_allclose((vectors ** 2).sum(axis=1), 1, atol=1e-5)
        self.assertTrue((vectors[0] == vectors[9]).all())

    def test_a_text_that_is_too_long_is_an_error_of_its_own(self):
        path = self.folder / "texts"
        path.write_text("a cat\n" + "word " * 100 + "\na dog\n")
        output = self.folder / "out.npy"
        done = embed("--texts", path, "-o", output)
        self.assertEqual(done.returncode, 1)
        self.assertIn("--truncate", done.stderr)
        lines = json_lines(output.with_suffix(".jsonl").read_text())
        self.assertEqual([line.get("error", {}).get("code") for line in lines],
                         [None, "bad_text", None])
        vectors = numpy.load(output)
        self.assertFalse(vectors[1].any())
        expected = by_batch([{"text": "a cat"}, {"text": "a dog"}])
        self.assertLess(abs(vectors[[0, 2]] - expected).max(), 1e-6)
        done = embed("--texts", path, "--tsv")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stdout.splitlines()), 4)

    def test_a_run_that_is_gone_on_with_gives_the_same_bytes(self):
        """Texts come in groups of 64, whatever was cut off."""
        path = self.folder / "texts"
        path.write_text("".join(f"text number {i % 140}\n" for i in range(200)))
        arguments = ["--texts", path]
        whole = self.folder / "whole.npy"
        self.assertEqual(embed(*arguments, "-o", whole).returncode, 0)
        rows, lines = whole.read_bytes(), whole.with_suffix(".jsonl").read_bytes()
        chance = random.Random(4)
        for _ in range(6):
            (self.folder / "out.npy.part").write_bytes(rows[: chance.randrange(len(rows))])
            (self.folder / "out.jsonl.part").write_bytes(lines[: chance.randrange(len(lines))])
            done = embed(*arguments, "-o", self.folder / "out.npy", "--resume")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue((self.folder / "out.npy").read_bytes() == rows)
            self.assertTrue((self.folder / "out.jsonl").read_bytes() == lines)
        single = self.folder / "single.jsonl"
        self.assertEqual(embed(*arguments, "-o", single).returncode, 0)
        expected = single.read_bytes()
        for _ in range(4):
            single.write_bytes(expected[: chance.randrange(len(expected))])
            done = embed(*arguments, "-o", single, "--resume")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(single.read_bytes() == expected)

    def test_ctrl_c_while_it_waits_for_texts(self):
        output = self.folder / "output"
        with open(output, "w") as to:
            process = subprocess.Popen([BINARY, "embed", "--model", str(TINY), "--texts", "-"],
                                       stdin=subprocess.PIPE, stdout=to, stderr=subprocess.PIPE,
                                       text=True)
        process.stdin.write("a cat\n" * 64)
        process.stdin.flush()
        while output.read_bytes().count(b"\n") < 64 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), -signal.SIGINT)
        process.stdin.close()
        errors = process.stderr.read()
        process.stderr.close()
        self.assertEqual(output.read_bytes().count(b"\n"), 64)
        self.assertIn("interrupted: 64 texts", errors)


class Resume(EmbedCase):
    """Each image is computed alone, so that the same image gives the same bytes whenever it comes."""

    COUNT = 300

    def setUp(self):
        super().setUp()
        (self.folder / "in").mkdir()
        for i in range(12):
            draw(self.folder / f"image{i}.png", i)
        self.images = []
        for i in range(self.COUNT):
            path = self.folder / "in" / f"{i:04d}.png"
            os.link(self.folder / f"image{i % 12}.png", path)
            self.images.append(str(path))
        bad = self.folder / "in/0007.png"
        bad.unlink()
        bad.write_text("this is no image")
        self.output = self.folder / "out.npy"
        self.lines = self.folder / "out.jsonl"
        self.parts = [Path(f"{path}.part") for path in (self.output, self.lines)]
        self.arguments = ["--batch", "1", str(self.folder / "in")]
        done = embed(*self.arguments, "-o", self.folder / "whole.npy")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.whole = [(self.folder / f"whole.{ending}").read_bytes() for ending in ("npy", "jsonl")]

    def command(self, *more):
        return [BINARY, "embed", "--model", str(TINY), *self.arguments, "-o", str(self.output), *more]

    def resume(self):
        return embed(*self.arguments, "-o", self.output, "--resume")

    def check_complete(self, done):
        self.assertEqual(done.returncode, 1, done.stderr)  # one image is bad
        self.assertTrue(self.output.read_bytes() == self.whole[0])
        self.assertTrue(self.lines.read_bytes() == self.whole[1])
        self.assertFalse(any(part.exists() for part in self.parts))

    def held(self):
        return self.parts[1].read_bytes().count(b"\n") if self.parts[1].exists() else 0

    def end_once_it_holds(self, lines, how, *more):
        process = subprocess.Popen(self.command(*more), stderr=subprocess.PIPE, text=True)
        while self.held() < lines and process.poll() is None:
            time.sleep(0.0005)
        process.send_signal(how)
        _, errors = process.communicate()
        return process.returncode, errors

    def test_kill_9_again_and_again(self):
        killed = 0
        for i, share in enumerate((0.05, 0.2, 0.4, 0.6, 0.8)):
            code, errors = self.end_once_it_holds(int(share * self.COUNT), signal.SIGKILL,
                                                  *(["--resume"] if i > 0 else []))
            killed += code == -signal.SIGKILL
            self.assertFalse(self.output.exists(), errors)
            self.assertFalse(self.lines.exists())
        self.assertGreaterEqual(killed, 4)
        done = self.resume()
        self.assertRegex(done.stderr, r"\d+ had been done before")
        self.check_complete(done)

    def test_whatever_a_crash_left(self):
        chance = random.Random(1)
        rows, lines = self.whole
        dim = numpy.load(self.folder / "whole.npy").shape[1]
        states = [(rows[: chance.randrange(len(rows))], lines[: chance.randrange(len(lines))])
                  for _ in range(8)]
        states += [(b"", b""), (b"", lines), (rows[:100], lines[:5]), (rows, b""), (rows, lines)]
        states.append((rows[:128 + 4 * dim * 100] + bytes(4 * dim * 50), lines))  # zeros on the disk
        states.append((rows, lines[:2000] + bytes(300)))
        for state in states:
            for part, content in zip(self.parts, state):
                part.write_bytes(content)
            self.check_complete(self.resume())
            self.output.unlink()
            self.lines.unlink()
        for part, content in ((0, rows), (1, lines)):  # one of them alone
            self.parts[part].write_bytes(content)
            self.check_complete(self.resume())
            self.output.unlink()
            self.lines.unlink()
        # Between the two renamings: the lines have their name, the rows not yet.
        self.parts[0].write_bytes(rows)
        self.lines.write_bytes(lines)
        done = self.resume()
        self.assertIn("0 images", done.stderr)
        self.check_complete(done)

    def test_ctrl_c_keeps_the_parts(self):
        code, errors = self.end_once_it_holds(50, signal.SIGINT)
        self.assertEqual(code, -signal.SIGINT, errors)
        self.assertIn("the same command with --resume goes on from there", errors)
        self.assertFalse(self.output.exists())
        # Without --resume nothing of it is lost by mistake.
        done = subprocess.run(self.command(), capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        for word in ("out.npy.part", "out.jsonl.part", "--resume", "delete"):
            self.assertIn(word, done.stderr)
        self.assertGreaterEqual(self.held(), 50)
        self.check_complete(self.resume())

    def test_complete_files_are_gone_on_with(self):
        self.resume()
        extra = self.folder / "in/extra.png"
        draw(extra, 99)
        done = self.resume()
        self.assertRegex(done.stderr, r"clip-cli: 1 images? in ")
        lines = json_lines(self.lines.read_text())
        self.assertEqual([line["image"] for line in lines], [*self.images, str(extra)])
        vectors = numpy.load(self.output)
        self.assertEqual(vectors.shape[0], self.COUNT + 1)
        expected = numpy.array(by_batch([{"image": str(extra)}])[0], dtype="float32")
        self.assertTrue((vectors[-1] == expected).all())
        self.assertTrue(vectors[:-1].tobytes() == self.whole[0][128:])

    def test_an_image_that_is_named_twice_has_two_rows(self):
        self.arguments = ["--batch", "1", self.images[0], self.images[1], self.images[0]]
        embed(*self.arguments, "-o", self.output)
        rows, lines = self.output.read_bytes(), self.lines.read_bytes()
        self.assertEqual(lines.count(b"\n"), 3)
        for kept in range(3):
            self.output.unlink()
            self.lines.unlink()
            self.parts[0].write_bytes(rows)
            self.parts[1].write_bytes(b"".join(lines.splitlines(keepends=True)[:kept]))
            self.resume()
            self.assertTrue(self.output.read_bytes() == rows)
            self.assertTrue(self.lines.read_bytes() == lines)

    def test_files_of_another_run_are_refused(self):
        self.end_once_it_holds(20, signal.SIGKILL)
        before = [part.read_bytes() for part in self.parts]
        # Where the processor has no bfloat16, bf16 is computed in fp32: the same run.
        has_bf16 = "avx512_bf16" in Path("/proc/cpuinfo").read_text()
        another = ((["--precision", "bf16"], "precision") if has_bf16 else
                   (["--engine", "libtorch"], "engine"))
        for more, word in ((["--f16"], "--f16"), another, (["--ignore-exif"], "decoding"),
                           (["--model", MODELS / "tiny.pt"], "model")):
            command = [BINARY, "embed", *self.arguments, "-o", self.output, "--resume"]
            command += [] if "--model" in more else ["--model", TINY]
            done = subprocess.run([*map(str, [*command, *more])], capture_output=True, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 1, more)
            self.assertIn("cannot resume", done.stderr)
            self.assertIn(word, done.stderr)
        texts = self.folder / "texts"
        texts.write_text("a cat\n")
        done = embed("--texts", texts, "-o", self.output, "--resume")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot resume", done.stderr)
        self.assertEqual([part.read_bytes() for part in self.parts], before)
        self.check_complete(self.resume())

    def test_a_second_run_at_once_is_refused(self):
        process = subprocess.Popen(self.command()[:-3] + ["-", "-o", str(self.output)],
                                   stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process.stdin.write(self.images[0] + "\n")
        process.stdin.flush()
        while self.held() < 1 and process.poll() is None:
            time.sleep(0.001)
        for more in ([], ["--resume"]):
            done = subprocess.run(self.command(*more), capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("another run", done.stderr)
        process.communicate()
        self.assertEqual(process.returncode, 0)
        self.assertEqual(len(json_lines(self.lines.read_text())), 1)

    def test_a_disk_that_is_full(self):
        """As far as a limit of the size of files is one; the signal of that limit is ignored."""
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            # Less than the output takes, and more than a module that is unpacked into memory.
            resource.setrlimit(resource.RLIMIT_FSIZE, (60000, 60000))

        done = subprocess.run(self.command(), capture_output=True, text=True, check=False,
                              preexec_fn=limit)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"cannot write .*\.part: File too large")
        self.assertFalse(self.output.exists())
        self.check_complete(self.resume())

    def test_json_lines_alone(self):
        single = self.folder / "single.jsonl"
        embed(*self.arguments, "-o", single)
        expected = single.read_bytes()
        chance = random.Random(2)
        for _ in range(5):
            single.write_bytes(expected[: chance.randrange(len(expected))])
            done = embed(*self.arguments, "-o", single, "--resume")
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertTrue(single.read_bytes() == expected)
        line = json_lines(expected.decode())[0]
        self.assertEqual(list(line), ["image", "model", "embedding", "run"])

    def test_a_link_is_followed(self):
        (self.folder / "there").mkdir()
        target = self.folder / "there/real.npy"
        target.write_bytes(b"")
        self.output.symlink_to(target)
        self.resume()
        self.assertTrue(self.output.is_symlink())
        self.assertTrue(target.read_bytes() == self.whole[0])
        self.assertTrue(self.lines.read_bytes() == self.whole[1])


if __name__ == "__main__":
    unittest.main()
