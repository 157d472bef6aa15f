"""scripts/export_torchscript.py: what it writes has the structure that it promises."""

import json
import pickletools
import re
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts/export_torchscript.py"
sys.path.insert(0, str(ROOT / "scripts"))
from clip_reference import CONFIGS, from_state_dict, torch  # noqa: E402


def export(*arguments):
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True,
                          text=True, check=False)


def strings_of(pickle):
    return {argument for opcode, argument, _ in pickletools.genops(pickle) if isinstance(argument, str)}


def patched_for_cpu(path):
    """The module as OpenAI's package loads it on a CPU."""
    module = torch.jit.load(path, map_location="cpu").float()
    for part in module.modules():
        for name in part._c._method_names():
            graph = part._c._get_method(name).graph
            for node in graph.findAllNodes("prim::Constant"):
                if node.hasAttribute("value") and node.kindOf("value") == "s":
                    if node.s("value").startswith("cuda"):
                        node.s_("value", "cpu")
            for node in graph.findAllNodes("aten::to"):
                for value in list(node.inputs())[1:3]:
                    constant = value.node()
                    if constant.kind() == "prim::Constant" and constant.hasAttribute("value"):
                        if constant.kindOf("value") == "i" and constant.i("value") == 5:
                            constant.i_("value", 6)
    return module


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def make(self, source, name="model.pt", *arguments):
        path = self.folder / name
        done = export(source, path, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return path

    def inputs(self, config):
        generator = torch.Generator().manual_seed(1)
        pixels = torch.randn(3, 3, config.image_size, config.image_size, generator=generator)
        ids = torch.zeros(5, config.context, dtype=torch.int64)
        ids[:, 0] = 49406
        for i, row in enumerate(ids):
            row[1 : 4 + i] = torch.randint(1, 49000, (3 + i,), generator=generator)
            row[4 + i] = 49407
        return pixels, ids

    def check_towers(self, module, model):
        """Other batch sizes than it was traced with, against the reference."""
        pixels, ids = self.inputs(model.config)
        with torch.no_grad():
            for ours, reference in ((module.encode_image(pixels), model.encode_image(pixels)),
                                    (module.encode_text(ids), model.encode_text(ids))):
                cosine = torch.nn.functional.cosine_similarity(ours, reference)
                self.assertGreater(cosine.min().item(), 1 - 1e-6)


class Published(Folder):
    def check(self, name):
        path = self.make(f"random-published:{name}")
        config = CONFIGS[name]
        with zipfile.ZipFile(path) as archive:
            names = {entry.filename.split("/", 1)[1]: entry for entry in archive.infolist()}
            for entry in archive.infolist():
                self.assertEqual(entry.compress_type, zipfile.ZIP_STORED)
                header = path.read_bytes()[entry.header_offset : entry.header_offset + 30]
                data = entry.header_offset + 30 + int.from_bytes(header[26:28], "little")
                data += int.from_bytes(header[28:30], "little")
                self.assertEqual(data % 64, 0, entry.filename)
            code = "".join(archive.read(entry).decode() for name, entry in names.items()
                           if name.endswith(".py"))
            pickle = archive.read(names["data.pkl"])
        self.assertFalse([name for name in names if name.startswith("extra/") or "debug" in name])
        self.assertIn("def forward1(", code)
        self.assertIn('torch.device("cuda:0")', code)
        casts = set(re.findall(r"torch\.to\(.*, (\d+)\)", code))
        self.assertEqual(casts, {"5", "6"})
        self.assertIn("cuda:0", strings_of(pickle))
        self.assertNotIn("cpu", strings_of(pickle))

        module = torch.jit.load(str(path), map_location="cpu")
        state = module.state_dict()
        sizes = (("input_resolution", config.image_size), ("context_length", 77), ("vocab_size", 49408))
        for buffer, size in sizes:
            self.assertEqual(state[buffer].dtype, torch.int64)
            self.assertEqual(state[buffer].shape, ())
            self.assertEqual(state[buffer].item(), size)
        for key, value in state.items():
            single = any(part in key for part in (".ln_", "ln_", "bn", "downsample.1", "embedding"))
            if key == "logit_scale" or single:
                self.assertIn(value.dtype, (torch.float32, torch.int64), key)
            elif value.dim() > 0:
                self.assertEqual(value.dtype, torch.float16, key)
        self.check_towers(patched_for_cpu(str(path)), from_state_dict(state))
        pixels, ids = self.inputs(config)
        with torch.no_grad():
            per_image, per_text = patched_for_cpu(str(path))(pixels, ids)
        self.assertEqual(per_image.shape, (3, 5))
        self.assertTrue(torch.equal(per_text, per_image.t()))

    def test_vit(self):
        self.check("tiny")

    def test_resnet(self):
        self.check("tiny-rn")


class Own(Folder):
    def check(self, name):
        path = self.make(f"random:{name}")
        extra = {"clip.json": ""}
        module = torch.jit.load(str(path), map_location="cpu", _extra_files=extra)
        fields = json.loads(extra["clip.json"])
        config = CONFIGS[name]
        self.assertEqual(fields["format"], 1)
        self.assertEqual(fields["image_size"], config.image_size)
        self.assertEqual(fields["context_length"], 77)
        self.assertEqual(fields["activation"], "quick_gelu")
        self.assertEqual((fields["start_of_text"], fields["end_of_text"]), (49406, 49407))
        self.assertEqual(fields["resize"], "shortest-side-bicubic")
        self.assertEqual(len(fields["mean"]), 3)
        self.assertEqual(len(fields["std"]), 3)
        self.check_towers(module, from_state_dict(module.state_dict()))

    def test_vit(self):
        self.check("tiny")

    def test_resnet(self):
        self.check("tiny-rn")

    def test_seeds(self):
        states = [
            torch.jit.load(str(self.make("random:tiny", f"{i}.pt", "--seed", seed))).state_dict()
            for i, seed in enumerate((7, 7, 8))
        ]
        for key, value in states[0].items():
            self.assertTrue(torch.equal(value, states[1][key]), key)
        self.assertFalse(torch.equal(states[0]["visual.proj"], states[2]["visual.proj"]))


class Usage(Folder):
    def test_bad_usage(self):
        for source, word in (("random:nothing", "ViT-B/32"), ("tiny", "random-published:"),
                             ("magic:tiny", "random-published:")):
            done = export(source, self.folder / "x.pt")
            self.assertEqual(done.returncode, 2)
            self.assertIn(word, done.stderr)
            self.assertNotIn("Traceback", done.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_an_existing_file_is_kept_unless_forced(self):
        path = self.folder / "model.pt"
        path.write_text("precious")
        self.assertEqual(export("random:tiny", path).returncode, 2)
        self.assertEqual(path.read_text(), "precious")
        self.assertEqual(export("random:tiny", path, "--force").returncode, 0)

    def test_missing_packages_are_named(self):
        for source, package in (("openai:ViT-B/32", "openai/CLIP"),
                                ("open_clip:ViT-B-32/openai", "open_clip_torch")):
            done = export(source, self.folder / "x.pt")
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"pip install", done.stderr)
            self.assertIn(package, done.stderr)
            self.assertNotIn("Traceback", done.stderr)


if __name__ == "__main__":
    unittest.main()
