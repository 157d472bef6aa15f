"""The files in which CLIP is published: every container and layout, configs, and what is refused."""

import dataclasses
import json
import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

from common import MODELS, ROOT, json_lines, need, photographs, reference_scores, run, scores_of

sys.path.insert(0, str(ROOT / "scripts"))
numpy = need("numpy")
need("torch")
import clip_files  # noqa: E402 (of this project)
from clip_reference import Config, from_config, randomize, torch  # noqa: E402

SAMPLES = MODELS / "samples"
TEXTS = ["a photo of a dog", "a cup of coffee", "it's &lt;3", "a diagram", "x", "red " * 60]

TINY = Config(64, 48, 96, 64, 2, patch=8, vision_layers=2, context=77)
# Neither heads of 64 nor an MLP of four times the width, as in ViT-H, ViT-g and ViT-bigG.
ODD = {
    "heads of 80": dataclasses.replace(TINY, vision_width=160, vision_heads=2, activation="gelu"),
    "heads of 88, MLP as in ViT-g": dataclasses.replace(
        TINY, vision_width=176, vision_heads=2, vision_mlp=int(176 * 4.3637), text_width=96,
        text_heads=3, activation="gelu"),
    "heads of 104, MLP as in ViT-bigG": dataclasses.replace(
        TINY, vision_width=208, vision_heads=2, vision_mlp=int(208 * 4.9231), activation="gelu"),
    "an MLP narrower than three widths": dataclasses.replace(TINY, vision_mlp=64, text_mlp=80,
                                                             activation="gelu"),
    "activations and epsilons of their own": dataclasses.replace(
        TINY, vision_activation="gelu_tanh", text_activation="gelu", vision_eps=1e-3,
        text_eps=1e-6),
    "patches that do not fill the image": dataclasses.replace(TINY, image_size=64, patch=14,
                                                              activation="gelu"),
    "a short context": dataclasses.replace(TINY, context=16),
    "squashed, bilinear": dataclasses.replace(TINY, resize="squash", interpolation="bilinear",
                                              mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4)),
    "on black, bilinear": dataclasses.replace(TINY, resize="longest", interpolation="bilinear"),
}


def seeded(config, seed=3):
    model = from_config(config)
    randomize(model, seed)
    return model


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, model, name="model", **options):
        folder = self.folder / name
        clip_files.write_model(model, model.config, folder, **options)
        return folder

    def embeddings(self, model, *options, images=None, texts=tuple(TEXTS)):
        """Those of the images and of the texts, [count, dimension] each."""
        images = photographs() if images is None else images
        lines = self.folder / "texts.txt"
        lines.write_text("\n".join(texts) + "\n")
        found = []
        for arguments in (list(images), ["--texts", lines]):
            output = self.folder / "embeddings.npy"
            done = run("embed", "-m", model, *options, "-o", output, *arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
            found.append(numpy.load(output))
            output.unlink()
            output.with_suffix(".jsonl").unlink()
        return found

    def refused(self, model, *parts, options=()):
        done = run("score", "-m", model, *options, photographs()[0], "a")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertEqual(done.stdout, "")
        for part in parts:
            self.assertIn(part, done.stderr)


class Samples(Case):
    """Models that open_clip wrote, with the scores that it gives."""

    def compare(self, tolerance, probabilities, *options):
        skimage = need("skimage")
        data = Path(skimage.__file__).parent / "data"
        expected = json.loads((SAMPLES / "expected.json").read_text())
        texts = expected.pop("texts")
        self.assertEqual(len(expected), 6)
        for name, images in expected.items():
            with self.subTest(name):
                done = run("score", "--json", "-m", SAMPLES / name, *options,
                           *(data / image for image in images), *texts)
                self.assertEqual(done.returncode, 0, done.stderr)
                for result in json_lines(done.stdout):
                    wanted = images[Path(result["image"]).name]
                    for pair, score, probability in zip(result["scores"], wanted["score"],
                                                        wanted["probability"]):
                        self.assertAlmostEqual(pair["score"], score, delta=tolerance)
                        self.assertAlmostEqual(pair["probability"], probability,
                                               delta=probabilities)

    def test_float32(self):
        self.compare(0.001, 1e-4)

    def test_bfloat16(self):
        self.compare(0.3, 0.01, "--precision", "bf16")

    def test_one_identity_a_file_and_preprocessing(self):
        def identity(model):
            return json.loads(run("models", "inspect", "--json", model).stdout)["identity"]

        one = identity(SAMPLES / "sample-quick-open_clip")
        self.assertEqual(one, identity(SAMPLES / "sample-quick-open_clip/open_clip_model.safetensors"))
        copy = self.folder / "copy"
        shutil.copytree(SAMPLES / "sample-quick-open_clip", copy)
        self.assertEqual(one, identity(copy))
        config = json.loads((copy / "open_clip_config.json").read_text())
        config["preprocess_cfg"]["interpolation"] = "bicubic"
        (copy / "open_clip_config.json").write_text(json.dumps(config))
        self.assertNotEqual(one, identity(copy))


class Forms(Case):
    def test_the_same_weights_in_every_container_and_layout(self):
        model = seeded(TINY)
        forms = {}
        for layout in ("open_clip", "open_clip_custom_text", "hf"):
            for container in ("safetensors", "bin", "pt", "pth"):
                forms[f"{layout} {container}"] = {"layout": layout, "container": container}
            forms[f"{layout} 3 shards"] = {"layout": layout, "shards": 3}
            forms[f"{layout} 2 shards of bin"] = {"layout": layout, "shards": 2, "container": "bin"}
        forms["hf of 2021"] = {"layout": "hf", "legacy": True, "container": "bin"}
        for wrapper in ("state_dict", "model_state_dict"):
            forms[f"under {wrapper}"] = {"container": "pt", "wrapper": wrapper,
                                         "prefix": "module."}
        first = None
        for name, options in forms.items():
            with self.subTest(name):
                folder = self.write(model, name.replace(" ", "-"), **options)
                found = self.embeddings(folder)
                if first is None:
                    first = found
                    path = next(path for path in folder.iterdir() if path.suffix != ".json")
                    # The file is the folder.
                    for one, other in zip(found, self.embeddings(path)):
                        self.assertLessEqual(abs(one - other).max(), 1e-6)
                for one, other in zip(first, found):
                    self.assertGreater(abs(one).max(), 0.1)
                    self.assertLessEqual(abs(one - other).max(), 1e-6)
        self.assertGreaterEqual(len(forms), 20)

    def test_half_floats(self):
        model = seeded(TINY)
        exact = self.embeddings(self.write(model, "exact"))
        for dtype, tolerance in (("float16", 0.002), ("bfloat16", 0.02)):
            for layout in ("open_clip", "hf"):
                found = self.embeddings(self.write(model, f"{dtype}-{layout}", dtype=dtype,
                                                   layout=layout))
                for one, other in zip(exact, found):
                    self.assertGreater(abs(one - other).max(), 0)
                    self.assertLess(abs(one - other).max(), tolerance)

    def test_every_shape_and_config_as_pytorch_computes_it(self):
        for name, config in ODD.items():
            texts = [text for text in TEXTS if config.context == 77 or len(text) < 20]
            for layout in ("open_clip", "hf"):
                if layout == "hf" and config.resize == "longest":
                    continue  # transformers has no such resize
                with self.subTest(name=name, layout=layout):
                    folder = self.write(seeded(config), f"{name}-{layout}".replace(" ", "-"),
                                        layout=layout)
                    wanted = scores_of(reference_scores(folder, photographs(), texts))
                    for precision, tolerance in (("fp32", 0.001), ("bf16", 0.5)):
                        done = run("score", "--json", "-m", folder, "--precision", precision,
                                   *photographs(), *texts)
                        self.assertEqual(done.returncode, 0, done.stderr)
                        found = scores_of(json_lines(done.stdout))
                        self.assertLess(numpy.abs(numpy.array(found) - wanted).max(), tolerance)

    def test_denormal_weights(self):
        """Numbers below the smallest normal float32 are not taken for zero."""
        model = seeded(TINY)
        with torch.no_grad():
            for tower in (model.visual.transformer, model.transformer):
                for block in tower.resblocks:
                    block.mlp.c_fc.weight.mul_(1e-38)
                    block.mlp.c_fc.bias.zero_()
                    block.mlp.c_proj.weight.mul_(1e38)
        weight = model.visual.transformer.resblocks[0].mlp.c_fc.weight
        self.assertGreater(((weight != 0) & (weight.abs() < 1.1e-38)).float().mean(), 0.5)
        folder = self.write(model)
        wanted = numpy.array(scores_of(reference_scores(folder, photographs(), TEXTS)))
        for engine in ("native", "libtorch"):
            found = scores_of(json_lines(run("score", "--json", "-m", folder, "--engine", engine,
                                             *photographs(), *TEXTS).stdout))
            self.assertLess(numpy.abs(numpy.array(found) - wanted).max(), 0.001, engine)
        with torch.no_grad():
            for tower in (model.visual.transformer, model.transformer):
                for block in tower.resblocks:
                    block.mlp.c_fc.weight.zero_()
        zeros = self.write(model, "zeros")
        found = scores_of(json_lines(run("score", "--json", "-m", zeros, *photographs(),
                                         *TEXTS).stdout))
        self.assertGreater(numpy.abs(numpy.array(found) - wanted).max(), 0.01)

    def test_resnets(self):
        config = Config(96, 64, 16, 64, 2, stages=(1, 2, 1, 1), activation="gelu")
        folder = self.write(seeded(config))
        wanted = scores_of(reference_scores(folder, photographs(), TEXTS))
        found = scores_of(json_lines(run("score", "--json", "-m", folder, *photographs(),
                                         *TEXTS).stdout))
        self.assertLess(numpy.abs(numpy.array(found) - wanted).max(), 0.001)
        self.refused(folder, "ModifiedResNet", "96 pixels only", options=["--image-size", "128"])

    def test_a_fine_tune_scores_without_conversion(self):
        """OpenAI's ViT-B/32 as its fine-tunes save it, beside the TorchScript file of the same."""
        torchscript = self.folder / "ViT-B-32.pt"
        done = os.spawnlp(os.P_WAIT, sys.executable, sys.executable,
                          str(ROOT / "scripts/export_torchscript.py"), "random-published:ViT-B/32",
                          str(torchscript))
        self.assertEqual(done, 0)
        loaded = torch.jit.load(str(torchscript), map_location="cpu")
        tuned = self.folder / "tuned.pt"
        torch.save({"epoch": 3, "model_state_dict": {
            f"module.{name}": value for name, value in loaded.state_dict().items()}}, tuned)
        self.refused(tuned, "nothing that says which activation", "ViT-B-32-quickgelu", "--arch")
        self.refused(tuned, "is not of the architecture ViT-B-16",
                     options=["--arch", "ViT-B-16-quickgelu"])
        ours = self.embeddings(tuned, "--arch", "ViT-B-32-quickgelu")
        for one, other in zip(self.embeddings(torchscript), ours):
            self.assertLessEqual(abs(one - other).max(), 1e-6)


class ImageSize(Case):
    def test_resampled_as_open_clip_does(self):
        model = seeded(TINY)
        folder = self.write(model)
        for side in (96, 40, 24):
            with self.subTest(side=side):
                grid = side // TINY.patch
                resized = from_config(dataclasses.replace(TINY, image_size=side))
                state = model.state_dict()
                table = state["visual.positional_embedding"]
                old = TINY.image_size // TINY.patch
                cells = table[1:].reshape(1, old, old, -1).permute(0, 3, 1, 2)
                cells = torch.nn.functional.interpolate(
                    cells, size=(grid, grid), mode="bicubic", antialias=True, align_corners=False)
                cells = cells.permute(0, 2, 3, 1).reshape(grid * grid, -1)
                state["visual.positional_embedding"] = torch.cat([table[:1], cells])
                resized.load_state_dict(state)
                wanted = self.embeddings(self.write(resized, f"resized-{side}"))
                for one, other in zip(wanted, self.embeddings(folder, "--image-size", side)):
                    self.assertLess(abs(one - other).max(), 1e-5)
                # A config for another size than that of its weights is the same.
                other = self.folder / f"config-{side}"
                shutil.copytree(folder, other)
                path = other / "open_clip_config.json"
                document = json.loads(path.read_text())
                document["model_cfg"]["vision_cfg"]["image_size"] = side
                path.write_text(json.dumps(document))
                for one, found in zip(wanted, self.embeddings(other)):
                    self.assertLess(abs(one - found).max(), 1e-5)
        self.refused(folder, "96 and 104 can", options=["--image-size", "100"])


class Refused(Case):
    """What cannot be run, or is damaged, is said by its name; nothing is guessed."""

    def test_other_towers(self):
        names = {
            "visual.trunk.stem.0.weight": "timm",
            "vision_model.head.probe": "SigLIP",
            "text_decoder.resblocks.0.ln_1.weight": "CoCa",
            "text.transformer.embeddings.word_embeddings.weight": "RoBERTa",
            "image_encoder.model.stem.weight": "MobileCLIP",
            "patch_embed.proj.weight": "image tower of timm's alone",
            "bert.embeddings.weight": "no weights of CLIP",
        }
        for name, what in names.items():
            with self.subTest(name):
                path = self.folder / "other.bin"
                torch.save({name: torch.zeros(2)}, path)
                self.refused(path, what)

    def test_a_whole_python_object(self):
        marker = self.folder / "marker"

        class Evil:
            def __reduce__(self):
                return os.system, (f"touch {marker}",)

        path = self.folder / "evil.bin"
        torch.save(Evil(), path)
        self.refused(path, "holds a Python object")
        torch.save({"state_dict": {"a": torch.zeros(1)}, "callback": Evil()}, path)
        self.refused(path, "no weights of CLIP")
        torch.save(torch.nn.Linear(2, 2), path)
        self.refused(path, "holds a Python object", "state_dict")
        self.assertFalse(marker.exists())

    def test_missing_and_broken_neighbours(self):
        model = seeded(TINY)
        folder = self.write(model, "hf", layout="hf")
        (folder / "preprocessor_config.json").unlink()
        self.refused(folder, "preprocessor_config.json", "how images are prepared")
        (folder / "config.json").unlink()
        self.refused(folder, "config.json of its repository")
        folder = self.write(model, "open_clip")
        document = folder / "open_clip_config.json"
        document.write_text("{")
        self.refused(folder, "no valid JSON")
        document.unlink()
        document.mkdir()
        self.refused(folder, "open_clip_config.json")
        empty = self.folder / "empty"
        empty.mkdir()
        self.refused(empty, "has no open_clip_model.safetensors")
        shards = self.write(model, "shards", shards=3)
        next(shards.glob("*-00002-*")).unlink()
        self.refused(shards, "is missing, one of the files")

    def test_cut_short(self):
        model = seeded(TINY)
        for container in ("safetensors", "bin"):
            folder = self.write(model, container, container=container)
            path = next(path for path in folder.iterdir() if path.suffix != ".json")
            data = path.read_bytes()
            for length in (0, 1, 7, 8, 9, 100, len(data) // 2, len(data) - 1):
                with self.subTest(container=container, length=length):
                    path.write_bytes(data[:length])
                    self.refused(folder, str(path))

    def test_transformers_config(self):
        changes = [
            ("config.json", ["model_type"], "siglip", "only clip"),
            ("config.json", ["projection_dim"], 47, "embedding dimension is 47"),
            ("config.json", ["vision_config", "hidden_act"], "relu", "hidden_act"),
            ("config.json", ["vision_config", "num_attention_heads"], 5, "heads do not divide"),
            ("config.json", ["vision_config", "num_attention_heads"], -5, "whole number"),
            ("config.json", ["vision_config", "patch_size"], 16, "patch size is 16"),
            ("config.json", ["text_config", "eos_token_id"], 7, "tokenizer"),
            ("config.json", ["text_config"], [], "an object"),
            ("config.json", ["text_config_dict"], {"hidden_size": 63}, "63"),
            ("preprocessor_config.json", ["resample"], 1, "bilinear"),
            ("preprocessor_config.json", ["size"], 63, "takes images of 64"),
            ("preprocessor_config.json", ["crop_size"], 63, "takes images of 64"),
            ("preprocessor_config.json", ["image_std"], [1, 1, 0], "three positive"),
            ("preprocessor_config.json", ["do_resize"], False, "do_resize"),
            ("preprocessor_config.json", ["do_center_crop"], False, "any proportions"),
            ("preprocessor_config.json", ["rescale_factor"], 1.0, "1 / 255"),
        ]
        model = seeded(TINY)
        for number, (document, keys, value, part) in enumerate(changes):
            with self.subTest(keys=keys, value=value):
                folder = self.write(model, f"changed-{number}", layout="hf")
                path = folder / document
                changed = json.loads(path.read_text())
                inner = changed
                for key in keys[:-1]:
                    inner = inner[key]
                inner[keys[-1]] = value
                path.write_text(json.dumps(changed))
                self.refused(folder, part)


class Inspected(Case):
    def test_what_a_model_is(self):
        folder = self.write(seeded(TINY), "hf", layout="hf", shards=2)
        described = json.loads(run("models", "inspect", "--json", folder).stdout)
        self.assertEqual(described["layout"], "hugging_face")
        self.assertIn("safetensors", described["format"])
        self.assertEqual(len(described["files"]), 2)
        self.assertEqual(described["documents"], ["config.json", "preprocessor_config.json"])
        self.assertEqual(described["activation"], "quick_gelu")
        self.assertEqual(described["vision"]["mlp_width"], 4 * TINY.vision_width)
        self.assertEqual(described["assumed"], [])
        text = run("models", "inspect", folder).stdout
        for part in ("Hugging Face", "config.json", "byte-pair", "shortest-side-bicubic"):
            self.assertIn(part, text)


if __name__ == "__main__":
    unittest.main()
