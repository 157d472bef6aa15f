"""clip-cli score: equal to PyTorch's scores, and every way to name images and prompts."""

import json
import math
import os
import tempfile
import unittest
from pathlib import Path

from common import (MODELS, PHOTOGRAPHS, PROMPTS, json_lines, max_difference, need, photographs,
                    reference_scores, run, scores_of)

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

    def test_a_prompt_that_looks_like_a_image_is_pointed_out(self):
        done = score(self.images[0], "missing.jpg")
        self.assertEqual(done.returncode, 0)
        self.assertIn("'missing.jpg' is taken as a prompt", done.stderr)


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

    def test_missing_empty_folder_and_huge(self):
        empty = self.folder / "empty.png"
        empty.write_bytes(b"")
        huge = self.folder / "huge.png"
        header = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (30000).to_bytes(4, "big") * 2
        huge.write_bytes(header + b"\x08\x02\x00\x00\x00" + b"\0" * 4)
        for path, word in ((self.folder / "missing.jpg", "missing.jpg"), (empty, "empty"),
                           (self.folder, "folder"), (huge, "--max-pixels")):
            done = score("--image", path, "a cat")
            self.assertEqual(done.returncode, 1, path)
            self.assertEqual(done.stdout, "")
            self.assertIn(word, done.stderr)

    def test_pixel_limit(self):
        done = score("--max-pixels", "1", self.good, "a cat")
        self.assertEqual(done.returncode, 0, done.stderr)
        large = self.folder / "large.png"
        Image.new("RGB", (1100, 1000)).save(large)
        done = score("--max-pixels", "1", large, "a cat")
        self.assertEqual(done.returncode, 1)
        self.assertIn("--max-pixels", done.stderr)

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
            import subprocess

            from common import BINARY
            done = subprocess.run(
                [BINARY, "score", "--model", str(TINY), str(self.good), "a cat"],
                stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output", done.stderr)


if __name__ == "__main__":
    unittest.main()
