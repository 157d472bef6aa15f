"""int8: close to fp32 in both towers of every kind of model, and what `models self-test` says of it."""

import tempfile
import unittest
from pathlib import Path

from common import MODELS, PROMPTS, ROOT, json_lines, photographs, run, scores_of

DEMO = ROOT / "data/demo"


def quality(model, precision, *images, labels=()):
    done = run("models", "self-test", model, *images, "--json", "--precision", precision, *labels)
    assert done.returncode == 0, done.stderr
    (result,) = json_lines(done.stdout)
    return result


class Int8(unittest.TestCase):
    def test_demo_model(self):
        """By the drawings and labels that come with it."""
        images = sorted(DEMO.glob("*.png"))
        found = quality("demo", "int8", *images, labels=("--labels-file", DEMO / "labels.txt"))
        print(found)
        self.assertEqual(found["images"], len(images))
        self.assertGreater(found["min_image_cosine"], 0.995)
        self.assertGreater(found["min_text_cosine"], 0.995)
        self.assertLess(found["mean_score_difference"], 0.3)
        self.assertGreater(found["mean_score_difference"], 0.001)  # or it is not int8
        self.assertEqual(found["same_first"], 1)

    def test_the_first_label_of_its_drawings(self):
        def labels(precision):
            done = run("classify", "-m", "demo", "--precision", precision, "--json",
                       "--labels-file", DEMO / "labels.txt", *sorted(DEMO.glob("*.png")))
            self.assertEqual(done.returncode, 0, done.stderr)
            return [result["ranking"][0]["label"] for result in json_lines(done.stdout)]
        self.assertEqual(labels("int8"), labels("fp32"))

    def test_every_kind_of_tower(self):
        for model in sorted(MODELS.glob("*.pt")):
            with self.subTest(model.name):
                done = run("score", "--json", "-m", model, *photographs(), *PROMPTS)
                if done.returncode != 0:
                    continue  # made to be refused
                exact = scores_of(json_lines(done.stdout))
                done = run("score", "--json", "-m", model, "--precision", "int8", *photographs(),
                           *PROMPTS)
                self.assertEqual(done.returncode, 0, done.stderr)
                fast = scores_of(json_lines(done.stdout))
                differences = [abs(a - b) for one, other in zip(exact, fast)
                               for a, b in zip(one, other)]
                # Random weights of a few dozen columns: rounding moves them more than real ones.
                self.assertLess(max(differences), 3)

    def test_resnets_say_that_images_stay_in_float(self):
        done = run("score", "-m", MODELS / "tiny-rn.pt", "--precision", "int8", photographs()[0],
                   "a cat")
        self.assertEqual(done.returncode, 0)
        self.assertIn("ResNet", done.stderr)

    def test_other_engines_refuse(self):
        done = run("score", "-m", MODELS / "tiny.pt", "--precision", "int8", "--engine", "libtorch",
                   photographs()[0], "a cat")
        self.assertEqual(done.returncode, 1)
        self.assertIn("int8", done.stderr)

    def test_benchmark_takes_a_list(self):
        done = run("benchmark", "-m", MODELS / "tiny.pt", "--precision", "fp32,int8", "--seconds",
                   "0", "--batch", "1", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json_lines(done.stdout)
        self.assertEqual([each["precision"] for each in found], ["fp32", "int8"])
        for each in found:
            for row in each["rows"]:
                self.assertGreater(row["ratio"], 0)
        table = run("benchmark", "-m", MODELS / "tiny.pt", "--precision", "fp32,int8", "--seconds",
                    "0", "--batch", "1").stdout
        self.assertIn("native, int8", table)

    def test_check_says_what_it_cannot_use(self):
        with tempfile.TemporaryDirectory() as folder:
            bad = Path(folder) / "bad.png"
            bad.write_bytes(b"no image")
            done = run("models", "self-test", MODELS / "tiny.pt", bad, photographs()[0])
            self.assertEqual(done.returncode, 1)
            self.assertIn("bad.png", done.stderr)
            self.assertIn("1 images", done.stdout)
            done = run("models", "self-test", MODELS / "tiny.pt", bad)
            self.assertEqual(done.returncode, 1)
            self.assertIn("no image", done.stderr)


if __name__ == "__main__":
    unittest.main()
