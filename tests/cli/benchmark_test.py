"""clip-cli benchmark: what it prints. How fast things are is asserted nowhere."""

import json
import unittest

from common import MODELS, run


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

    def test_bad_options(self):
        for arguments in (("--batch", "0"), ("--batch", "a"), ("--seconds", "-1")):
            done = run("benchmark", "--model", MODELS / "tiny.pt", *arguments)
            self.assertEqual(done.returncode, 2, done.stderr)


if __name__ == "__main__":
    unittest.main()
