"""The native engine against the export's own code, and what it does not need of the file."""

import re
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

from common import (BINARY, MODELS, PROMPTS, ROOT, json_lines, max_difference, need, photographs,
                    run, scores_of)

torch = need("torch")
sys.path.insert(0, str(ROOT / "scripts"))
import clip_reference  # noqa: E402 (of this project)
import export_torchscript  # noqa: E402

TINY = MODELS / "published-tiny.pt"
RESNET = MODELS / "published-tiny-rn.pt"


def scores(model, *options, texts=PROMPTS, **how):
    done = run("score", "--json", "--model", model, *options, *photographs(), *texts, **how)
    assert done.returncode == 0, done.stderr
    return scores_of(json_lines(done.stdout))


def rewrite(source, target, change):
    """Copies an archive, each record through change(name, data): its new data, or None to drop."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
        for name in old.namelist():
            data = change(name, old.read(name))
            if data is not None:
                new.writestr(name, data)


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "model.pt"


class WithoutRunningCode(Folder):
    def check_native(self):
        difference = max_difference(scores(self.path), scores(TINY))
        self.assertEqual(difference, 0)

    def test_code_that_is_garbage(self):
        rewrite(TINY, self.path,
                lambda name, data: b"not code \xff" if "/code/" in name else data)
        self.check_native()
        self.assertLess(max_difference(scores(self.path, "--engine", "libtorch"), scores(TINY)),
                        1e-3)
        done = run("score", "--engine", "torchscript", "--model", self.path, photographs()[0], "a")
        self.assertEqual(done.returncode, 1)
        self.assertIn("LibTorch cannot load", done.stderr)

    def test_no_code_at_all(self):
        rewrite(TINY, self.path, lambda name, data: None if "/code/" in name else data)
        self.check_native()

    def test_a_setstate_that_fails(self):
        # Both methods must be there for LibTorch to call the second.
        methods = ("  def __getstate__(self: {0}) -> int:\n    return 0\n"
                   "  def __setstate__(self: {0}, state: int) -> NoneType:\n"
                   "    ops.prim.RaiseException(\"it was run\")\n    return None\n")

        def change(name, data):
            if b"def encode_image" not in data or not name.endswith(".py"):
                return data
            text = data.decode()
            at = text.index("  def ")
            kind = text[at:].split("self: ")[1].split(",")[0]
            return (text[:at] + methods.format(kind) + text[at:]).encode()

        rewrite(TINY, self.path, change)
        self.check_native()
        done = run("score", "--engine", "torchscript", "--model", self.path, photographs()[0], "a")
        self.assertEqual(done.returncode, 1)

    def test_no_libtorch_is_loaded(self):
        done = run("score", "--model", TINY, photographs()[0], "a cat",
                   environment={"LD_DEBUG": "libs"})
        self.assertEqual(done.returncode, 0)
        self.assertNotIn("libtorch", done.stderr)
        for engine in ("torchscript", "libtorch"):
            done = run("score", "--engine", engine, "--model", TINY, photographs()[0], "a cat",
                       environment={"LD_DEBUG": "libs"})
            self.assertIn("libtorch_cpu", done.stderr)


    def test_the_module_needs_nothing_of_curl(self):
        """It is embedded into the binary; beside the binary, in the build folder, it lies as it was
        linked."""
        build = Path(BINARY).resolve().parent
        modules = sorted(build.rglob("clip_libtorch_module.so"))
        if not modules and "CLIP_WITH_ONEDNN:BOOL=OFF" in (build / "CMakeCache.txt").read_text():
            return  # such a build links LibTorch and has no module
        self.assertEqual(len(modules), 1, build)
        symbols = subprocess.run(["nm", "-D", modules[0]], capture_output=True, text=True,
                                 check=True).stdout
        undefined = re.findall(r"^ +U (\S+)", symbols, re.MULTILINE)
        self.assertGreater(len(undefined), 10)
        self.assertEqual([name for name in undefined if "curl" in name], [])
        # Of its own it shows one symbol.
        self.assertEqual(re.findall(r" T (\S*clip\S*)", symbols), ["clip_libtorch_entry"])


class Choice(Folder):
    def other(self):
        class Other(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.image = torch.nn.Linear(3, 8)
                self.text = torch.nn.Embedding(49408, 8)

            @torch.jit.export
            def encode_image(self, pixels):
                return self.image(pixels.mean([2, 3]))

            @torch.jit.export
            def encode_text(self, ids):
                return self.text(ids).sum(1)

        torch.jit.script(Other()).save(str(self.path))

    def test_weights_that_are_not_clips(self):
        self.other()
        self.assertEqual(len(scores(self.path, texts=["a cat"])), 5)
        for engine in ("native", "libtorch"):
            done = run("score", "--engine", engine, "--model", self.path, photographs()[0], "a cat")
            self.assertEqual(done.returncode, 1)
            self.assertIn("image.bias", done.stderr)
            self.assertIn("--engine torchscript", done.stderr)
        done = run("score", "--precision", "bf16", "--model", self.path, photographs()[0], "a cat")
        self.assertEqual(done.returncode, 1)
        self.assertIn("bf16", done.stderr)
        self.assertIn("image.bias", done.stderr)

    def test_one_weight_too_many(self):
        model = clip_reference.randomize(
            clip_reference.from_config(clip_reference.CONFIGS["tiny"]))
        model.register_buffer("stranger", torch.zeros(3))
        export_torchscript.trace(model, 64, 77).save(str(self.path))
        done = run("score", "--engine", "native", "--model", self.path, photographs()[0], "a cat")
        self.assertEqual(done.returncode, 1)
        self.assertIn("stranger", done.stderr)

    def test_options_that_contradict(self):
        for options, word in ((("--engine", "native", "--device", "cuda"), "--engine libtorch"),
                              (("--engine", "torchscript", "--precision", "bf16"), "bf16"),
                              (("--precision", "fp16"), "--precision bf16"),
                              (("--engine", "libtorch", "--precision", "fp16"), "GPU"),
                              (("--engine", "libtorch", "--device", "tpu"), "'tpu'")):
            done = run("score", *options, "--model", TINY, photographs()[0], "a cat")
            self.assertEqual(done.returncode, 1, options)
            self.assertIn(word, done.stderr)
        for options in (("--engine", "fast"), ("--precision", "fp8")):
            done = run("score", *options, "--model", TINY, photographs()[0], "a cat")
            self.assertEqual(done.returncode, 2, options)


class LibTorch(unittest.TestCase):
    """The engine libtorch on files of every kind that there are here."""

    def test_scores_of_native_and_of_the_files_own_code(self):
        for model in (TINY, RESNET, MODELS / "tiny.pt", MODELS / "tiny-rn.pt"):
            here = scores(model, "--engine", "libtorch")
            native = max_difference(here, scores(model))
            own = max_difference(here, scores(model, "--engine", "torchscript"))
            print(f"{model.name}: {native:.6f} from native, {own:.6f} from torchscript")
            self.assertLess(native, 1e-4)
            self.assertLess(own, 1e-3)

    def test_a_device_takes_it_for_known_weights(self):
        """For the file's own code it would be torchscript, which says that it loads the file."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.pt"
            rewrite(TINY, path, lambda name, data: b"\xff" if "/code/" in name else data)
            done = run("score", "--json", "--device", "cuda", "--model", path, photographs()[0],
                       "a cat")
        if torch.cuda.is_available():
            self.assertEqual(done.returncode, 0, done.stderr)
        else:
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertRegex(done.stderr, "device cuda asked for.*CUDA.*--device cpu")


class OtherProcessors(unittest.TestCase):
    """oneDNN limited to what older processors have, by its own variable."""

    def test_avx2_and_older(self):
        for model in (TINY, RESNET):
            here = scores(model)
            for isa in ("AVX2", "SSE41"):
                limit = {"ONEDNN_MAX_CPU_ISA": isa, "DNNL_MAX_CPU_ISA": isa}
                there = scores(model, environment=limit)
                self.assertLess(max_difference(here, there), 0.001, isa)

    def test_bf16_becomes_fp32_and_says_so(self):
        limit = {"ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": "AVX2"}
        done = run("score", "--json", "--precision", "bf16", "--model", TINY, *photographs(),
                   *PROMPTS, environment=limit)
        self.assertEqual(done.returncode, 0)
        self.assertIn("computing in fp32", done.stderr)
        self.assertLess(max_difference(scores_of(json_lines(done.stdout)), scores(TINY)), 0.001)


class Precision(unittest.TestCase):
    def test_bf16_moves_scores_a_little(self):
        for model in (TINY, RESNET, MODELS / "tiny.pt", MODELS / "tiny-rn.pt"):
            difference = max_difference(scores(model), scores(model, "--precision", "bf16"))
            print(f"{model.name}: bf16 moves scores by at most {difference:.4f}")
            self.assertLess(difference, 0.3)


if __name__ == "__main__":
    unittest.main()
