"""scripts/clip_files.py and the scripts on it: model files in every container and layout.

What is written is read back by other code: torch.load, a second reader of safetensors here, and
PyTorch's own transformer layer. What is read is held to models that open_clip wrote itself.
"""

import dataclasses
import itertools
import json
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests/data")]
import clip_containers  # noqa: E402 (of this project)
import clip_layouts  # noqa: E402
import sample_models  # noqa: E402
from clip_containers import Damaged  # noqa: E402
from clip_files import (  # noqa: E402
    CONTAINERS, FLOATS, RandomWeights, Unknown, file_name, open_model, read_model, write_model)
from clip_layouts import LAYOUTS  # noqa: E402
from clip_reference import (  # noqa: E402
    ACTIVATIONS, CONFIGS, Block, Config, from_config, from_state_dict, random_weights, randomize,
    read_architectures, shapes_of, torch)
from reference_scores import Image, image_transform, load, transform_of  # noqa: E402
from tokenizer_reference import Tokenizer  # noqa: E402

# Odd in every dimension that a layout has to say.
VIT = Config(24, 20, 48, 36, 2, patch=6, vision_layers=3, vision_heads=3, text_heads=2, context=11,
             vocabulary=300, vision_mlp=100, text_mlp=71, vision_eps=1e-3, text_eps=1e-4,
             activation="gelu", mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7), resize="squash",
             interpolation="bilinear")
RESNET = Config(64, 20, 4, 32, 1, stages=(1, 2, 1, 1), vision_heads=4, text_heads=2, context=11,
                vocabulary=300)


def inputs(config):
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randn(2, 3, config.image_size, config.image_size, generator=generator)
    ids = torch.zeros(3, config.context, dtype=torch.int64)
    for i, row in enumerate(ids):
        row[: 3 + i] = torch.randint(1, config.vocabulary - 1, (3 + i,), generator=generator)
        row[3 + i] = config.vocabulary - 1
    return pixels, ids


def embeddings(model):
    pixels, ids = inputs(model.config)
    with torch.no_grad():
        return torch.cat([model.encode_image(pixels), model.encode_text(ids)])


def numbers_of(path):
    """A second reader of safetensors: {name: (dtype, array of numbers)}, bfloat16 as its bits."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    if header.pop("__metadata__") != {"format": "pt"} or length % 8:
        raise AssertionError("no header as PyTorch's safetensors have it")
    types = {"F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8"}
    buffer = data[8 + length :]
    spans = sorted(entry["data_offsets"] for entry in header.values())
    if [0, *(end for _, end in spans)] != [*(begin for begin, _ in spans), len(buffer)]:
        raise AssertionError("holes or overlaps")
    return {name: (entry["dtype"],
                   numpy.frombuffer(buffer[slice(*entry["data_offsets"])], types[entry["dtype"]])
                   .reshape(entry["shape"])) for name, entry in header.items()}


def as_numbers(tensor):
    tensor = tensor.detach().contiguous()
    return (tensor.view(torch.int16).numpy().view(numpy.uint16)
            if tensor.dtype == torch.bfloat16 else tensor.numpy())


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_script(self, name, *arguments, code=0):
        done = subprocess.run([sys.executable, ROOT / "scripts" / name, *map(str, arguments)],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        return done.stderr

    def assert_same(self, state, other):
        self.assertEqual(set(state), set(other))
        for name, tensor in state.items():
            self.assertEqual(tensor.dtype, other[name].dtype, name)
            self.assertTrue(torch.equal(tensor, other[name]), name)


class Samples(Folder):
    """Models that open_clip wrote, and what its own code computes from them."""

    def test_scores(self):
        import skimage

        photographs = Path(skimage.__file__).parent / "data"
        samples = sample_models.unpack(self.folder)
        expected = json.loads((samples / "expected.json").read_text(encoding="utf-8"))
        texts = expected.pop("texts")
        tokenizer = Tokenizer(ROOT / "data/bpe/merges.txt")
        self.assertEqual(len(expected), 6)
        for name, images in expected.items():
            model = load(samples / name)
            ids = torch.zeros(len(texts), model.config.context, dtype=torch.int64)
            for row, text in zip(ids, texts):
                prompt = [49406, *tokenizer.encode(text), 49407]
                row[: len(prompt)] = torch.tensor(prompt)
            for image, numbers in images.items():
                pixels = transform_of(model.config)(Image.open(photographs / image)).unsqueeze(0)
                with torch.no_grad():
                    logits, _ = model(pixels, ids)
                scores = 100 * logits[0] / model.logit_scale.exp()
                difference = (scores - torch.tensor(numbers["score"])).abs().max().item()
                self.assertLess(difference, 1e-4, (name, image))
                difference = logits[0].softmax(0) - torch.tensor(numbers["probability"])
                self.assertLess(difference.abs().max().item(), 1e-6, (name, image))

    def test_ours_hold_the_same_tensors(self):
        samples = sample_models.unpack(self.folder)
        for kind in ("gelu", "quick"):
            config, state = read_model(samples / f"sample-{kind}-open_clip")
            for layout in ("open_clip", "hf"):
                theirs = clip_containers.read(next(
                    path for path in sorted((samples / f"sample-{kind}-{layout}").iterdir())[::-1]
                    if path.name.endswith((".index.json", ".safetensors"))
                    and "-of-" not in path.name))
                ours = self.folder / f"{kind}-{layout}"
                write_model(state, config, ours, layout, legacy=layout == "hf")
                self.assert_same(clip_containers.read(ours / file_name(layout, "safetensors")),
                                 theirs)


class Blocks(unittest.TestCase):
    def test_against_pytorchs_layer(self):
        """Heads of any width, any MLP, each activation, and epsilon, as PyTorch computes them."""
        theirs = {"gelu": torch.nn.functional.gelu,
                  "gelu_tanh": lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
                  "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x)}
        self.assertEqual(set(theirs), set(ACTIVATIONS))
        for activation, (width, heads, hidden) in itertools.product(
                ACTIVATIONS, ((160, 2, 333), (88, 1, 384), (208, 2, 832))):
            torch.manual_seed(2)
            layer = torch.nn.TransformerEncoderLayer(
                width, heads, hidden, dropout=0.0, activation=theirs[activation],
                layer_norm_eps=0.01, batch_first=True, norm_first=True)
            for parameter in layer.parameters():
                torch.nn.init.normal_(parameter, std=0.3)
            names = {"self_attn": "attn", "linear1": "mlp.c_fc", "linear2": "mlp.c_proj",
                     "norm1": "ln_1", "norm2": "ln_2"}
            state = {names[name.split(".")[0]] + name[name.index("."):]: value
                     for name, value in layer.state_dict().items()}
            block = Block(width, heads, hidden, activation, 0.01)
            block.load_state_dict(state)
            x = torch.randn(2, 7, width)
            mask = torch.full((7, 7), float("-inf")).triu(1)
            for masked in (None, mask):
                block.mask = masked
                with torch.no_grad():
                    expected = layer(x, src_mask=masked)
                    cosine = torch.nn.functional.cosine_similarity(block(x), expected, dim=-1)
                self.assertGreater(cosine.min().item(), 1 - 1e-6, (activation, width))


class Architectures(unittest.TestCase):
    # Millions of weights, as open_clip's docs/model_profile.csv has them.
    MILLIONS = {"ViT-B-32": 151.28, "ViT-B-32-256": 151.29, "ViT-B-16": 149.62,
                "ViT-B-16-plus-240": 208.38, "ViT-L-14": 427.62, "ViT-L-14-336": 427.94,
                "ViT-H-14": 986.11, "ViT-H-14-378": 986.71, "ViT-g-14": 1366.68,
                "ViT-bigG-14": 2539.57, "RN50": 102.01, "RN101": 119.69, "RN50x4": 178.30,
                "RN50x16": 290.98, "RN50x64": 623.26}

    def test_sizes(self):
        self.assertEqual(set(read_architectures()), set(self.MILLIONS))
        for name, millions in self.MILLIONS.items():
            weights = {key: tensor for key, tensor in shapes_of(CONFIGS[name]).items()
                       if "running_" not in key and "num_batches" not in key}
            self.assertTrue(all(tensor.is_meta for tensor in weights.values()))
            total = sum(tensor.numel() for tensor in weights.values())
            self.assertAlmostEqual(total / 1e6, millions, delta=0.006, msg=name)

    def test_openai_spelling(self):
        self.assertEqual(CONFIGS["ViT-L/14@336px"], CONFIGS["ViT-L-14-336"])
        self.assertEqual(clip_layouts.architecture("ViT-B/32")[1], "quick_gelu")
        self.assertEqual(clip_layouts.architecture("ViT-B-32-quickgelu")[1], "quick_gelu")
        self.assertIsNone(clip_layouts.architecture("ViT-B-32")[1])

    def facts(self, config):
        """What a config means, whichever way it says it."""
        vit = config.patch is not None
        return (dataclasses.replace(config, activation="", vision_activation=None, vision_mlp=None,
                                    text_activation=None, text_mlp=None, vision_heads=None,
                                    text_heads=None, vision_eps=0 if vit else None),
                config.heads(), config.mlps()[1 - vit :], config.activations()[1 - vit :],
                config.vision_eps if vit else None)

    def test_configs_say_all(self):
        for (name, config), activation in itertools.product(read_architectures().items(),
                                                            ACTIVATIONS):
            config = dataclasses.replace(config, activation=activation)
            said = clip_layouts.to_open_clip_config(config)
            self.assertEqual(self.facts(clip_layouts.from_open_clip_config(said)),
                             self.facts(config), name)
            if config.patch is None:
                continue
            for legacy in (False, True):
                said = clip_layouts.from_hf_config(
                    clip_layouts.to_hf_config(config, legacy),
                    clip_layouts.to_hf_preprocessor(config, legacy))
                self.assertEqual(self.facts(said), self.facts(config), name)

    def test_published_heads_and_mlps(self):
        for name, head, hidden in (("ViT-H-14", 80, 5120), ("ViT-g-14", 88, 6144),
                                   ("ViT-bigG-14", 104, 8192)):
            vision = clip_layouts.to_open_clip_config(CONFIGS[name])["model_cfg"]["vision_cfg"]
            self.assertEqual(vision["head_width"], head)
            self.assertEqual(int(vision["width"] * vision.get("mlp_ratio", 4.0)), hidden)

    def test_what_a_layout_cannot_say(self):
        longest = dataclasses.replace(VIT, resize="longest")
        self.assertEqual(
            clip_layouts.to_open_clip_config(longest)["preprocess_cfg"]["resize_mode"], "longest")
        for function, config in (
            (clip_layouts.to_hf_preprocessor, longest),
            (clip_layouts.to_hf_config, RESNET),
            (clip_layouts.to_open_clip_config,
             dataclasses.replace(VIT, vision_activation="quick_gelu")),
        ):
            with self.assertRaises(Unknown):
                function(config)

    def test_what_is_not_known_is_refused(self):
        said = clip_layouts.to_open_clip_config(VIT)
        for tower, key, value in (("vision_cfg", "no_ln_pre", True),
                                  ("vision_cfg", "pool_type", "avg"),
                                  ("text_cfg", "no_causal_mask", True),
                                  ("vision_cfg", "timm_model_name", "vit_base_mci_224"),
                                  ("text_cfg", "hf_model_name", "roberta-base")):
            other = json.loads(json.dumps(said))
            other["model_cfg"][tower][key] = value
            with self.assertRaisesRegex(Unknown, key):
                clip_layouts.from_open_clip_config(other)
        said["model_cfg"]["init_logit_bias"] = -10  # of SigLIP
        with self.assertRaisesRegex(Unknown, "init_logit_bias"):
            clip_layouts.from_open_clip_config(said)

    def test_old_configs_rule_with_their_defaults(self):
        """A key that *_config_dict leaves out has its default, not the value of *_config."""
        old = clip_layouts.to_hf_config(CONFIGS["ViT-B-32"], legacy=True)
        self.assertNotIn("hidden_size", old["vision_config_dict"])
        self.assertEqual(old["vision_config"]["hidden_size"], 5)
        preprocessor = clip_layouts.to_hf_preprocessor(CONFIGS["ViT-B-32"], legacy=True)
        self.assertEqual(preprocessor["size"], 224)
        self.assertEqual(clip_layouts.from_hf_config(old, preprocessor).vision_width, 768)


class Weights(unittest.TestCase):
    def test_one_at_a_time(self):
        for config in (VIT, RESNET, CONFIGS["tiny"]):
            model = randomize(from_config(config), 5)
            state = model.state_dict()
            drawn = list(random_weights(config, 5))
            self.assertEqual([name for name, _ in drawn], list(state))
            for name, tensor in drawn:
                self.assertEqual(tensor.dtype, state[name].dtype, name)
                self.assertTrue(torch.equal(tensor, state[name]), name)


class Containers(Folder):
    """One model in every layout, container, type, and cut: the same embeddings from each."""

    def check(self, config, layouts):
        model = randomize(from_config(config), 4)
        expected = embeddings(model)
        for i, (layout, container, shards, legacy) in enumerate(itertools.product(
                layouts, CONTAINERS, (1, 3), (False, True))):
            folder = self.folder / str(i)
            what = f"{layout}, {container}, {shards} shards, legacy {legacy}"
            paths = write_model(RandomWeights(config, 4) if legacy else model, config, folder,
                                layout, container, shards=shards, legacy=legacy)
            self.assertEqual(sorted(paths), sorted(folder.iterdir()), what)
            if layout == "openai":
                path = folder / file_name(layout, container)
                path = path if shards == 1 else path.with_name(path.name + ".index.json")
                state = dict(clip_layouts.from_layout(clip_containers.read(path), "open_clip"))
                got = from_state_dict(state, config=config)
            else:
                got = open_model(folder)
                for name in ("mean", "std", "resize", "interpolation"):
                    self.assertEqual(getattr(got.config, name), getattr(config, name), what)
            self.assertTrue(torch.equal(embeddings(got), expected), what)

    def test_vit(self):
        self.check(VIT, LAYOUTS)

    def test_resnet(self):
        self.check(RESNET, [layout for layout in LAYOUTS if layout != "hf"])

    def test_bytes(self):
        """safetensors by the second reader, torch.save by torch.load: the same tensors."""
        model = randomize(from_config(VIT), 4)
        for layout, dtype in itertools.product(LAYOUTS, FLOATS):
            expected = {name: tensor.to(FLOATS[dtype]) for name, tensor
                        in clip_layouts.to_layout(model.state_dict().items(), layout)}
            folder = self.folder / f"{layout}-{dtype}"
            write_model(model, VIT, folder, layout, "safetensors", dtype)
            found = numbers_of(folder / file_name(layout, "safetensors"))
            self.assertEqual(list(found), list(expected))
            for name, (kind, numbers) in found.items():
                self.assertEqual(clip_containers.DTYPES[kind], FLOATS[dtype])
                self.assertTrue(numpy.array_equal(numbers, as_numbers(expected[name])), name)
            write_model(model, VIT, folder, layout, "bin", dtype)
            self.assert_same(torch.load(folder / file_name(layout, "bin")), expected)

    def test_hugging_faces_names(self):
        model = randomize(from_config(VIT), 4)
        state = model.state_dict()
        write_model(model, VIT, self.folder, "hf", legacy=True)
        found = {name: array for name, (_, array)
                 in numbers_of(self.folder / "model.safetensors").items()}
        block = "visual.transformer.resblocks.2."
        layer = "vision_model.encoder.layers.2."
        whole = numpy.concatenate([found[f"{layer}self_attn.{part}_proj.weight"] for part in "qkv"])
        for theirs, ours in (
            (whole, state[block + "attn.in_proj_weight"]),
            (found[layer + "mlp.fc1.bias"], state[block + "mlp.c_fc.bias"]),
            (found["text_projection.weight"].T, state["text_projection"]),
            (found["visual_projection.weight"].T, state["visual.proj"]),
            (found["vision_model.pre_layrnorm.bias"], state["visual.ln_pre.bias"]),
            (found["text_model.embeddings.position_ids"][0], torch.arange(VIT.context)),
            (found["vision_model.embeddings.position_ids"][0], torch.arange(17)),
        ):
            self.assertTrue(numpy.array_equal(theirs, ours.numpy()))
        self.assertNotIn("visual", " ".join(found).replace("visual_projection", ""))

    def test_wrappers(self):
        model = randomize(from_config(VIT), 4)
        for wrapper, prefix in itertools.product((None, "state_dict", "model_state_dict"),
                                                 ("", "module.")):
            folder = self.folder / f"{wrapper}-{prefix}"
            (path,) = write_model(model, VIT, folder, "openai", "pth", wrapper=wrapper,
                                  prefix=prefix)
            loaded = torch.load(path)
            loaded = loaded if wrapper is None else loaded[wrapper]
            self.assertIn(prefix + "visual.proj", loaded)
            self.assert_same(clip_containers.read(path), model.state_dict())

    def test_a_length_that_begins_like_another_container(self):
        """The first bytes of safetensors are a number, which may read PK, or begin a pickle."""
        plan = {"x": torch.arange(3.0)}
        path = self.folder / "x.safetensors"
        for length in (0x4B50, 0x80, 0x8080):
            clip_containers.write_safetensors(path, plan, plan.items(), {"x": ""})
            padding = length - struct.unpack("<Q", path.read_bytes()[:8])[0]
            clip_containers.write_safetensors(path, plan, plan.items(), {"x": " " * padding})
            self.assertEqual(struct.unpack("<Q", path.read_bytes()[:8])[0], length)
            self.assert_same(clip_containers.read(path), plan)

    def test_damaged(self):
        path = self.folder / "x.safetensors"
        plan = {"x": torch.arange(3.0), "y": torch.arange(2)}
        clip_containers.write_safetensors(path, plan, plan.items())
        whole = path.read_bytes()
        for data in (whole[:-1], whole + b"\0", whole[:40], b"", b"<!DOCTYPE html>",
                     whole.replace(b"[0,12]", b"[0,16]"), whole.replace(b"F32", b"F99"),
                     whole.replace(b"[12,28]", b"[13,29]")):
            path.write_bytes(data)
            with self.assertRaises(Damaged):
                clip_containers.read(path)


class Preprocessing(unittest.TestCase):
    def test_longest(self):
        pixels = image_transform(8, (0, 0, 0), (1, 1, 1), "longest", "bilinear")(
            Image.new("RGB", (40, 20), "white"))
        self.assertEqual(pixels.shape, (3, 8, 8))
        self.assertTrue(torch.equal(pixels[0, 2:6], torch.ones(4, 8)))
        self.assertEqual(pixels[0, :2].sum() + pixels[0, 6:].sum(), 0)


class Scripts(Folder):
    def fine_tuned(self):
        """A state dict as training scripts leave it, of a tiny ViT."""
        model = randomize(from_config(CONFIGS["tiny"]), 9)
        (path,) = write_model(model, model.config, self.folder / "tuned", "openai", "pt",
                              wrapper="state_dict", prefix="module.")
        return model, path

    def test_safetensors_of_every_source(self):
        self.run_script("export_torchscript.py", "random:tiny", self.folder / "ours.pt")
        self.run_script("export_torchscript.py", "random-published:tiny-rn",
                        self.folder / "theirs.pt")
        self.run_script("make_random_model.py", "tiny", self.folder / "hf", "--layout", "hf",
                        "--shards", "2", "--legacy", "--dtype", "float16")
        for source in ("ours.pt", "theirs.pt", "hf"):
            folder = self.folder / f"{source}-out"
            self.run_script("export_safetensors.py", self.folder / source, folder)
            self.assertEqual(sorted(path.name for path in folder.iterdir()),
                             ["SHA256SUMS", "open_clip_config.json",
                              "open_clip_model.safetensors"])
            config, state = read_model(self.folder / source)
            written, weights = read_model(folder)
            self.assert_same(state, weights)
            self.assertEqual(written.activations(), config.activations())
            self.assertEqual(written.heads(), config.heads())
            self.assertTrue(torch.equal(embeddings(open_model(folder)),
                                        embeddings(from_state_dict(state, config=config))))

    def test_a_fine_tuned_model(self):
        model, path = self.fine_tuned()
        expected = embeddings(model)
        said = ("--arch", "tiny", "--activation", "quick_gelu")
        message = self.run_script("export_safetensors.py", path, self.folder / "out", *said)
        self.assertIn("assumed to be OpenAI's: mean, std", message)
        self.assertTrue(torch.equal(embeddings(open_model(self.folder / "out")), expected))
        self.run_script("export_torchscript.py", f"file:{path}", self.folder / "out.pt", *said)
        module = torch.jit.load(str(self.folder / "out.pt"))
        pixels, ids = inputs(model.config)
        with torch.no_grad():
            got = torch.cat([module.encode_image(pixels), module.encode_text(ids)])
        self.assertLess((got - expected).abs().max().item(), 1e-5)

    def test_what_weights_do_not_say(self):
        _, path = self.fine_tuned()
        for said, word in (((), "--arch"), (("--arch", "tiny"), "--activation"),
                           (("--arch", "ViT-B/32"), "expected 512"),
                           (("--arch", "ViT"), "RN50x64")):
            for script, source in (("export_safetensors.py", path),
                                   ("export_torchscript.py", f"file:{path}")):
                message = self.run_script(script, source, self.folder / "out", *said, code=1)
                self.assertIn(word, message)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["tuned"])

    def test_what_is_said_twice(self):
        self.run_script("make_random_model.py", "tiny", self.folder / "model")
        for options in (("--arch", "tiny"), ("--activation", "gelu"), ("--resize", "squash")):
            message = self.run_script("export_safetensors.py", self.folder / "model",
                                      self.folder / "out", *options, code=1)
            self.assertIn(options[0][2:], message)

    def test_existing_folders_are_kept(self):
        folder = self.folder / "model"
        folder.mkdir()
        (folder / "open_clip_model.safetensors").write_text("precious")
        self.assertIn("--force", self.run_script("make_random_model.py", "tiny", folder, code=2))
        self.assertEqual((folder / "open_clip_model.safetensors").read_text(), "precious")
        self.run_script("make_random_model.py", "tiny", folder, "--force")
        self.assertEqual(open_model(folder).config.image_size, 64)

    def test_what_clip_json_cannot_say(self):
        self.run_script("make_random_model.py", "tiny", self.folder / "model", "--interpolation",
                        "bilinear")
        message = self.run_script("export_torchscript.py", f"file:{self.folder / 'model'}",
                                  self.folder / "out.pt", code=1)
        self.assertIn("bilinear", message)

    def test_random_models_are_those_of_the_other_script(self):
        self.run_script("make_random_model.py", "tiny-rn", self.folder / "model", "--seed", "3",
                        "--dtype", "bfloat16", "--container", "bin")
        found = torch.load(self.folder / "model/open_clip_pytorch_model.bin")
        model = randomize(from_config(CONFIGS["tiny-rn"]), 3)
        self.assert_same(found, {name: tensor.bfloat16() if tensor.is_floating_point() else tensor
                                 for name, tensor in model.state_dict().items()})
        self.run_script("make_random_model.py", "tiny-rn", self.folder / "no", "--layout", "hf",
                        code=2)


if __name__ == "__main__":
    unittest.main()
