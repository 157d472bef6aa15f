"""explain: the grids against PyTorch, where they lie in the image, what is drawn, what can go wrong,
and the pointing game."""

import base64
import io
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import odd_models
from common import BINARY, MODELS, ROOT, json_lines, need
from common import run as run_binary
from images import draw

numpy = need("numpy")
torch = need("torch")
need("PIL")
from PIL import Image  # noqa: E402 (after the check that it is there)

sys.path.insert(0, str(ROOT / "scripts"))
from clip_files import open_model, write_model  # noqa: E402
from clip_reference import CONFIGS, Config, F, from_config, randomize  # noqa: E402
from reference_scores import load_image, transform_of  # noqa: E402

TINY = MODELS / "tiny.pt"
RESNET = MODELS / "tiny-rn.pt"
DEMO = ROOT / "data/demo"
CAT = DEMO / "cat.png"
DEMO_MODEL = DEMO / "demo-model.pt"
PROMPTS = ["a photo of a cat", "a photo of a dog", "two blue squares"]


def run(*arguments, **others):
    """clip-cli, with the demo model unless another one is named."""
    model = [] if "--model" in arguments else ["--model", DEMO_MODEL]
    return run_binary(*arguments, *model, **others)


def explain(image, *arguments):
    """The parsed JSON of a run that must succeed."""
    done = run("explain", image, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def grids(result):
    return numpy.array([each["grid"] for each in result["explanations"]], float)


def embedded_texts(model, texts):
    done = run("embed", "--model", model, "--texts", "-", "--json", stdin="\n".join(texts) + "\n")
    return torch.tensor([each["embedding"] for each in json_lines(done.stdout)])


def neutral_text(model):
    """The embedding of the empty prompt, which lists of texts leave out."""
    job = json.dumps({"op": "embed", "text": ""})
    done = run("batch", "--model", model, stdin=job + "\n")
    return torch.tensor(json.loads(done.stdout)["embedding"])


class Reference:
    """Both methods in PyTorch."""

    def __init__(self, path):
        self.model = open_model(path)
        self.transform = transform_of(self.model.config)

    def pixels(self, image):
        return self.transform(load_image(image, True))

    @torch.no_grad()
    def embeddings(self, pixels):
        return F.normalize(self.model.encode_image(pixels), dim=-1)

    @torch.no_grad()
    def by_patches(self, image, texts):
        """The last block with the class token's attention masked, patch by patch."""
        visual = self.model.visual
        x = visual.conv1(self.pixels(image)[None]).flatten(2).transpose(1, 2)
        first = visual.class_embedding[None, None]
        x = visual.ln_pre(torch.cat([first, x], dim=1) + visual.positional_embedding)
        *before, last = visual.transformer.resblocks
        for block in before:
            x = x + block.attn(block.ln_1(x), None)
            x = x + block.mlp(block.ln_2(x))
        tokens = x.shape[1]
        mask = torch.zeros(tokens, 1, tokens, tokens)
        for patch in range(1, tokens):
            mask[patch, 0, 0, patch] = -math.inf
        x = x.expand(tokens, -1, -1)
        x = x + last.attn(last.ln_1(x), mask)
        x = x + last.mlp(last.ln_2(x))
        rows = F.normalize(visual.ln_post(x[:, 0]) @ visual.proj, dim=-1)
        falls = 100 * (rows[:1] - rows[1:]) @ texts.t()  # [patches, texts]
        grid = math.isqrt(tokens - 1)
        return falls.t().reshape(len(texts), grid, grid).numpy()

    def by_occlusion(self, image, texts, neutral, cells, window):
        """Windows over a grid whose cells end at whole pixels; the image fills the input."""
        pixels = self.pixels(image)
        side = pixels.shape[-1]
        mean = pixels.mean(dim=(1, 2), keepdim=True)
        edges = [cell * side // cells for cell in range(cells + 1)]
        whole = self.embeddings(pixels[None])[0]
        sums, counts = numpy.zeros((len(texts), cells, cells)), numpy.zeros((cells, cells))
        for top in range(1 - window, cells):
            for left in range(1 - window, cells):
                rows = slice(max(top, 0), min(top + window, cells))
                columns = slice(max(left, 0), min(left + window, cells))
                covered = pixels.clone()
                covered[:, edges[rows.start]:edges[rows.stop],
                        edges[columns.start]:edges[columns.stop]] = mean
                fall = whole - self.embeddings(covered[None])[0]
                falls = 100 * (texts - neutral) @ fall
                sums[:, rows, columns] += falls.numpy()[:, None, None]
                counts[rows, columns] += 1
        return sums / counts


class AgainstPyTorch(unittest.TestCase):
    def check(self, model, image):
        reference = Reference(model)
        texts = embedded_texts(model, PROMPTS)
        result = explain(image, *PROMPTS, "--model", model, "--method", "patches")
        expected = reference.by_patches(image, texts)
        self.assertEqual(result["cells"], expected.shape[-1])
        self.assertLess(numpy.abs(grids(result) - expected).max(), 1e-3)
        self.assertGreater(numpy.abs(expected).max(), 0.05, "too little to tell")

        result = explain(image, *PROMPTS, "--model", model, "--method", "occlusion", "--cells", 5)
        expected = reference.by_occlusion(image, texts, neutral_text(model), 5, 2)
        self.assertLess(numpy.abs(grids(result) - expected).max(), 2e-3)
        self.assertGreater(numpy.abs(expected).max(), 0.05, "too little to tell")
        scores = json_lines(run("score", image, *PROMPTS, "--model", model, "--json").stdout)[0]
        for ours, score in zip(result["explanations"], scores["scores"]):
            self.assertAlmostEqual(ours["score"], score["score"], places=3)

    def test_demo(self):
        self.check(DEMO_MODEL, CAT)

    def test_tiny(self):
        self.check(TINY, CAT)

    def test_other_engines_cover_the_same(self):
        native = grids(explain(CAT, *PROMPTS, "--model", TINY, "--method", "occlusion"))
        for engine in ("libtorch", "torchscript"):
            done = explain(CAT, *PROMPTS, "--model", TINY, "--engine", engine)
            self.assertEqual(done["method"], "occlusion")
            self.assertLess(numpy.abs(grids(done) - native).max(), 5e-3, engine)

    def test_resnet(self):
        reference = Reference(RESNET)
        result = explain(CAT, *PROMPTS, "--model", RESNET, "--cells", 4)
        self.assertEqual(result["method"], "occlusion")
        expected = reference.by_occlusion(CAT, embedded_texts(RESNET, PROMPTS),
                                          neutral_text(RESNET), 4, 2)
        self.assertLess(numpy.abs(grids(result) - expected).max(), 2e-3)


class Folder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()


class Places(Folder):
    """Where a grid lies in the image."""

    def wide(self, at):
        """A white image of 600 x 200 pixels with the cat at (at, 50), 100 pixels a side."""
        path = self.folder / f"wide-{at}.png"
        image = Image.new("RGB", (600, 200), "white")
        image.paste(Image.open(CAT).convert("RGB").resize((100, 100)), (at, 50))
        image.save(path)
        return path

    def test_the_middle_of_a_wide_image(self):
        for method in ("occlusion", "patches"):
            for at in (200, 250, 300):
                done = run("explain", self.wide(at), "a photo of a cat", "--json", "--method", method)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("the middle 200 x 200 of 600 x 200 pixels", done.stderr)
                result = json.loads(done.stdout)
                self.assertEqual([result["width"], result["height"]], [600, 200])
                self.assertEqual(result["frame"],
                                 {"left": 200, "top": 0, "width": 200, "height": 200})
                found = result["explanations"][0]["max"]
                self.assertTrue(at <= found["x"] <= at + 100, (method, at, found))
                self.assertTrue(50 <= found["y"] <= 150, (method, at, found))
                grid = result["explanations"][0]["grid"]
                self.assertEqual(found["fall"], grid[found["row"]][found["column"]])
                self.assertEqual(found["fall"], max(map(max, grid)))

    def test_what_lies_outside_changes_nothing(self):
        """The same within the crop, with another image beside it."""
        path = self.wide(250)
        changed = self.folder / "changed.png"
        image = Image.open(path)
        image.paste((255, 0, 0), (0, 0, 150, 200))
        image.save(changed)
        one, other = (explain(each, "a cat", "--method", "patches") for each in (path, changed))
        self.assertLess(numpy.abs(grids(one) - grids(other)).max(), 1e-6)

    def test_exif(self):
        """The upright image counts, or with --ignore-exif the one that is stored."""
        path = self.folder / "turned.jpg"
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.open(self.wide(250)).save(path, exif=exif, quality=95)
        result = explain(path, "a cat", "-q")
        self.assertEqual([result["width"], result["height"]], [200, 600])
        self.assertEqual(result["frame"], {"left": 0, "top": 200, "width": 200, "height": 200})
        result = explain(path, "a cat", "--ignore-exif")
        self.assertEqual([result["width"], result["height"]], [600, 200])

    def model(self, resize):
        config = Config(64, 64, 128, 128, 2, patch=16, vision_layers=2, resize=resize)
        folder = self.folder / resize
        if not folder.exists():
            write_model(randomize(from_config(config), seed=3), config, folder)
        return folder

    def test_a_model_that_squashes(self):
        done = run("explain", self.wide(250), "a cat", "--json", "--model", self.model("squash"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("middle", done.stderr)
        result = json.loads(done.stdout)
        self.assertEqual(result["frame"], {"left": 0, "top": 0, "width": 600, "height": 200})
        self.assertTrue(numpy.isfinite(grids(result)).all())

    def test_a_model_that_pads(self):
        """A third of the input is the image; cells that show none of it have no number."""
        model = self.model("longest")
        for cells, options in ((8, ["--cells", 8]), (4, ["--method", "patches"])):
            result = explain(self.wide(250), "a cat", "--model", model, *options)
            self.assertEqual(result["frame"]["left"], 0)
            self.assertEqual(result["frame"]["width"], 600)
            self.assertLess(result["frame"]["top"], -190)
            shown = numpy.isfinite(grids(result))[0]
            # 21 of 64 pixels, from the 22nd on.
            rows = [row * 64 / cells < 42 and (row + 1) * 64 / cells > 21 for row in range(cells)]
            self.assertEqual(shown.all(axis=1).tolist(), rows)
            self.assertEqual(shown.any(axis=1).tolist(), rows)
            at = result["explanations"][0]["max"]
            if at is not None:
                self.assertTrue(0 <= at["y"] <= 200)


class Drawn(Folder):
    def drawn(self, image, *arguments, name="heat.png"):
        path = self.folder / name
        done = run("explain", image, *arguments, "--output", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        return Image.open(path).convert("RGB")

    def test_side_by_side(self):
        one = self.drawn(CAT, "a photo of a cat")
        two = self.drawn(CAT, "a photo of a cat", "a photo of a dog", name="heat.JPG")
        self.assertEqual((self.folder / "heat.JPG").read_bytes()[:2], b"\xff\xd8")
        self.assertEqual((self.folder / "heat.png").read_bytes()[:4], b"\x89PNG")
        self.assertEqual(one.height, two.height)
        self.assertEqual(one.width, 2 * (two.width - one.width) + 16)
        many = self.drawn(CAT, *["a cat"] * 9)
        self.assertGreater(many.height, 2 * one.height)

    def test_duplicates_are_drawn_alike(self):
        image = self.drawn(CAT, "a cat", "a cat")
        pitch = (image.width - 16) // 3
        first, second = (image.crop((16 + i * pitch, 0, (i + 1) * pitch, image.height))
                         for i in (1, 2))
        self.assertEqual(first.tobytes(), second.tobytes())

    def test_heat_lies_on_what_counts_and_the_outside_is_dark(self):
        wide = self.folder / "wide.png"
        image = Image.new("RGB", (600, 200), (200, 200, 200))
        image.paste(Image.open(CAT).convert("RGB").resize((100, 100)), (300, 50))
        image.save(wide)
        drawn = numpy.asarray(self.drawn(wide, "a photo of a cat"), float)
        # The image at its own size, then the same under heat.
        plain, heat = drawn[16:216, 16:616], drawn[16:216, 632:1232]
        self.assertLess(numpy.abs(plain - numpy.asarray(image, float)).max(), 2)
        for outside in (slice(0, 199), slice(401, 600)):
            self.assertLess(numpy.abs(heat[:, outside] - 70).max(), 2)
        changed = numpy.abs(heat - plain).sum(axis=2)
        self.assertGreater(changed[50:150, 300:400].mean(), 2 * changed[:, 201:260].mean())

    def test_opencv_only_where_something_is_drawn(self):
        loaded = {"LD_DEBUG": "files"}
        done = run("explain", CAT, "a cat", "--json", environment=loaded)
        self.assertNotIn("libopencv", done.stderr)
        done = run("explain", CAT, "a cat", "-o", self.folder / "a.png", environment=loaded)
        self.assertIn("libopencv_imgproc", done.stderr)

    def test_text(self):
        done = run("explain", CAT, "a photo of a cat", "tab\there")
        self.assertEqual(done.returncode, 0)
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], r"^ +[\d.]+ +\d+,\d+  a photo of a cat$")
        grid = json.loads(run("explain", CAT, "a cat", "--json").stdout)["cells"]
        self.assertEqual(len(lines), 2 * (1 + grid))
        self.assertIn("██", done.stdout)
        self.assertIn("tab\\there", done.stdout)
        done = run("explain", CAT, "a cat", "--output", self.folder / "text.png")
        self.assertEqual(len(done.stdout.splitlines()), 1)


class Hostile(Folder):
    def test_odd_sizes(self):
        for width, height in ((1, 1), (2, 1), (1, 700), (4000, 1), (3, 2000)):
            path = self.folder / f"{width}x{height}.png"
            Image.effect_noise((width, height), 90).convert("RGB").save(path)
            for method in ("occlusion", "patches"):
                with self.subTest(size=(width, height), method=method):
                    result = explain(path, "a cat", "--method", method,
                                     "--output", self.folder / "odd.png")
                    for each in result["explanations"]:
                        at = each["max"] or {"x": 0, "y": 0}
                        self.assertTrue(0 <= at["x"] <= width and 0 <= at["y"] <= height)
                    Image.open(self.folder / "odd.png").load()

    def test_modes(self):
        for mode in ("1", "L", "LA", "P", "RGBA", "I;16"):
            path = self.folder / "mode.png"
            image = Image.open(CAT).convert("RGB")
            image = image.convert("L").convert("I").point(lambda v: 256 * v).convert("I;16") \
                if mode == "I;16" else image.convert(mode)
            image.save(path)
            with self.subTest(mode=mode):
                explain(path, "a cat", "-o", self.folder / "mode-heat.png")
                Image.open(self.folder / "mode-heat.png").load()

    def test_images_that_cannot_be_used(self):
        broken = self.folder / "broken.png"
        broken.write_bytes(CAT.read_bytes()[:4000])
        earlier = self.folder / "earlier.png"
        earlier.write_bytes(b"as it was")
        for bad in (broken, self.folder / "missing.png", ROOT / "README.md", Path("/dev/null")):
            with self.subTest(image=bad.name):
                done = run("explain", bad, "a cat", "--json", "--output", earlier)
                self.assertEqual(done.returncode, 1)
                result = json.loads(done.stdout)
                self.assertEqual(list(result), ["image", "model", "error"])
                self.assertEqual(result["error"]["code"], "bad_image")
                self.assertIn(bad.name, done.stderr)
                self.assertEqual(earlier.read_bytes(), b"as it was")
        self.assertEqual(run("explain", broken, "a cat").stdout, "")
        self.assertEqual([path.name for path in self.folder.glob("*part*")], [])

    def test_bad_usage(self):
        for arguments, words in (
                ([CAT, "a cat", "-o", "heat.gif"], "ends in .png or .jpg"),
                ([CAT, "a cat", "-o", "heat"], "ends in .png or .jpg"),
                ([DEMO, "a cat"], "is a folder"),
                ([CAT, DEMO / "dog.png", "a cat"], "takes one image"),
                ([CAT], "TEXT"),
                ([], "IMAGE"),
                ([CAT, "a cat", "--method", "gradients"], "gradients"),
                ([CAT, "a cat", "--cells", "0"], "--cells"),
                ([CAT, "a cat", "--cells", "8", "--method", "patches"], "--cells"),
                ([CAT, *["a cat"] * 65, "-o", self.folder / "a.png"], "at most 64"),
                ([CAT, "a cat", "--fast-decode"], "--fast-decode")):
            done = run("explain", *arguments)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(words, done.stderr)
        self.assertFalse(Path("heat").exists())

    def test_patches_where_there_are_none(self):
        for model, engine in ((RESNET, "auto"), (TINY, "libtorch"), (TINY, "torchscript")):
            done = run("explain", CAT, "a cat", "--model", model, "--engine", engine,
                       "--method", "patches")
            self.assertEqual(done.returncode, 1)
            self.assertIn("explain by occlusion", done.stderr)

    def test_output_that_cannot_be_written(self):
        full = self.folder / "full.png"
        full.symlink_to("/dev/full")
        folder = self.folder / "folder.png"
        folder.mkdir()
        for path in (full, folder, self.folder / "missing" / "heat.png"):
            done = run("explain", CAT, "a cat", "-o", path)
            self.assertEqual(done.returncode, 1, path)
            self.assertIn(path.name, done.stderr)
        self.assertEqual([path.name for path in self.folder.glob("*part*")], [])

    def test_closed_standard_output(self):
        heat = self.folder / "closed.png"
        done = subprocess.run(["sh", "-c", '"$0" explain "$@" >&-', BINARY, CAT, "a cat",
                               "-o", heat, "--model", DEMO_MODEL],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output", done.stderr)
        Image.open(heat).load()

    def test_bytes_that_are_no_text(self):
        path = os.fsencode(self.folder) + b"/\xff.png"
        Path(os.fsdecode(path)).write_bytes(CAT.read_bytes())
        done = subprocess.run([BINARY, "explain", path, b"a cat \xff", "--json", "--model",
                               DEMO_MODEL],
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)
        self.assertEqual(bytes.fromhex(result["image_hex"]), path)
        self.assertEqual(result["explanations"][0]["text"], "a cat \ufffd")
        self.assertIn(b"not UTF-8", done.stderr)

    def test_standard_input_and_urls(self):
        file = explain(CAT, "a cat")
        done = subprocess.run([BINARY, "explain", "-", "a cat", "--json", "--model", DEMO_MODEL],
                              input=CAT.read_bytes(), capture_output=True, check=True)
        piped = json.loads(done.stdout)
        self.assertEqual(piped["explanations"], file["explanations"])
        self.assertEqual(explain(f"file://{CAT}", "a cat")["explanations"], file["explanations"])
        done = subprocess.run([BINARY, "explain", "-", "a cat", "--model", DEMO_MODEL], input=b"", capture_output=True,
                              check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"empty", done.stderr)

    def test_embeddings_that_are_no_numbers(self):
        moody = self.folder / "moody.pt"
        odd_models.save_moody(moody)
        white = self.folder / "white.png"
        Image.new("RGB", (64, 64), "white").save(white)
        done = run("explain", white, "a cat", "--model", moody, "--engine", "torchscript")
        self.assertEqual(done.returncode, 1)
        self.assertIn("length nan", done.stderr)
        result = explain(CAT, "a cat", "--model", moody, "--engine", "torchscript")
        self.assertTrue(numpy.isfinite(grids(result)).all())
        damaged = self.folder / "damaged.pt"
        odd_models.save_random(damaged, damaged="visual.proj")
        for method in ("occlusion", "patches"):
            done = run("explain", CAT, "a cat", "--model", damaged, "--method", method)
            self.assertEqual(done.returncode, 1)
            self.assertIn("NaN", done.stderr)

    def test_precisions(self):
        whole = grids(explain(CAT, *PROMPTS, "--method", "patches"))
        for precision in ("bf16", "int8"):
            done = run("explain", CAT, *PROMPTS, "--json", "--method", "patches",
                       "--precision", precision)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("compared in fp32", done.stderr)
            self.assertLess(numpy.abs(grids(json.loads(done.stdout)) - whole).max(), 1e-3)
            covered = explain(CAT, *PROMPTS, "--method", "occlusion", "--precision", precision)
            self.assertTrue(numpy.isfinite(grids(covered)).all())


class Classify(Folder):
    def test_report(self):
        images = self.folder / "images"
        images.mkdir()
        (images / "cat.png").write_bytes(CAT.read_bytes())
        draw(images / "other.png", 3)
        (images / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        pages = []
        for options in ([], ["--explain"]):
            page = self.folder / f"report{len(pages)}.html"
            done = run("classify", images, "--labels", "cat,dog", "--json", "--report", page, *options)
            self.assertEqual(done.returncode, 1, done.stderr)
            pages.append((done.stdout, page.read_text()))
        self.assertEqual(pages[0][0], pages[1][0])  # results are the same
        plain, explained = ({image["image"]: image for image in self.images_of(page)}
                            for _, page in pages)
        self.assertEqual(list(plain), list(explained))
        for name, image in plain.items():
            if "error" in image:
                self.assertEqual(image, explained[name])
                continue
            alone, both = (numpy.asarray(Image.open(io.BytesIO(base64.b64decode(
                each["thumbnail"]))).convert("RGB"), float) for each in (image, explained[name]))
            # The thumbnail, and beside it the same under heat.
            height, width, _ = alone.shape
            self.assertEqual(both.shape, (height, 2 * width + 4, 3))
            left, right = both[:, :width], both[:, width + 4:]
            self.assertLess(numpy.abs(left - alone).mean(), 8)
            self.assertGreater(numpy.abs(right - alone).max(), 60)
            self.assertGreater(numpy.abs(right - alone).mean(), 2 * numpy.abs(left - alone).mean())

    @staticmethod
    def images_of(page):
        begin = page.index("id=\"images\">") + len("id=\"images\">")
        return json.loads(page[begin:page.index("</script>", begin)])

    def test_other_precisions_are_explained_by_occlusion(self):
        """As an engine that has no patches is: the heat is that, and not that of patches."""
        def heat(*options):
            page = self.folder / "page.html"
            done = run("classify", CAT, "--labels", "cat,dog", "--json", "--report", page,
                       "--explain", *options)
            self.assertEqual(done.returncode, 0, done.stderr)
            image, = self.images_of(page.read_text())
            both = Image.open(io.BytesIO(base64.b64decode(image["thumbnail"]))).convert("RGB")
            return numpy.asarray(both, float)[:, both.width // 2 + 2:]

        patches, occlusion, int8 = (heat(*options) for options in (
            [], ["--engine", "libtorch"], ["--precision", "int8"]))
        self.assertLess(numpy.abs(int8 - occlusion).mean(),
                        0.3 * numpy.abs(int8 - patches).mean())

    def test_without_report(self):
        done = run("classify", CAT, "--labels", "cat,dog", "--explain")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--report", done.stderr)


class PointingGame(Folder):
    def test_twenty_scenes(self):
        """Both methods point far oftener at what is named than chance does."""
        done = subprocess.run(
            [sys.executable, ROOT / "scripts/pointing_game", "--scenes", "20", "--styles", "noto",
             "--json", "--cache", self.folder, "--clip-cli", BINARY],
            capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        self.assertLess(found["chance"], 0.2)
        self.assertLess(found["middle"], 0.3)
        self.assertEqual(len(found["methods"]), 2)
        for method, shares in found["methods"].items():
            self.assertGreaterEqual(shares["own"], 0.55, method)
            self.assertGreaterEqual(shares["own"], 2 * shares["other"], method)


if __name__ == "__main__":
    unittest.main()
