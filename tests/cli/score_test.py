"""clip-cli score: equal to PyTorch's scores, and every way to name images and prompts."""

import csv
import io
import json
import math
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from common import (BINARY, MODELS, PROMPTS, json_lines, max_difference, need, photographs,
                    reference_scores, run, scores_of)
from images import draw, png_of, walk_order
from odd_models import save_moody

need("PIL")
from PIL import Image  # noqa: E402 (after the check that it is there)

TINY = MODELS / "published-tiny.pt"


def score(*arguments, model=TINY, **options):
    return run("score", "--model", model, *arguments, **options)


class Exactness(unittest.TestCase):
    """The same file and the same images, through PyTorch, Pillow and torchvision."""

    def check_model(self, name, tolerance=0.001):
        images = photographs()
        theirs = reference_scores(MODELS / name, images, PROMPTS)
        for engine in ("native", "torchscript"):
            with self.subTest(engine=engine):
                done = score("--json", "--engine", engine, *images, *PROMPTS, model=MODELS / name)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.compare(f"{name}, {engine}", images, json_lines(done.stdout), theirs,
                             tolerance)

    def compare(self, name, images, ours, theirs, tolerance):
        self.assertEqual([one["image"] for one in ours], [str(path) for path in images])
        self.assertGreaterEqual(len(images) * len(PROMPTS), 20)
        difference = max_difference(scores_of(ours), scores_of(theirs))
        print(f"{name}: {len(images) * len(PROMPTS)} pairs, largest difference {difference:.6f}")
        self.assertLess(difference, tolerance)
        # The scores must differ between pairs, or their agreement would say nothing.
        flat = [value for row in scores_of(ours) for value in row]
        self.assertGreater(max(flat) - min(flat), 0.5)
        for one, other in zip(ours, theirs):
            for pair, expected in zip(one["scores"], other["scores"]):
                self.assertAlmostEqual(pair["probability"], expected["probability"], delta=0.002)
                self.assertAlmostEqual(100 * pair["cosine"], pair["score"], places=6)

    def test_published_vit(self):
        self.check_model("published-tiny.pt")

    def test_published_resnet(self):
        self.check_model("published-tiny-rn.pt")

    def test_own_export_vit(self):
        self.check_model("tiny.pt")

    def test_own_export_resnet(self):
        self.check_model("tiny-rn.pt")

    def test_probabilities_are_the_softmax_of_scaled_cosines(self):
        pairs = json_lines(score("--json", photographs()[0], *PROMPTS).stdout)[0]["scores"]
        weights = [math.exp(100 * (pair["cosine"] - pairs[0]["cosine"])) for pair in pairs]
        for pair, weight in zip(pairs, weights):
            self.assertAlmostEqual(pair["probability"], weight / sum(weights), places=4)

    def test_exif_orientation_is_applied_unless_ignored(self):
        with tempfile.TemporaryDirectory() as folder:
            turned = Path(folder) / "turned.jpg"
            image = Image.open(photographs()[0]).convert("RGB").crop((0, 0, 512, 300))
            exif = Image.Exif()
            exif[0x0112] = 6
            image.save(turned, quality=92, exif=exif)
            applied = scores_of(json_lines(score("--json", turned, *PROMPTS).stdout))
            ignored = scores_of(
                json_lines(score("--json", "--ignore-exif", turned, *PROMPTS).stdout))
            expected = scores_of(reference_scores(TINY, [turned], PROMPTS, exif=True))
            expected_ignored = scores_of(reference_scores(TINY, [turned], PROMPTS))
        self.assertLess(max_difference(applied, expected), 0.001)
        self.assertLess(max_difference(ignored, expected_ignored), 0.001)
        self.assertGreater(max_difference(applied, ignored), 0.01)


class Inputs(unittest.TestCase):
    """Positional arguments, options and lists name the same pairs."""

    def setUp(self):
        self.images = [str(path) for path in photographs()[:2]]
        self.texts = PROMPTS[:2]
        self.whole = score("--json", *self.images, *self.texts).stdout
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def test_options(self):
        images = [word for path in self.images for word in ("--image", path)]
        texts = [word for text in self.texts for word in ("--text", text)]
        self.assertEqual(score("--json", *images, *texts).stdout, self.whole)
        self.assertEqual(score("--json", *images, *self.texts).stdout, self.whole)
        self.assertEqual(score("--json", *self.images, *texts).stdout, self.whole)

    def test_lists(self):
        images = self.write("images.txt", "\n".join(self.images) + "\n\n")
        texts = self.write("texts.txt", "\r\n".join(self.texts))
        objects = self.write("t.jsonl", "".join(json.dumps({"text": t}) + "\n" for t in self.texts))
        for list_of_texts in (texts, objects):
            done = score("--json", "--images", images, "--texts", list_of_texts)
            self.assertEqual(done.stdout, self.whole, done.stderr)
        done = score("--json", "--images", "-", "--texts", texts, stdin="\n".join(self.images))
        self.assertEqual(done.stdout, self.whole)
        done = score("--json", "--images", images, "--texts", "-", stdin="\n".join(self.texts))
        self.assertEqual(done.stdout, self.whole)

    def test_more_images_than_a_batch(self):
        done = score("--json", *(self.images * 10), self.texts[0])
        results = json_lines(done.stdout)
        self.assertEqual([result["image"] for result in results], self.images * 10)
        alone = scores_of(json_lines(score("--json", self.images[1], self.texts[0]).stdout))
        self.assertLess(max_difference(scores_of(results[19:]), alone), 1e-4)

    def test_model_from_the_environment(self):
        done = run("score", "--json", *self.images, *self.texts,
                   environment={"CLIP_MODEL": str(TINY)})
        self.assertEqual(done.stdout, self.whole)

    def test_threads_change_nothing(self):
        for threads in ("1", "2"):
            done = score("--json", "--threads", threads, *self.images, *self.texts)
            difference = max_difference(scores_of(json_lines(done.stdout)),
                                            scores_of(json_lines(self.whole)))
            self.assertLess(difference, 1e-4)

    def test_json_has_the_fields_that_are_promised(self):
        result = json_lines(self.whole)[0]
        self.assertEqual(list(result), ["image", "model", "scores"])
        self.assertEqual(list(result["scores"][0]), ["text", "cosine", "score", "probability"])
        self.assertEqual(result["model"], str(TINY))

    def test_the_best_prompts_alone(self):
        prompts = ["a cat", "a dog", "a cat", "rain", "night"]
        every = json_lines(score("--json", *self.images[:3], *prompts).stdout)
        for count in (1, 2, 5, 100):
            done = score("--json", "--top-k", count, *self.images[:3], *prompts)
            self.assertEqual(done.returncode, 0, done.stderr)
            for image, best in zip(every, json_lines(done.stdout), strict=True):
                ranked = sorted(image["scores"], key=lambda each: -each["cosine"])
                self.assertEqual(best["scores"], ranked[:count])
        table = score("--csv", "--top-k", "1", *self.images[:3], *prompts).stdout
        self.assertEqual([row["text"] for row in csv.DictReader(io.StringIO(table))],
                         [max(image["scores"], key=lambda each: each["cosine"])["text"]
                          for image in every])
        self.assertEqual(score("--top-k", "0", self.images[0], "a").returncode, 2)

    def test_a_prompt_that_looks_like_an_image_is_pointed_out(self):
        done = score(self.images[0], "a file called missing.jpg")
        self.assertEqual(done.returncode, 0)
        self.assertIn("'a file called missing.jpg' is taken as a prompt", done.stderr)

    def test_an_image_that_is_not_there_is_no_prompt(self):
        for arguments, words in (
                ((self.images[0], "mising.png", "a cat"), ("cannot read mising.png", "--text mis")),
                ((self.images[0], "a cat", "mising.jpg"), ("cannot read mising.jpg",)),
                ((self.images[0], "a cat", self.images[1]), ("images come first",)),
                (("--image", self.images[0], "mising.png"), ("cannot read mising.png",))):
            done = score(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            for word in words:
                self.assertIn(word, done.stderr)
        done = score(self.images[0], "--text", "mising.png")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_what_is_read_is_not_replaced(self):
        image = shutil.copy(self.images[0], self.folder)
        texts = self.write("texts.csv", "a cat\na dog\n")
        images = self.write("images.csv", f"{image}\n")
        for arguments, word in (
                ((image, "--texts", texts, "-o", texts), "would replace it"),
                (("--images", images, "a cat", "-o", images), "would replace it"),
                ((image, "a cat", "--csv", "-o", image), "called like an image"),
                ((image, "a cat", "--report", image), "--report writes an HTML page"),
                ((image, "a cat", "--report", self.folder / "x.pdf"), "--report writes"),
                ((image, "a cat", "--report", self.folder / "x.csv"), "--report writes"),
                ((image, "a cat", "-o", self.folder / "x.npy"), "only embed writes vectors")):
            before = {path: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}
            done = score("-q", *arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertIn(word, done.stderr)
            self.assertEqual(before, {path: path.read_bytes() for path in self.folder.iterdir()
                                      if path.is_file()})

    def test_a_dash_is_no_prompt_and_a_folder_is_told(self):
        done = score(self.images[0], "-", "a cat")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--texts -", done.stderr)
        (self.folder / "cat").mkdir()
        shutil.copy(self.images[0], self.folder / "cat")
        done = subprocess.run([BINARY, "score", "--model", TINY, "--json", self.images[0], "cat", "dog"],
                              cwd=self.folder, capture_output=True, text=True, check=True)
        self.assertIn("--text cat", done.stderr)
        self.assertEqual(len(json_lines(done.stdout)), 2)
        done = subprocess.run([BINARY, "score", "--model", TINY, "--json", "cat", "dog"],
                              cwd=self.folder, capture_output=True, text=True, check=True)
        self.assertEqual(done.stderr.count("--text cat"), 0)

    def test_an_image_is_no_list(self):
        data = Path(self.images[0]).read_bytes()
        for arguments, word in ((("-", "a cat"), "--image -"),
                                (("--images", "-", "a cat"), "--image -"),
                                (("--images", self.images[0], "a cat"), "name an image as")):
            done = subprocess.run([BINARY, "score", "--model", TINY, *arguments], input=data,
                                  capture_output=True, check=False)
            self.assertEqual((done.returncode, done.stdout), (1, b""), done.stderr)
            self.assertIn(word, done.stderr.decode())
            self.assertLess(len(done.stderr), 400)
        done = subprocess.run([BINARY, "score", "--model", TINY, "-", "a cat"],
                              input=b"\0".join(map(os.fsencode, self.images)), capture_output=True,
                              check=False)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn("with -0, paths end with a NUL", done.stderr.decode())

    def test_a_prompt_may_be_the_name_of_a_file_that_is_no_image(self):
        self.write("notes.txt", "these are notes")
        self.write("a cat", "and these")
        shutil.copy(self.images[1], self.folder / "a dog")

        def texts_and_images(*arguments):
            done = subprocess.run([BINARY, "score", "--model", TINY, "--json", *arguments],
                                  cwd=self.folder, capture_output=True, text=True, check=False)
            results = json_lines(done.stdout)
            texts = [pair["text"] for pair in results[0].get("scores", [])]
            return texts, [result["image"] for result in results], done.returncode

        image = self.images[0]
        self.assertEqual(texts_and_images(image, "notes.txt"), (["notes.txt"], [image], 0))
        self.assertEqual(texts_and_images(image, "a cat", "notes.txt"),
                         (["a cat", "notes.txt"], [image], 0))
        # By its contents this one is an image, whatever it is called.
        self.assertEqual(texts_and_images(image, "a dog", "a cat"),
                         (["a cat"], [image, "a dog"], 0))
        # A broken image is still meant as one, and the first argument is never a prompt.
        self.write("broken.jpg", "no image")
        self.assertEqual(texts_and_images(image, "broken.jpg", "a cat"),
                         (["a cat"], [image, "broken.jpg"], 1))
        self.assertEqual(texts_and_images("notes.txt", "a cat"), ([], ["notes.txt"], 1))

    def test_the_last_argument_is_a_prompt_where_no_other_is_left(self):
        shutil.copy(self.images[1], self.folder / "a dog")
        (self.folder / "dog").mkdir()
        image = self.images[0]
        for prompt in ("dog", "a dog"):
            done = subprocess.run([BINARY, "score", "--model", TINY, "--json", image, prompt],
                                  cwd=self.folder, capture_output=True, text=True, check=True)
            result, = json_lines(done.stdout)
            self.assertEqual([pair["text"] for pair in result["scores"]], [prompt])
            self.assertIn(f"'{prompt}' is taken as the prompt", done.stderr)
        # Those that can only be images are no prompts.
        for other in ("dog/", "./dog", ".", self.images[1]):
            done = subprocess.run([BINARY, "score", "--model", TINY, image, other],
                                  cwd=self.folder, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn("no prompt", done.stderr)

    def test_names_that_are_no_utf8_have_their_bytes_beside_them(self):
        name = os.fsencode(self.folder) + b"/\xff\xfe.png"
        model = os.fsencode(self.folder) + b"/\xe9.pt"
        shutil.copy(self.images[0], name)
        os.link(TINY, model)
        done = subprocess.run([BINARY, "score", "--model", model, "--json", name, "a cat"],
                              capture_output=True, check=True)
        result = json.loads(done.stdout)
        self.assertEqual(list(result), ["image", "image_hex", "model", "model_hex", "scores"])
        self.assertEqual(bytes.fromhex(result["image_hex"]), name)
        self.assertEqual(bytes.fromhex(result["model_hex"]), model)
        self.assertEqual(result["image"], str(self.folder) + "/\ufffd\ufffd.png")

    def test_characters_that_end_lines_for_some_readers_are_escaped(self):
        text = "one\u2028two\u2029three\u0085four"
        path = str(self.folder / f"{text}.png")
        shutil.copy(self.images[0], path)
        for done in (score("--json", path, self.images[1], "--text", text, "--text", "b"),
                     score("--json", path, self.folder / f"{text}.jpg", "--text", text),
                     run("tokenize", "--json", text, "b")):
            lines = done.stdout.splitlines()
            self.assertEqual(len(lines), 2, done)
            self.assertEqual([json.loads(line) for line in lines], json_lines(done.stdout))
            self.assertIn(text, done.stdout.replace("\\u2028", "\u2028")
                          .replace("\\u2029", "\u2029").replace("\\u0085", "\u0085"))


class Folders(unittest.TestCase):
    """A folder stands for the images in it; a run of many is summed up in one line."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name) / "in"
        self.good = []
        for i, name in enumerate(["a.png", "b/x.jpg", "b/y.webp", "b.bmp", "c/d/e.tif"]):
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            draw(path, i)
            self.good.append(path)
        (self.folder / "notes.txt").write_text("no image, and not called one")
        (self.folder / ".hidden.png").write_text("hidden")

    def test_its_images_come_in_order_and_bad_ones_fail_alone(self):
        bad = {self.folder / "b" / "broken.jpg": "unsupported image format",
               self.folder / "c" / "zero.png": "empty"}
        for path, word in bad.items():
            path.write_text("" if word == "empty" else "no image")
        order = [str(path) for path in walk_order([*self.good, *bad])]
        named = json_lines(score("--json", "--batch", 1, *order, "--text", "a", "--text",
                                 "b").stdout)
        for arguments in ([self.folder, "a", "b"], ["--image", self.folder, "a", "b"],
                          ["--images", "-", "a", "b"]):
            done = score("--json", "--batch", 1, *arguments, stdin=f"{self.folder}\n")
            self.assertEqual(done.returncode, 1, done.stderr)
            results = json_lines(done.stdout)
            self.assertEqual([result["image"] for result in results], order)
            failed = {Path(one["image"]): one["error"] for one in results if "error" in one}
            self.assertEqual(set(failed), set(bad))
            for path, error in failed.items():
                self.assertEqual(error["code"], "bad_image")
                self.assertIn(bad[path], error["message"])
                self.assertIn(f"clip-cli: {error['message']}\n", done.stderr)
            self.assertEqual(results, named)
            last = done.stderr.splitlines()[2:]
            self.assertEqual(len(last), 1, done.stderr)
            self.assertRegex(last[0], r"\Aclip-cli: 7 images in [\d.]+ s, 2 failed\Z")

    def test_patterns_exclude_images(self):
        (self.folder / "b" / ".clipignore").write_text("y.*")
        done = score("--json", "--exclude", "/c", self.folder, "a cat")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([result["image"] for result in json_lines(done.stdout)],
                         [str(self.folder / name) for name in ("a.png", "b/x.jpg", "b.bmp")])

    def test_one_line_sums_up_a_run_and_quiet_leaves_it_out(self):
        done = score(self.folder, "a cat")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"\Aclip-cli: 5 images in [\d.]+ s, none failed\n\Z")
        for flag in ("-q", "--quiet"):
            self.assertEqual(score(flag, self.folder, "a cat").stderr, "")
        self.assertEqual(score(self.good[0], "a cat").stderr, "")
        # Errors are no summary.
        (self.folder / "bad.png").write_text("no image")
        done = score("-q", self.folder, "a cat")
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (1, 1), done.stderr)
        self.assertIn("bad.png", done.stderr)

    def test_batches_change_nothing(self):
        whole = json_lines(score("--json", self.folder, "a", "b").stdout)
        for batch in (1, 3, 256):
            other = json_lines(score("--json", "--batch", batch, self.folder, "a", "b").stdout)
            self.assertEqual([one["image"] for one in other], [one["image"] for one in whole])
            self.assertLess(max_difference(scores_of(other), scores_of(whole)), 1e-4)
        self.assertEqual(score("--batch", 0, self.folder, "a").returncode, 2)

    def test_a_run_over_no_image_fails(self):
        empty = self.folder.parent / "empty"
        empty.mkdir()
        done = score("--json", empty, "a cat")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("0 images", done.stderr)
        self.assertIn("no image was found", done.stderr)
        # What lies there and cannot be read is counted by its kind.
        for name, contents in (("a.psd", b"8BPS\0\1"), ("b.psd", b"8BPS\0\1"), ("c", b"8BPS\0\1"),
                               ("d.nef", b"II*\0\x08\0\0\0"), ("e.svg", b"<svg/>"),
                               ("readme.txt", b"text")):
            (empty / name).write_bytes(contents)
        done = score("--json", empty, "a cat")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("5 files of kinds that cannot be read were left out: 3 PSD, 1 SVG, 1 camera raw",
                      done.stderr)
        self.assertNotIn("left out", score("--json", "--quiet", empty, "a cat").stderr)
        draw(empty / "f.png", 1)
        done = score("--json", empty, "a cat")
        self.assertEqual(done.returncode, 0)
        self.assertIn("left out: 3 PSD", done.stderr)

    def test_an_image_without_a_usable_embedding_fails_alone(self):
        model = self.folder.parent / "moody.pt"
        save_moody(model)
        white, black = self.folder / "b" / "white.png", self.folder / "black.png"
        Image.new("RGB", (90, 90), (255, 255, 255)).save(white)
        Image.new("RGB", (90, 90), (0, 0, 0)).save(black)
        output = self.folder.parent / "out.jsonl"
        arguments = ["--engine", "torchscript", "-o", output, "--model", model]
        done = run("score", *arguments, self.folder, "a", "b")
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        results = json_lines(output.read_text())
        self.assertEqual([result["image"] for result in results],
                         [str(path) for path in walk_order([*self.good, white, black])])
        failed = {result["image"]: result["error"] for result in results if "error" in result}
        self.assertEqual(set(failed), {str(white), str(black)})
        for path, length in ((white, "nan"), (black, "0")):
            self.assertEqual(failed[str(path)]["code"], "bad_image")
            self.assertIn(f"length {length},", failed[str(path)]["message"])
            self.assertIn(path.name, done.stderr)
        self.assertIn("7 images in", done.stderr)
        # The others are as they are without them.
        white.unlink()
        black.unlink()
        alone = run("score", *arguments, self.folder, "a", "b")
        self.assertEqual(alone.returncode, 0, alone.stderr)
        whole = [result for result in results if "error" not in result]
        self.assertLess(max_difference(scores_of(json_lines(output.read_text())),
                                       scores_of(whole)), 1e-4)
        # A prompt without one leaves nothing to score with: nothing is written.
        before = output.read_text()
        done = run("score", *arguments, self.folder, "a", "a " * 25)
        self.assertEqual(done.returncode, 1)
        self.assertIn('"a a a', done.stderr)
        self.assertEqual(output.read_text(), before)


class Formats(unittest.TestCase):
    PROMPTS = ["salt, pepper", 'a "quoted" one', "tab\there", "line\nbreak", "back\\slash",
               "</script><b>日本</b>"]
    COLUMNS = ["image", "text", "score", "cosine", "probability", "error"]

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "in").mkdir()
        for i, name in enumerate(['a,"b"\t<i>é.png', "c.png"]):
            draw(self.folder / "in" / name, i)
        (self.folder / "in" / "bad.jpg").write_text("no image")
        self.arguments = [word for text in self.PROMPTS for word in ("--text", text)]
        # One image at a time: the company of others could change last digits.
        self.arguments += ["--batch", 1, self.folder / "in"]
        self.results = json_lines(score("--json", *self.arguments).stdout)

    def check_rows(self, rows):
        self.assertEqual(rows[0], self.COLUMNS)
        expected = []
        for result in self.results:
            if "error" in result:
                expected.append([result["image"], "", "", "", "", result["error"]["message"]])
            for pair in result.get("scores", []):
                expected.append([result["image"], pair["text"], pair["score"], pair["cosine"],
                                 pair["probability"], ""])
        self.assertEqual(len(rows) - 1, len(expected))
        for row, theirs in zip(rows[1:], expected):
            self.assertEqual([row[0], row[1], row[5]], [theirs[0], theirs[1], theirs[5]])
            for ours, number in zip(row[2:5], theirs[2:5]):
                if number == "":
                    self.assertEqual(ours, "")
                else:
                    self.assertAlmostEqual(float(ours), number, delta=1e-6)

    def read_tsv(self, text):
        names = {"\\t": "\t", "\\n": "\n", "\\r": "\r", "\\\\": "\\"}
        return [[re.sub(r"\\[tnr\\]", lambda found: names[found[0]], field)
                 for field in line.split("\t")] for line in text.rstrip("\n").split("\n")]

    def check_page(self, text):
        images = re.search(r'id="images">(.*?)</script>', text, re.DOTALL)[1]
        summary = json.loads(re.search(r'id="summary">(.*?)</script>', text, re.DOTALL)[1])
        self.assertEqual((summary["images"], summary["failed"], summary["noun"]), (3, 1, "prompt"))
        images = json.loads(images)
        self.assertEqual([image["image"] for image in images],
                         [result["image"] for result in self.results])
        for image, result in zip(images, self.results):
            if "error" in result:
                self.assertEqual(image["error"], result["error"])
                continue
            pairs = sorted(result["scores"], key=lambda pair: -pair["probability"])
            self.assertEqual(image["ranking"],
                             [[pair["text"], pair["probability"]] for pair in pairs])
            self.assertEqual(image["label"], pairs[0]["text"])
            self.assertGreater(len(image["thumbnail"]), 100)

    def test_csv_and_tsv(self):
        done = score("--csv", *self.arguments)
        self.assertEqual(done.returncode, 1)
        self.check_rows(list(csv.reader(io.StringIO(done.stdout, newline=""))))
        done = score("--tsv", *self.arguments)
        self.assertEqual(done.returncode, 1)
        self.check_rows(self.read_tsv(done.stdout))
        self.assertEqual(score("--csv", "--tsv", *self.arguments).returncode, 2)

    def test_output_file_by_its_extension(self):
        for extension, flag in (("jsonl", "--json"), ("json", "--json"), ("csv", "--csv"),
                                ("tsv", "--tsv"), ("txt", "--tsv")):
            path = self.folder / f"out.{extension}"
            path.write_text("before")
            done = score("-o", path, *self.arguments)
            self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
            # Lines of JSON in a file say, too, how they were made.
            written = re.sub(r',"run":"model=[^"]*"', "", path.read_text())
            self.assertEqual(written, score(flag, *self.arguments).stdout)
        # A flag goes before the extension.
        done = score("--csv", "-o", self.folder / "out.jsonl", *self.arguments)
        self.assertEqual((self.folder / "out.jsonl").read_text(),
                         (self.folder / "out.csv").read_text())
        path = self.folder / "out.html"
        self.assertEqual(score("-o", path, *self.arguments).stdout, "")
        self.check_page(path.read_text())
        self.assertEqual([each for each in self.folder.iterdir() if ".part" in each.name], [])

    def test_report_beside_the_results(self):
        path = self.folder / "page.html"
        done = score("--json", "--report", path, *self.arguments)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(json_lines(done.stdout), self.results)
        self.check_page(path.read_text())
        self.assertEqual(score("-o", path, "--report", path, *self.arguments).returncode, 2)

    def test_a_run_that_fails_leaves_the_file_as_it_was(self):
        path = self.folder / "out.csv"
        path.write_text("before")
        done = score("-o", path, self.folder / "in", "a very " * 60)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(path.read_text(), "before")
        for bad in (self.folder, self.folder / "none" / "x.csv", "/dev/full"):
            done = score("-o", bad, *self.arguments)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(str(bad), done.stderr)
        self.assertEqual({each.name for each in self.folder.iterdir()}, {"in", "out.csv"})


class Lists(unittest.TestCase):
    """Lists on standard input, read as they are written."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.paths = []
        for i in range(8):
            self.paths.append(str(self.folder / f"{i}.png"))
            Image.new("RGB", (40, 30), (i * 30, 100, 255 - i * 30)).save(self.paths[-1])

    def start(self, *arguments, **pipes):
        process = subprocess.Popen([BINARY, "score", "--model", TINY, *map(str, arguments)],
                                   stdin=subprocess.PIPE, text=True, **pipes)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                self.addCleanup(pipe.close)
        return process

    def test_a_long_one_in_flat_memory_answered_while_it_is_written(self):
        count = int(os.environ.get("CLIP_TEST_MANY", "20000"))
        process = self.start("--json", "-q", "--images", "-", "a", "b", stdout=subprocess.PIPE)
        process.stdin.write(self.paths[0] + "\n")
        process.stdin.flush()
        self.assertEqual(json.loads(process.stdout.readline())["image"], self.paths[0])

        def send():
            for i in range(1, count):
                process.stdin.write(self.paths[i % 8] + "\n")
            process.stdin.flush()  # and stays open

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        resident, first = [], None
        for i in range(1, count):
            result = json.loads(process.stdout.readline())
            self.assertEqual(result["image"], self.paths[i % 8])
            if i == 8:
                first = result
            if i in (count // 5, count - 1):
                resident.append(self.resident(process))
        sender.join()
        self.assertIsNone(process.poll())
        process.stdin.close()
        self.assertEqual(process.stdout.read(), "")
        self.assertEqual(process.wait(), 0)
        for pair, other in zip(first["scores"], json_lines(score(
                "--json", self.paths[0], "a", "b").stdout)[0]["scores"], strict=True):
            self.assertAlmostEqual(pair["score"], other["score"], delta=1e-4)
        print(f"{count} images: {resident[0]:.1f} MiB resident after a fifth, "
              f"{resident[1]:.1f} MiB at the end")
        # 16,000 paths kept would be a MiB, their results ten, their pixels hundreds.
        self.assertLess(resident[1] - resident[0], 4)

    @staticmethod
    def resident(process):
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise AssertionError("no VmRSS")

    def test_ctrl_c_keeps_what_is_done(self):
        output, report = self.folder / "out.jsonl", self.folder / "page.html"
        output.write_text("before")
        process = self.start("-o", output, "--report", report, "--images", "-", "a", "b",
                             stderr=subprocess.PIPE)
        process.stdin.write("\n".join(self.paths[:7]) + "\n")
        process.stdin.flush()  # and stays open
        end = time.monotonic() + 60
        while sum(part.read_text().count("\n")
                  for part in self.folder.glob("out.jsonl.part-*")) < 7:
            self.assertLess(time.monotonic(), end, "the images are not scored")
            self.assertIsNone(process.poll())
            time.sleep(0.01)
        self.assertEqual(output.read_text(), "before")
        process.send_signal(signal.SIGINT)  # while it waits for more of the list
        self.assertEqual(process.wait(60), -signal.SIGINT)
        self.assertRegex(process.stderr.read(),
                         r"\Aclip-cli: the file of an earlier run is kept as \S+/out.jsonl~\n"
                         r"clip-cli: interrupted: 7 images in [\d.]+ s, none failed\n\Z")
        self.assertEqual((self.folder / "out.jsonl~").read_text(), "before")
        results = json_lines(output.read_text())
        self.assertEqual([result["image"] for result in results], self.paths[:7])
        self.assertTrue(all(len(result["scores"]) == 2 for result in results))
        self.assertIn("</html>", report.read_text())
        self.assertEqual([path for path in self.folder.iterdir() if ".part" in path.name], [])

    def test_nul_separated(self):
        odd = str(self.folder / "line\nbreak.png")
        shutil.copy(self.paths[0], odd)
        done = score("--json", "-0", "-", "--text", "a", stdin=f"{odd}\0{self.paths[1]}\0")
        self.assertEqual([result["image"] for result in json_lines(done.stdout)],
                         [odd, self.paths[1]])


class Output(unittest.TestCase):
    def test_one_pair_is_one_line_with_four_decimals(self):
        done = score(photographs()[1], "a photo of a cat")
        self.assertRegex(done.stdout, r"\A *-?\d+\.\d{4}  a photo of a cat\n\Z")
        self.assertEqual(done.stderr, "")

    def test_several_prompts_have_probabilities(self):
        done = score(photographs()[1], "a cat", "a dog")
        for line in done.stdout.splitlines():
            self.assertRegex(line, r"\A *-?\d+\.\d{4}  +\d+\.\d{4} %  a (cat|dog)\Z")

    def test_several_images_are_named(self):
        images = photographs()[:2]
        lines = score(*images, "a cat").stdout.splitlines()
        self.assertEqual(lines[0::2], [str(path) for path in images])

    def test_control_characters_do_not_reach_the_terminal(self):
        done = score(photographs()[0], "a \x1b[31mred\x1b[0m cat\nand more")
        self.assertNotIn("\x1b", done.stdout)
        self.assertEqual(len(done.stdout.splitlines()), 1)


class Failures(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.good = photographs()[0]

    def test_a_bad_image_fails_alone(self):
        bad = self.folder / "bad.jpg"
        bad.write_text("this is no image")
        done = score("--json", self.good, bad, self.good, "a cat")
        self.assertEqual(done.returncode, 1)
        results = json_lines(done.stdout)
        self.assertEqual([("error" in result) for result in results], [False, True, False])
        self.assertEqual(list(results[1]), ["image", "model", "error"])
        self.assertEqual(list(results[1]["error"]), ["code", "message"])
        self.assertEqual(results[1]["error"]["code"], "bad_image")
        self.assertIn("bad.jpg", results[1]["error"]["message"])
        self.assertIn("bad.jpg", done.stderr)

    def test_missing_empty_and_huge(self):
        empty = self.folder / "empty.png"
        empty.write_bytes(b"")
        huge = self.folder / "huge.png"
        huge.write_bytes(png_of(30000, 30000))
        for path, word in ((self.folder / "missing.jpg", "missing.jpg"), (empty, "empty"),
                           (huge, "--max-pixels")):
            done = score("--image", path, "a cat")
            self.assertEqual(done.returncode, 1, path)
            self.assertEqual(done.stdout, "")
            self.assertIn(word, done.stderr)

    def test_pixel_limit(self):
        done = score("--max-pixels", "1M", self.good, "a cat")
        self.assertEqual(done.returncode, 0, done.stderr)
        large = self.folder / "large.png"
        Image.new("RGB", (1100, 1000)).save(large)
        for limit in ("1M", "1000k", "0.001g", "1099999"):
            done = score("--max-pixels", limit, large, "a cat")
            self.assertEqual(done.returncode, 1, limit)
            self.assertIn("--max-pixels", done.stderr)
        for limit in ("1.1M", "2G", "1100000"):
            self.assertEqual(score("--max-pixels", limit, large, "a cat").returncode, 0, limit)

    def test_a_pixel_limit_in_megapixels_is_answered_with_its_unit(self):
        done = score("--max-pixels", "500", self.good, "a cat")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("500M", done.stderr)
        for limit in ("", "M", "-1M", "1T", "1 M", "0M", "1e999", "nan", "2000G"):
            done = score("--max-pixels", limit, self.good, "a cat")
            self.assertEqual((done.returncode, done.stdout), (2, ""), limit)
            self.assertIn("--max-pixels", done.stderr)

    def test_memory_limit(self):
        large = self.folder / "large.png"
        Image.new("RGB", (1100, 1000)).save(large)
        done = score("--max-memory", "100M", large, "a cat")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = score("--max-memory", "2M", large, "a cat")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the limit is 2 (--max-memory)", done.stderr)
        for wrong in ("2X", "-1", "0", "much", "1"):
            self.assertEqual(score("--max-memory", wrong, large, "a cat").returncode, 2, wrong)

    def test_a_prompt_that_is_too_long(self):
        prompt = "a very " * 60 + "long prompt"
        done = score(self.good, "a cat", prompt)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "")
        self.assertIn("a very a very", done.stderr)
        self.assertIn("124", done.stderr)  # its length: 122 words, start and end
        self.assertIn("77", done.stderr)
        self.assertIn("--truncate", done.stderr)
        self.assertEqual(score("--truncate", self.good, "a cat", prompt).returncode, 0)

    def test_no_cuda_here(self):
        done = score("--device", "cuda", self.good, "a cat")
        if need("torch").cuda.is_available():
            self.assertEqual(done.returncode, 0, done.stderr)
        else:
            self.assertEqual(done.returncode, 1)
            self.assertIn("CUDA", done.stderr)
        done = score("--device", "tpu", self.good, "a cat")
        self.assertEqual(done.returncode, 1)
        self.assertIn("'tpu'", done.stderr)

    def test_a_full_disk_is_noticed(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run(
                [BINARY, "score", "--model", str(TINY), str(self.good), "a cat"],
                stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output", done.stderr)


if __name__ == "__main__":
    unittest.main()
