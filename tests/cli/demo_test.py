"""The demo model and its images: what is stored with them is what every engine, precision and
command gives, and the right answer comes first."""

import json
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from common import BINARY, ROOT, json_lines, max_difference, run, scores_of

DEMO = ROOT / "data/demo"
MODEL = DEMO / "demo-model.pt"
STORED = json.loads((DEMO / "expected_scores.json").read_text(encoding="utf-8"))
IMAGES = [str(DEMO / entry["image"]) for entry in STORED["images"]]
# What the images show, of the prompts that are stored.
SHOWN = {"cat.png": "a photo of a cat", "dog.png": "a photo of a dog",
         "car.png": "a photo of a car", "pizza.png": "a slice of pizza",
         "bicycle.png": "a bicycle", "owl.png": "an owl",
         "smiling_face.png": "a smiling face", "rainbow.png": "a rainbow",
         "red_circle.png": "a red circle", "two_blue_squares.png": "two blue squares",
         "green_triangle_on_yellow.png": "a green triangle on a yellow background",
         "three_purple_stars.png": "three purple stars"}


def score(*arguments):
    texts = [word for text in STORED["texts"] for word in ("--text", text)]
    return run("score", "--json", "--model", MODEL, *arguments, *texts, *IMAGES)


class Scores(unittest.TestCase):
    def check(self, allowed, *arguments):
        done = score(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        difference = max_difference(scores_of(json_lines(done.stdout)),
                                        [entry["scores"] for entry in STORED["images"]])
        print(f"{' '.join(arguments) or 'defaults'}: {len(IMAGES)} images, largest difference "
              f"{difference:.5f}")
        self.assertLess(difference, allowed)

    def test_every_engine_and_precision(self):
        self.assertGreaterEqual(len(IMAGES), 20)
        self.check(0.001)
        self.check(0.001, "--engine", "native")
        self.check(0.001, "--engine", "libtorch")
        self.check(0.001, "--engine", "torchscript")
        self.check(0.3, "--precision", "bf16")
        # LibTorch's bfloat16 on a processor that has none rounds more: 0.40.
        self.check(0.6, "--engine", "libtorch", "--precision", "bf16")

    def test_bf16_embeddings_point_where_those_of_fp32_do(self):
        jobs = [{"op": "embed", "image": image} for image in IMAGES]
        jobs += [{"op": "embed", "text": text} for text in STORED["texts"]]
        lines = "".join(json.dumps(job) + "\n" for job in jobs)
        exact, fast = ([result["embedding"] for result in json_lines(done.stdout)] for done in (
            run("batch", "--model", MODEL, "--precision", precision, stdin=lines)
            for precision in ("fp32", "bf16")))
        self.assertEqual(len(exact), len(jobs))
        cosines = [sum(x * y for x, y in zip(*pair)) for pair in zip(exact, fast)]  # of length 1
        self.assertEqual(len(cosines), len(jobs))
        print(f"minimum cosine of {len(jobs)} embeddings: {min(cosines):.5f}")
        self.assertGreaterEqual(min(cosines), 0.999)

    def test_the_right_prompt_comes_first(self):
        results = {Path(result["image"]).name: result for result in json_lines(score().stdout)}
        for name, shown in SHOWN.items():
            best = max(results[name]["scores"], key=lambda pair: pair["score"])
            self.assertEqual(best["text"], shown, name)

    def test_check_compares_both_engines_with_what_is_stored(self):
        done = run("models", "self-test", "--json", MODEL)
        self.assertEqual(done.returncode, 0, done.stderr)
        checks = json_lines(done.stdout)
        self.assertEqual([check["passed"] for check in checks], [True, True])
        self.assertTrue(all("stored scores" in check["check"] for check in checks), checks)
        self.assertIn("ok", run("models", "self-test", "demo").stdout)


class Default(unittest.TestCase):
    """Without a model's name, and without ViT-B/32 in the cache."""

    def test_the_demo_model_answers_and_says_so(self):
        with tempfile.TemporaryDirectory() as cache:
            done = run("score", "--json", DEMO / "cat.png", "a photo of a cat", "a photo of a dog",
                       environment={"CLIP_CACHE": cache})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertIn("demo model", done.stderr)
        self.assertIn("models pull ViT-B/32", done.stderr)
        cat, dog = json_lines(done.stdout)[0]["scores"]
        self.assertGreater(cat["probability"], dog["probability"])

    def test_its_name_is_demo(self):
        self.assertEqual(run("score", "--model", "Demo", DEMO / "cat.png", "a cat").returncode, 0)
        done = run("score", "--model", "demo", DEMO / "cat.png", "a cat")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_folder_of_that_name_is_the_model_in_it(self):
        done = subprocess.run([BINARY, "score", "--model", "demo", "demo/cat.png", "a cat"],
                              cwd=DEMO.parent, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        found = run("score", "--model", DEMO, DEMO / "cat.png", "a cat")
        self.assertEqual((found.returncode, found.stdout), (0, done.stdout))
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "demo").mkdir()
            found = subprocess.run([BINARY, "score", "--model", "demo", DEMO / "cat.png", "a cat"],
                                   cwd=folder, capture_output=True, text=True, check=False)
            self.assertEqual((found.returncode, found.stdout), (0, done.stdout))
            found = run("score", "--model", folder, DEMO / "cat.png", "a cat")
            self.assertEqual((found.returncode, found.stdout), (1, ""))
            self.assertIn("nor any other file of weights", found.stderr)

    def test_a_binary_far_from_its_data_says_how_to_get_a_model(self):
        with tempfile.TemporaryDirectory() as folder:
            alone = Path(folder) / "bin" / "clip-cli"
            alone.parent.mkdir()
            shutil.copy(BINARY, alone)
            done = run("score", DEMO / "cat.png", "a cat", binary=alone,
                       environment={"CLIP_CACHE": folder})
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn("models pull ViT-B/32", done.stderr)
            done = run("score", "--model", "demo", DEMO / "cat.png", "a cat", binary=alone)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("share/clip-cli/demo/demo-model.pt", done.stderr)

    def test_the_file_is_small_and_is_what_it_says(self):
        self.assertLess(MODEL.stat().st_size, 16_000_000)
        described = json.loads(run("models", "inspect", "--json", MODEL).stdout)
        self.assertTrue(described["recognised"])
        self.assertEqual(described["name"], "clip-cli demo")
        self.assertEqual(set(described["weight_types"]) - {"int64"}, {"float16", "float32"})
        self.assertEqual(described["text"]["vocab_size"], 49408)


class Commands(unittest.TestCase):
    def test_classify_names_every_image(self):
        full = {"coffee": "cup of coffee",
                "green_triangle_on_yellow": "green triangle on a yellow background"}
        done = run("classify", "--json", "--model", "demo", "--labels-file", DEMO / "labels.txt",
                   DEMO)
        self.assertEqual(done.returncode, 0, done.stderr)
        results = json_lines(done.stdout)
        self.assertEqual(len(results), 24)
        for result in results:
            name = Path(result["image"]).stem
            self.assertEqual(result["label"], full.get(name, name.replace("_", " ")))

    def test_classify_batch_and_evaluate_run_on_it(self):
        labels = "cat,dog,car,pizza,owl,rainbow"
        done = run("classify", "--json", "--model", MODEL, "--labels", labels, DEMO)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = {Path(result["image"]).stem: result["label"] for result in json_lines(done.stdout)}
        for name in labels.split(","):
            self.assertEqual(found[name], name)
        job = {"op": "classify", "image": str(DEMO / "cat.png"), "labels": labels.split(",")}
        done = run("batch", "--model", MODEL, stdin=json.dumps(job) + "\n")
        self.assertEqual(json_lines(done.stdout)[0]["label"], "cat")
        with tempfile.TemporaryDirectory() as folder:
            for name in labels.split(","):
                (Path(folder) / name).mkdir()
                (Path(folder) / name / "image.png").symlink_to(DEMO / f"{name}.png")
            done = run("evaluate", "--json", "--model", MODEL, folder)
        self.assertEqual(json_lines(done.stdout)[0]["top_1"], 1)


if __name__ == "__main__":
    unittest.main()
