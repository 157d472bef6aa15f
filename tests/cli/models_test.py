"""clip-cli models inspect, and what is said of files that are no models."""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from common import MODELS, ROOT, json_lines, need, photographs, run, scores_of

torch = need("torch")


class Other(torch.nn.Module):
    """A module that is not CLIP and has its two methods."""

    def __init__(self, state_sizes=True):
        super().__init__()
        self.image = torch.nn.Linear(3, 8)
        self.text = torch.nn.Embedding(49408, 8)
        if state_sizes:
            self.register_buffer("input_resolution", torch.tensor(32))
            self.register_buffer("context_length", torch.tensor(77))
            self.register_buffer("logit_scale", torch.tensor(3.0))

    @torch.jit.export
    def encode_image(self, pixels):
        return self.image(pixels.half().to(torch.float16).float().mean([2, 3]))

    @torch.jit.export
    def encode_text(self, ids):
        return self.text(ids).sum(1)


class Inspect(unittest.TestCase):
    def inspect(self, name):
        done = run("models", "inspect", "--json", MODELS / name)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_dimensions_of_each_kind(self):
        vit = self.inspect("published-tiny.pt")
        self.assertEqual(vit["vision"], {"kind": "ViT", "patch_size": 8, "width": 128, "heads": 2,
                                         "layers": 3, "mlp_width": 512, "activation": "quick_gelu",
                                         "norm_epsilon": 1e-5})
        self.assertEqual(vit["image"]["size"], 64)
        self.assertEqual(vit["text"]["context_length"], 77)
        self.assertEqual(vit["embedding_dim"], 64)
        self.assertAlmostEqual(vit["logit_scale"], 100, places=2)
        self.assertIsNone(vit["published"])
        self.assertEqual(set(vit["weight_types"]), {"float16", "float32", "int64"})
        resnet = self.inspect("tiny-rn.pt")
        self.assertEqual(resnet["vision"], {"kind": "ModifiedResNet", "width": 16,
                                            "blocks": [1, 2, 1, 1], "pool_heads": 8})
        self.assertEqual(resnet["name"], "random tiny-rn")
        self.assertEqual(resnet["image"]["size"], 96)

    def test_counts_and_digest_are_those_of_other_tools(self):
        for name in ("published-tiny.pt", "tiny-rn.pt"):
            described = self.inspect(name)
            data = (MODELS / name).read_bytes()
            self.assertEqual(described["sha256"], hashlib.sha256(data).hexdigest())
            self.assertEqual(described["bytes"], len(data))
            module = torch.jit.load(str(MODELS / name), map_location="cpu")
            self.assertEqual(described["parameters"],
                             sum(parameter.numel() for parameter in module.parameters()))

    def test_identity_is_that_of_the_contents(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "copy.pt"
            shutil.copy(MODELS / "tiny.pt", copy)
            there, here = (json.loads(run("models", "inspect", "--json", path).stdout)
                           for path in (MODELS / "tiny.pt", copy))
        self.assertEqual(there["format"], "TorchScript")
        self.assertRegex(there["identity"], r"\A[0-9a-f]{64}\Z")
        self.assertEqual(there["identity"], here["identity"])
        self.assertNotEqual(there["identity"], self.inspect("published-tiny.pt")["identity"])

    def test_text_has_the_same_facts(self):
        text = run("models", "inspect", MODELS / "published-tiny.pt").stdout
        for part in ("64 x 64", "patch 8, width 128, 2 heads, 3 layers", "quick_gelu", "100.0000",
                     "context 77, vocabulary 49408"):
            self.assertIn(part, text)


class BadFiles(unittest.TestCase):
    """Each is an error of one line that says what is wrong, from inspect as from score."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "model.pt"

    def check(self, *words):
        for command in (("models", "inspect", self.path),
                        ("score", "--model", self.path, photographs()[0], "a cat")):
            done = run(*command)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertEqual(done.stdout, "")
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            for word in (str(self.path), *words):
                self.assertIn(word, done.stderr)

    def test_missing(self):
        self.check("No such file")

    def test_a_folder(self):
        self.path.mkdir()
        self.check("folder")

    def test_empty(self):
        self.path.write_bytes(b"")
        self.check("empty")

    def test_not_an_archive(self):
        self.path.write_text("<html>404 not found</html>")
        self.check("a web page", "download the file itself")

    def test_anything(self):
        self.path.write_bytes(bytes(range(1, 255)))
        self.check("not a model file of a known format", "TorchScript", "safetensors",
                   "torch.jit.save")

    def test_cut_short(self):
        data = (MODELS / "published-tiny.pt").read_bytes()
        self.path.write_bytes(data[: len(data) // 2])
        self.check("cut short")

    def test_a_state_dict_of_something_else(self):
        torch.save({"weight": torch.zeros(3)}, self.path)
        self.check("no weights of CLIP", "its first is weight")

    def changed(self, change):
        module = torch.jit.load(str(MODELS / "published-tiny.pt"), map_location="cpu")
        change(module)
        torch.jit.save(module, str(self.path))

    def test_nan(self):
        def change(module):
            module.visual.transformer.resblocks._modules["1"].ln_2.bias.data[3] = float("nan")

        self.changed(change)
        self.check("visual.transformer.resblocks.1.ln_2.bias", "NaN")

    def test_wrong_shape(self):
        def change(module):
            module.transformer.resblocks._modules["0"].mlp.c_proj.weight.data = torch.zeros(128, 500)

        self.changed(change)
        self.check("transformer.resblocks.0.mlp.c_proj.weight", "[128, 500]", "expected [128, 512]")


class Checked(unittest.TestCase):
    def check(self, path, *options):
        return run("models", "self-test", path, *options)

    def test_a_graph_with_another_activation(self):
        with tempfile.TemporaryDirectory() as folder:
            stated, path = Path(folder) / "stated.pt", Path(folder) / "silent.pt"
            source = Path(folder) / "source"
            for script, *arguments in (
                    ("make_random_model.py", "tiny", source, "--activation", "gelu"),
                    ("export_torchscript.py", f"file:{source}", stated)):
                done = subprocess.run([sys.executable, ROOT / "scripts" / script, *arguments],
                                      capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.check(stated).returncode, 0)
            # Saved once more, it has lost what states its activation.
            torch.jit.save(torch.jit.load(str(stated)), str(path))
            done = self.check(path)
            self.assertEqual(done.returncode, 1)
            self.assertIn("WRONG", done.stdout)
            self.assertIn("computes with gelu, and quick_gelu is assumed", done.stderr)

    def test_files_without_code(self):
        done = self.check(MODELS / "samples/sample-gelu-hf")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("native against libtorch", done.stdout)


class OtherModules(unittest.TestCase):
    """Any TorchScript module with encode_image and encode_text."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "other.pt"

    def test_scores(self):
        module = Other()
        torch.jit.script(module).save(str(self.path))
        done = run("score", "--json", "--model", self.path, photographs()[0], "a cat", "a dog")
        self.assertEqual(done.returncode, 0, done.stderr)
        scores = scores_of(json_lines(done.stdout))
        self.assertEqual(len(scores[0]), 2)
        described = json.loads(run("models", "inspect", "--json", self.path).stdout)
        self.assertFalse(described["recognised"])
        self.assertEqual(described["image"]["size"], 32)

    def test_what_is_assumed_is_said(self):
        torch.jit.script(Other(state_sizes=False)).save(str(self.path))
        done = run("score", "--model", self.path, photographs()[0], "a cat")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("image size 224", done.stderr)
        self.assertIn("logit scale 100", done.stderr)

    def test_a_module_without_the_methods(self):
        torch.jit.script(torch.nn.Linear(2, 2)).save(str(self.path))
        done = run("score", "--model", self.path, photographs()[0], "a cat")
        self.assertEqual(done.returncode, 1)
        self.assertIn("encode_image", done.stderr)

    def test_a_module_whose_code_fails(self):
        class Failing(Other):
            @torch.jit.export
            def encode_image(self, pixels):
                return self.image(pixels)

        torch.jit.script(Failing()).save(str(self.path))
        done = run("score", "--model", self.path, photographs()[0], "a cat")
        self.assertEqual(done.returncode, 1)
        self.assertIn("encode_image", done.stderr)
        self.assertNotIn("frame #", done.stderr)


if __name__ == "__main__":
    unittest.main()
