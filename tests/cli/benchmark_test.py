"""clip-cli benchmark: what it prints. How fast things are is asserted nowhere."""

import json
import tempfile
import unittest
from pathlib import Path

from common import MODELS, photographs, run


class Benchmark(unittest.TestCase):
    def run_json(self, *arguments):
        done = run("benchmark", "--json", "--seconds", "0", "--batch", "1,3", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_every_engine_and_precision(self):
        for name in ("tiny.pt", "published-tiny-rn.pt"):
            for options in ((), ("--precision", "bf16"), ("--engine", "torchscript"),
                            ("--engine", "libtorch", "--precision", "bf16")):
                result = self.run_json("--model", MODELS / name, *options)
                self.assertEqual(result["engine"], options[1] if "--engine" in options
                                 else "native")
                if "libtorch" in options:
                    self.assertEqual(result["precision"], "bf16")
                self.assertEqual([row["batch"] for row in result["rows"]], [1, 3, 256, 32])
                self.assertEqual([row.get("tokens") for row in result["rows"]],
                                 [None, None, 7, 77])
                self.assertGreater(result["load_seconds"], 0)
                self.assertGreater(result["peak_memory_bytes"], 10 << 20)
                for row in result["rows"]:
                    self.assertAlmostEqual(row["seconds_each"] * row["per_second"], 1, places=6)
                    self.assertAlmostEqual(row["products_seconds_each"] * row["ratio"],
                                           row["seconds_each"], places=9)

    def test_prompts_of_a_file(self):
        done = run("benchmark", "--json", "--seconds", "0", "--batch", "1", "--texts", "-",
                   "--model", MODELS / "tiny.pt", stdin="a cat\na photo of a dog\n\n")
        row = json.loads(done.stdout)["rows"][-1]
        self.assertEqual((row["batch"], row["tokens"]), (2, 6))
        done = run("benchmark", "--texts", "-", "--model", MODELS / "tiny.pt", stdin="")
        self.assertEqual(done.returncode, 2)

    def test_table(self):
        done = run("benchmark", "--seconds", "0", "--batch", "2", "--model", MODELS / "tiny.pt",
                   "--threads", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("native, fp32, 1 threads", done.stdout)
        self.assertRegex(done.stdout, r"images, 2 at once +[\d.]+ +[\d.]+ +[\d.]+ ms +[\d.]+\n")

    def plan(self, *arguments):
        done = run("benchmark", "--seconds", "0", "--threads", "2", "--model", MODELS / "tiny.pt",
                   *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_a_plan_multiplies_what_was_measured(self):
        for text, images in (("1M", 1_000_000), ("2.5e6", 2_500_000), ("100M", 100_000_000),
                             ("1.1M", 1_100_000), ("250k", 250_000), ("7", 7)):
            result = json.loads(self.plan("--json", "--plan", text, "--precision", "fp32"))
            self.assertEqual((result["images"], result["threads"]), (images, 2))
            (row,) = result["plans"]
            self.assertAlmostEqual(row["hours"] * 3600 * row["images_per_second"] / images, 1)
            self.assertAlmostEqual(row["core_hours"], 2 * row["hours"])
            vectors = result["vectors"]
            self.assertEqual(vectors["float32_bytes"], images * vectors["dim"] * 4)
            self.assertEqual(vectors["float16_bytes"], images * vectors["dim"] * 2)
            self.assertEqual(vectors["int8_bytes"], images * (vectors["dim"] + 4))

    def test_a_plan_has_every_precision(self):
        with tempfile.TemporaryDirectory() as folder:
            for path in photographs()[:2]:
                (Path(folder) / path.name).write_bytes(path.read_bytes())
            result = json.loads(self.plan("--json", "--plan", "1M", "--image", folder))
            self.assertIn("2 images", result["measured_with"])
            self.assertEqual([row["precision"] for row in result["plans"]], ["fp32", "bf16", "int8"])
            for row in result["plans"]:
                for rate in ("decode_per_second", "encode_per_second", "images_per_second"):
                    self.assertGreater(row[rate], 0, rate)
                self.assertGreater(row["peak_memory_bytes"], 10 << 20)
            text = self.plan("--plan", "2.5e6", "--image", folder)
        self.assertRegex(text, r"(?m)^2500000 images with .*2 threads, measured with 2 images")
        for precision in ("fp32", "bf16", "int8"):
            self.assertRegex(text, rf"(?m)^{precision} +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+ \w+ +[\d.]+ "
                                   r"+\d+ MiB$")
        self.assertRegex(text, r"vectors of \d+ numbers: .* in float32, .* in float16, .* in int8")

    def test_plans_that_are_none(self):
        for count in ("0", "-5", "many", "1.5", "1e16", "1Q", "", "nan", "inf"):
            done = run("benchmark", "--model", MODELS / "tiny.pt", "--plan=" + count)
            self.assertEqual((done.returncode, done.stdout), (2, ""), count)
        done = run("benchmark", "--model", MODELS / "tiny.pt", "--image", photographs()[0])
        self.assertEqual(done.returncode, 2)
        done = run("benchmark", "--model", MODELS / "tiny.pt", "--plan", "1M", "--image", __file__)
        self.assertEqual(done.returncode, 1)
        self.assertIn("benchmark_test.py", done.stderr)

    def test_bad_options(self):
        for arguments in (("--batch", "0"), ("--batch", "a"), ("--seconds", "-1")):
            done = run("benchmark", "--model", MODELS / "tiny.pt", *arguments)
            self.assertEqual(done.returncode, 2, done.stderr)


if __name__ == "__main__":
    unittest.main()
