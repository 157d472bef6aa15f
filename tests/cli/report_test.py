"""--report: the page that commands write, opened in headless Chromium."""

import base64
import io
import re
import shutil
import tempfile
import unittest
from collections import Counter
from pathlib import Path

from common import MODELS, ROOT, json_lines, need, run
from images import draw
from report_page import open_report

need("PIL")
from PIL import Image  # noqa: E402 (after the check that it is there)

DEMO = ROOT / "data/demo"
TINY = MODELS / "published-tiny.pt"
LABELS = ["salt, pepper", 'a "quoted" one', "tab\there", "🐈 cat", "<script>alert(1)</script>",
          "</script><b>bold</b>", "plain"]


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        images = cls.folder / "images"
        images.mkdir()
        for i in range(60):
            # The model's weights are random: it tells images apart, but not by what labels mean.
            draw(images / f"{i:02d} <i>&'\".png", i)
        (images / "broken <b>.jpg").write_text("no image")
        Image.new("RGB", (1200, 600), (255, 0, 0)).save(images / "wide.png")
        cls.report = cls.folder / "report.html"
        labels = ",".join('"' + label.replace('"', '""') + '"' for label in LABELS)
        done = run("classify", "--model", TINY, "--json", "--labels", labels, "--threshold", 0.3,
                   "--template", "{}",
                   "--report", cls.report, images)
        assert done.returncode == 1, done.stderr
        cls.results = json_lines(done.stdout)
        cls.counts = Counter(result["label"] for result in cls.results if "label" in result)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def test_filtered_by_a_label_it_shows_that_label_s_thumbnails(self):
        self.assertGreaterEqual(len(self.counts), 3, "too few labels to tell")
        with open_report(self.report) as page:
            self.assertEqual(page.total(), 62)
            self.assertEqual(page.thumbnails(), 61)
            for label, count in self.counts.items():
                if label == "unknown":
                    page.choose_group("unknown")
                else:
                    page.choose_label(label)
                self.assertEqual(page.thumbnails(), count, label)
                self.assertEqual(page.shown(), count)
            page.choose_group("error")
            self.assertEqual((page.shown(), page.thumbnails()), (1, 0))
            page.choose_all()
            page.set_confidence(80, 100)
            confident = sum(result.get("probability", 0) >= 0.8 for result in self.results)
            self.assertEqual(page.thumbnails(), confident)
            self.assertEqual(page.errors(), [])
            self.assertEqual(page.requests(), [])

    def test_names_labels_and_rankings_are_those_of_the_results(self):
        with open_report(self.report) as page:
            shown = {image["path"]: image for image in page.images()}
            self.assertEqual(len(shown), 62)
            for result in self.results:
                image = shown[result["image"]]
                if "error" in result:
                    self.assertEqual((image["error"], image["message"]),
                                     (result["error"]["code"], result["error"]["message"]))
                    continue
                self.assertEqual(image["href"], Path(result["image"]).resolve().as_uri())
                top = result["ranking"][0]
                self.assertEqual(image["ranking"][0][0], top["label"])
                percent = float(re.sub(r"[^\d.]", "", image["ranking"][0][1]))
                self.assertAlmostEqual(percent, 100 * top["probability"], delta=0.051)
            self.assertEqual(page.errors(), [])

    def test_thumbnails_are_small_copies(self):
        text = self.report.read_text()
        thumbnails = re.findall(r'"thumbnail":"([^"]+)"', text)
        self.assertEqual(len(thumbnails), 61)
        for thumbnail in thumbnails:
            image = Image.open(io.BytesIO(base64.b64decode(thumbnail, validate=True)))
            self.assertEqual(image.format, "JPEG")
            self.assertLessEqual(max(image.size), 192)
        wide = Image.open(io.BytesIO(base64.b64decode(thumbnails[-1])))
        self.assertEqual(wide.size, (192, 96))
        red, green, blue = wide.convert("RGB").getpixel((90, 50))
        self.assertTrue(red > 240 and green < 15 and blue < 15)
        self.assertNotIn("<script>alert", text)


class OtherCommands(unittest.TestCase):
    """score and evaluate write the page from results of their own shape."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.report = self.folder / "report.html"
        for label in ("cat", "dog", "car"):
            (self.folder / "set" / label).mkdir(parents=True)
            shutil.copy(DEMO / f"{label}.png", self.folder / "set" / label)
        (self.folder / "set/car/broken.png").write_text("no image")

    def check_page(self, noun, labels, results):
        with open_report(self.report) as page:
            self.assertEqual(page.title(), f"4 images, 3 {noun}s")
            self.assertEqual((page.total(), page.thumbnails()), (4, 3))
            self.assertEqual({(image["name"], image["label"]) for image in page.images()},
                             {("broken.png", None), *labels.items()})
            for image in page.images():
                if image["error"]:
                    self.assertEqual(image["error"], "bad_image")
                    self.assertIn("unsupported image format", image["message"])
                    continue
                chances = [float(chance.split()[0]) for _, chance in image["ranking"]]
                self.assertEqual(chances, sorted(chances, reverse=True))
                self.assertEqual(len(chances), 3)
                if results:
                    probability = max(pair["probability"] for pair in results[image["path"]])
                    self.assertAlmostEqual(chances[0], 100 * probability, delta=0.051)
            self.assertEqual(page.errors(), [])

    def test_score(self):
        prompts = ["a photo of a dog", "a photo of a car", "a photo of a cat"]
        done = run("score", "--model", "demo", "--json", "--report", self.report,
                   self.folder / "set", *prompts)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.check_page("prompt", {f"{label}.png": f"a photo of a {label}"
                                   for label in ("cat", "dog", "car")},
                        {result["image"]: result["scores"] for result in json_lines(done.stdout)
                         if "scores" in result})

    def test_output_may_be_the_page(self):
        done = run("score", "--model", "demo", "-o", self.report, self.folder / "set",
                   "a photo of a dog", "a photo of a cat")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("</html>", self.report.read_text())

    def test_evaluate(self):
        done = run("evaluate", "--model", "demo", "--report", self.report, self.folder / "set")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.check_page("label", {f"{label}.png": label for label in ("cat", "dog", "car")}, None)


if __name__ == "__main__":
    unittest.main()
