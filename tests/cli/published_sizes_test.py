"""The published sizes, in both engines and both precisions: scores equal PyTorch's from the same file.

Makes each file, and deletes it.
"""

import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from common import (PROMPTS, ROOT, json_lines, max_difference, photographs, reference_scores, run,
                    scores_of)


# PyTorch's threads would wait busily for each other, and take many times as long where anything else
# wants their processors.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


class PublishedSizes(unittest.TestCase):
    def check(self, name, tolerance):
        images = photographs()
        with tempfile.TemporaryDirectory() as folder:
            model = Path(folder) / "model.pt"
            subprocess.run(
                [sys.executable, ROOT / "scripts/export_torchscript.py",
                 f"random-published:{name}", model],
                check=True, capture_output=True,
            )
            described = run("models", "inspect", model).stdout
            self.assertIn(f"the shape of {name}, with other weights", described)
            theirs = scores_of(reference_scores(model, images, PROMPTS))
            for engine in ("native", "torchscript"):
                with self.subTest(engine=engine):
                    self.compare(f"{name}, {engine}", theirs, tolerance,
                                 "--engine", engine, "--model", model)
            with self.subTest(precision="bf16"):
                self.compare(f"{name}, bf16", theirs, 0.3, "--precision", "bf16", "--model", model)
                done = subprocess.run([os.environ["CLIP_TEST_ENCODER"], "-tc=bf16*"],
                                      env={**os.environ, "CLIP_TEST_MODEL": str(model)},
                                      capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stdout)
                print(next(line for line in done.stdout.splitlines() if "minimum cosine" in line))

    def compare(self, name, theirs, tolerance, *options):
        start = time.monotonic()
        done = run("score", "--json", *options, *photographs(), *PROMPTS)
        taken = time.monotonic() - start
        self.assertEqual(done.returncode, 0, done.stderr)
        ours = scores_of(json_lines(done.stdout))
        difference = max_difference(ours, theirs)
        flat = [score for row in ours for score in row]
        print(f"{name}: {len(flat)} pairs in {taken:.1f} s, largest difference {difference:.6f}, "
              f"scores {min(flat):.2f} to {max(flat):.2f}")
        self.assertGreaterEqual(len(flat), 20)
        self.assertGreater(max(flat) - min(flat), 0.5)
        self.assertLess(difference, tolerance)

    def check_files(self, name, layouts, tolerance=0.001):
        """An architecture that open_clip publishes, as its files are."""
        images = photographs()
        for layout in layouts:
            with self.subTest(layout=layout), tempfile.TemporaryDirectory() as folder:
                model = Path(folder) / "model"
                subprocess.run(
                    [sys.executable, ROOT / "scripts/make_random_model.py", name, model,
                     "--layout", layout, "--dtype", "float16", "--activation", "gelu"],
                    check=True, capture_output=True,
                )
                theirs = scores_of(reference_scores(model, images, PROMPTS))
                self.compare(f"{name}, {layout}", theirs, tolerance, "--model", model)

    def test_vit_b_32_256(self):
        self.check_files("ViT-B-32-256", ["open_clip", "hf"])

    def test_a_snapshot_without_a_config(self):
        """What open_clip itself fetches of a repository: the weights alone."""
        with tempfile.TemporaryDirectory() as folder:
            model = Path(folder) / "model"
            subprocess.run(
                [sys.executable, ROOT / "scripts/make_random_model.py", "ViT-B-32-256", model,
                 "--dtype", "float16", "--activation", "gelu"], check=True, capture_output=True)
            wanted = run("score", "--json", "-m", model, *photographs(), *PROMPTS)
            cache = Path(folder) / "hub/models--laion--CLIP-ViT-B-32-256x256-DataComp-s34B-b86K"
            commit = "0123456789" * 4
            (cache / "refs").mkdir(parents=True)
            (cache / "refs/main").write_text(commit)
            (cache / "snapshots" / commit).mkdir(parents=True)
            (model / "open_clip_model.safetensors").rename(
                cache / "snapshots" / commit / "open_clip_model.safetensors")
            done = run("score", "--json", "-m", "ViT-B-32-256/datacomp_s34b_b86k", *photographs(),
                       *PROMPTS, environment={"HF_HUB_CACHE": str(cache.parent)})
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(max_difference(scores_of(json_lines(wanted.stdout)),
                                            scores_of(json_lines(done.stdout))), 0)

    def test_vit_b_16_plus_240(self):
        self.check_files("ViT-B-16-plus-240", ["hf"])

    def test_vit_b_32(self):
        self.check("ViT-B/32", 0.001)

    def test_rn50(self):
        self.check("RN50", 0.001)

    def test_vit_l_14_336(self):
        self.check("ViT-L/14@336px", 0.005)


if __name__ == "__main__":
    unittest.main()
