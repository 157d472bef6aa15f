"""The page of classified images, filled as clip-cli fills it, and used in headless Chromium."""

import base64
import colorsys
import io
import json
import random
import tempfile
import time
import unittest
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from common import ROOT, need
from report_page import open_report

need("PIL")
from PIL import Image, ImageDraw  # noqa: E402 (after the check that it is there)
from selenium.webdriver.common.keys import Keys  # noqa: E402 (report_page checks)

TEMPLATE = (ROOT / "data/report/report.html").read_text(encoding="utf-8")
MARKER = "<!--CLIP_DATA-->"
THRESHOLD = 0.2

# Labels as they come from files and from people; the names of the special groups among them.
LABELS = [
    "cat", "dog", "<script>alert(1)</script>", "</script><img src=x onerror=alert(2)>",
    "<!-- <script>", 'a,b"c', "tab\there", " two  spaces ", "\U0001f408 emoji",
    "\u0642\u0637\u0629 \u0646\u0627\u0626\u0645\u0629", "\u202eright to left", "very long " * 300,
    "unknown", "could not be used", "error", "label:cat", "&lt;b&gt;", "__proto__", "%41&min=90",
]
UNUSED = "never seen"
SIZES = [(192, 128), (128, 192), (192, 192), (192, 40), (24, 24)]


def thumbnail(hue, size):
    """A small JPEG, as base64: a disc of the hue in noise, for as many bytes as a photograph's."""
    image = Image.effect_noise(size, 50).convert("RGB")
    radius = min(size) * 0.4
    x, y = size[0] / 2, size[1] / 2
    ImageDraw.Draw(image).ellipse((x - radius, y - radius, x + radius, y + radius),
                                    fill=colour(hue))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=80)
    return base64.b64encode(data.getvalue()).decode()


def colour(hue):
    return tuple(int(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.6, 0.7))


def as_json(value):
    """One line of JSON in which nothing can end a script element."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def element(name, text):
    return f'<script type="application/json" id="{name}">{text}</script>'


def write_page(path, images, labels=(), threshold=0, interrupted=False, model="ViT-B/32",
               template=TEMPLATE, noun="label"):
    """Writes a page with these images in it, as clip-cli does."""
    run = {"model": model, "version": "0.1.0", "created": "2026-11-24T13:00:00Z",
           "labels": list(labels), "threshold": threshold}
    failed = sum("error" in image for image in images)
    summary = {"images": len(images), "failed": failed, "seconds": 12.34,
               "interrupted": interrupted, "noun": noun}
    before, after = template.split(MARKER)
    with open(path, "w", encoding="utf-8") as page:
        page.write(before)
        page.write(element("run", as_json(run)) + "\n")
        listed = ",\n".join(map(as_json, images))
        page.write(element("images", f"[\n{listed}\n]") + "\n")
        page.write(element("summary", as_json(summary)))
        page.write(after)


def classified(name, label, probability, ranking=None, folder="photos/", jpeg=None):
    """An image's entry; label is None where no label reached the threshold."""
    others = [["dog", (1 - probability) * 0.6], ["cat", (1 - probability) * 0.3]]
    head = "cat" if label is None else label
    return {"image": f"{folder}{name}", "href": f"file:///home/me/{folder}{name}",
            "thumbnail": jpeg or thumbnail(0.1, SIZES[0]),
            "label": "unknown" if label is None else label,
            "probability": probability, "ranking": ranking or [[head, probability]] + others}


def failure(name, message):
    return {"image": f"photos/{name}", "error": {"code": "bad_image", "message": message}}


def hostile_images():
    """Of each label more images than of the one after it; five that are unknown; failures."""
    numbers = random.Random(1)
    images = []
    for i, label in enumerate(LABELS):
        for _ in range(len(LABELS) - i + 1):
            name = f"IMG_{len(images):04}.jpg"
            jpeg = thumbnail(i / len(LABELS), SIZES[len(images) % len(SIZES)])
            images.append(classified(name, label, round(numbers.uniform(0.21, 0.999), 4),
                                       jpeg=jpeg))
    images += [classified(f"dim{i}.png", None, 0.05 + 0.01 * i) for i in range(5)]
    images += [classified("<i>Ma\u0301laga & \"sun\".jpg", "cat", 0.6, folder="a/<b>/")]
    images += [failure("cut.jpg", "cannot use photos/cut.jpg: it is cut short"),
                 failure("<b>.jpg", "cannot use <img src=x onerror=alert(3)>: \"no\" such file")]
    images += [failure(f"long{i}.jpg", "it is what it is, " * 200) for i in range(5)]
    numbers.shuffle(images)
    return images


def percent(probability):
    """As JavaScript's toFixed rounds, which Python does not: halves up."""
    return f"{Decimal(100 * probability).quantize(Decimal('0.1'), ROUND_HALF_UP)} %"


class Page(unittest.TestCase):
    """A browser with one page for a class's tests; each begins with no filter."""

    @classmethod
    def open(cls, images, width=1280, height=900, **arguments):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.path = Path(folder) / "report of a run, #1 (100%).html"
        cls.images = images
        write_page(cls.path, images, **arguments)
        cls.page = cls.enterClassContext(open_report(cls.path, width=width, height=height))

    def setUp(self):
        self.page.reopen()

    def tearDown(self):
        self.assertEqual(self.page.errors(), [])
        self.assertEqual(self.page.requests(), [])

    def check_shown(self, expected):
        """The page shows these images, in any order, and says how many they are."""
        shown = self.page.images()
        self.assertEqual(sorted(card["path"] for card in shown),
                         sorted(image["image"] for image in expected))
        self.assertEqual(self.page.shown(), len(expected))
        self.assertEqual(self.page.thumbnails(), sum("error" not in one for one in expected))


class HostileLabels(Page):
    @classmethod
    def setUpClass(cls):
        cls.open(hostile_images(), labels=LABELS + [UNUSED], threshold=THRESHOLD)
        cls.used = [one for one in cls.images if "error" not in one]

    def of_label(self, label):
        return [one for one in self.used if one["ranking"][0][0] == label
                and one["probability"] >= THRESHOLD]

    def test_groups_are_in_order_and_count_their_images(self):
        groups = self.page.groups()
        counts = [group["images"] for group in groups]
        self.assertEqual([group["count"] for group in groups], [str(count) for count in counts])
        self.assertEqual(sum(counts), len(self.images))
        labels = [group["label"] for group in groups if group["kind"] == "label"]
        self.assertEqual(labels, LABELS)
        self.assertEqual(counts[:-1], sorted(counts[:-1], reverse=True))
        self.assertEqual([group["kind"] for group in groups if group["kind"] != "label"],
                         ["unknown", "error"])
        self.assertEqual(groups[-1]["kind"], "error")
        self.assertEqual(self.page.total(), len(self.images))
        self.check_shown(self.images)

    def test_images_are_sorted_by_probability_each_with_its_ranking(self):
        shown = self.page.images()
        by_path = {one["image"]: one for one in self.images}
        for kind, label in [("label", label) for label in LABELS] + [("unknown", "unknown")]:
            cards = [card for card in shown if (card["kind"], card["label"]) == (kind, label)]
            entries = [by_path[card["path"]] for card in cards]
            self.assertGreater(len(entries), 1)
            chances = [entry["probability"] for entry in entries]
            self.assertEqual(chances, sorted(chances, reverse=True))
            for card, entry in zip(cards, entries):
                self.assertEqual(card["ranking"],
                                 [[name, percent(part)] for name, part in entry["ranking"]])
                self.assertEqual(card["name"], entry["image"].rsplit("/", 1)[1])
                self.assertEqual(card["href"], entry["href"])

    def test_filter_by_label(self):
        for label in LABELS:
            with self.subTest(label=label[:40]):
                self.page.choose_label(label)
                self.check_shown(self.of_label(label))
                self.assertEqual([group["label"] for group in self.page.groups()], [label])
        self.page.choose_group("unknown")
        self.check_shown([one for one in self.used if one["probability"] < THRESHOLD])
        self.page.choose_group("error")
        self.check_shown([one for one in self.images if "error" in one])
        self.page.choose_all()
        self.check_shown(self.images)

    def test_the_filter_offers_each_label_with_its_count(self):
        offered = self.page.options()
        self.assertEqual(len(offered), 1 + len(LABELS) + 2)
        for label in LABELS:
            texts = [text for value, text in offered if value == f"label:{label}"]
            self.assertEqual(len(texts), 1, label)
            self.assertRegex(texts[0], rf"\b{len(self.of_label(label))}\Z")

    def test_labels_in_the_header_choose_and_leave(self):
        button = self.page.element("#labels button")
        self.assertEqual(button.get_attribute("title"), "cat")
        button.click()
        self.check_shown(self.of_label("cat"))
        self.assertEqual(button.get_attribute("aria-pressed"), "true")
        button.click()
        self.check_shown(self.images)
        unused = self.page.element(f"#labels button[title='{UNUSED}']")
        self.assertFalse(unused.is_enabled())

    def test_filter_by_confidence(self):
        for minimum, maximum in ((50, None), (None, 50), (30, 70), (99, 100), (0, 100)):
            self.page.set_confidence(minimum, maximum)
            low, high = minimum or 0, maximum or 100
            if (low, high) == (0, 100):
                self.check_shown(self.images)
                continue
            self.check_shown([one for one in self.used
                              if low / 100 <= one["probability"] <= high / 100])
            self.assertEqual(self.page.confidence(), f"{low} to {high} %")
            self.page.clear()

    def test_one_slider_takes_the_other_along(self):
        self.page.set_confidence(minimum=40, maximum=60)
        self.page.set_confidence(minimum=80)
        self.assertEqual(self.page.confidence(), "80 to 80 %")
        self.page.set_confidence(maximum=30)
        self.assertEqual(self.page.confidence(), "30 to 30 %")

    def test_sliders_follow_the_keyboard(self):
        self.page.element("#min-confidence").send_keys(Keys.END, Keys.PAGE_DOWN, Keys.ARROW_RIGHT)
        self.assertEqual(self.page.confidence(), "91 to 100 %")
        self.check_shown([one for one in self.used if one["probability"] >= 0.91])

    def test_search_in_names(self):
        self.page.search("img_00")
        self.check_shown([one for one in self.images if "IMG_00" in one["image"]])
        self.page.search("<B>")  # in folders and failures too, whatever the case
        self.check_shown([one for one in self.images if "<b>" in one["image"]])
        self.page.search("m\u00e1laga")  # composed, where the name's is decomposed
        self.assertEqual(self.page.shown(), 1)

    def test_filters_add_up_and_are_cleared(self):
        self.page.choose_label("dog")
        self.page.set_confidence(minimum=50)
        self.page.search("1")
        expected = [one for one in self.of_label("dog")
                    if one["probability"] >= 0.5 and "1" in one["image"]]
        self.assertGreater(len(expected), 0)
        self.check_shown(expected)
        self.assertIn(f"{len(expected)} of {len(self.of_label('dog'))}",
                      self.page.groups()[0]["count"])
        self.page.search("no such name")
        self.check_shown([])
        self.assertEqual(self.page.empty(), "No image passes these filters.")
        self.page.clear()
        self.check_shown(self.images)
        self.assertEqual(self.page.empty(), "")

    def test_a_view_can_be_linked_to(self):
        for label in LABELS:
            self.page.choose_all()
            self.page.wait(lambda: self.page.fragment() == "")
            self.page.choose_label(label)
            self.page.wait(lambda: self.page.fragment() != "")
            self.page.reopen(self.page.fragment())
            self.assertEqual([group["label"] for group in self.page.groups()], [label])
        self.page.choose_label("dog")
        self.page.set_confidence(minimum=40, maximum=90)
        self.page.search("g_00 &")
        self.page.wait(lambda: self.page.fragment() == "label=dog&min=40&max=90&name=g_00+%26")
        self.page.reopen("label=dog&min=40&max=90&name=g_00")
        self.assertEqual(self.page.confidence(), "40 to 90 %")
        self.check_shown([one for one in self.of_label("dog") if "IMG_00" in one["image"]
                          and 0.4 <= one["probability"] <= 0.9])

    def test_fragments_that_mean_nothing_filter_nothing(self):
        for fragment in ("label=no+such+label", "group=cat", "min=-1&max=1000", "min=x", "%&&="):
            self.page.reopen(fragment)
            self.check_shown(self.images)

    def test_hostile_text_is_text(self):
        # An alert would stop every call; elements would have been made of tags.
        self.assertEqual(self.page.run("return document.querySelectorAll("
                                       "'main script, main b b, main i, [onerror], [src=x]')"
                                       ".length"), 0)
        headings = [heading.text for heading in self.page.elements("h2 .cut")]
        for label in LABELS[2:6]:
            self.assertIn(label, headings)
        names = [card["name"] for card in self.page.images()]
        self.assertIn("<i>Ma\u0301laga & \"sun\".jpg", names)

    def test_images_with_errors(self):
        self.page.choose_group("error")
        cards = self.page.images()
        failed = [one for one in self.images if "error" in one]
        self.assertEqual([(card["path"], card["error"], card["message"]) for card in cards],
                         [(one["image"], one["error"]["code"], one["error"]["message"])
                          for one in failed])
        for card in cards:
            self.assertFalse(card["thumbnail"])
            self.assertIsNone(card["label"])
        # They have no confidence, so any range leaves them out.
        self.page.set_confidence(minimum=1)
        self.check_shown([])

    def test_thumbnails_are_decoded_when_they_are_reached(self):
        shown = [card for card in self.page.images() if card["thumbnail"]]
        by_path = {one["image"]: one for one in self.images}
        for index in (0, len(shown) // 2, len(shown) - 1):
            jpeg = base64.b64decode(by_path[shown[index]["path"]]["thumbnail"])
            self.assertEqual(self.page.loaded_size(index), Image.open(io.BytesIO(jpeg)).size)

    def test_header(self):
        self.assertEqual(self.page.title(),
                         f"{len(self.images)} images, {len(LABELS) + 1} labels")
        facts = self.page.facts()
        for fact in ("ViT-B/32", "12.3 s", "7 could not be used", "threshold 20.0 %",
                     "clip-cli 0.1.0"):
            self.assertIn(fact, facts)
        self.assertTrue(any("24 November 2026" in fact for fact in facts), facts)
        self.assertEqual(self.page.note(), "")


class History(Page):
    """With a browser of its own: when fifty steps are full, Chromium drops those of no click."""

    @classmethod
    def setUpClass(cls):
        images = [classified(f"{i}.jpg", "cat", 0.1 * i) for i in range(1, 10)]
        cls.open(images + [failure("bad.jpg", "no")], labels=["cat"])

    def check_view(self, fragment, shown):
        self.page.wait(lambda: self.page.fragment() == fragment)
        self.page.wait(lambda: self.page.shown() == shown)

    def test_back_and_forward(self):
        self.page.choose_label("cat")
        self.check_view("label=cat", 9)
        for minimum, shown in ((25, 7), (35, 6), (55, 4)):  # one step, though it moved thrice
            self.page.set_confidence(minimum=minimum)
            self.check_view(f"label=cat&min={minimum}", shown)
        self.page.choose_group("error")
        self.check_view("group=error&min=55", 0)
        self.page.clear()
        self.check_view("", 10)
        for fragment, shown in (("group=error&min=55", 0), ("label=cat&min=55", 4),
                                ("label=cat", 9), ("", 10)):
            self.page.go(-1)
            self.check_view(fragment, shown)
        self.page.go(2)
        self.check_view("label=cat&min=55", 4)
        self.assertEqual(self.page.confidence(), "55 to 100 %")


class NarrowWindow(Page):
    @classmethod
    def setUpClass(cls):
        cls.open(hostile_images(), labels=LABELS, threshold=THRESHOLD, width=360, height=740,
                 model="models/" + "long" * 100)

    def test_nothing_is_wider_than_the_window(self):
        self.assertEqual(self.page.overflow(), 0)
        self.page.choose_label(LABELS[11])
        self.assertEqual(self.page.overflow(), 0)
        self.page.choose_group("error")
        self.assertEqual(self.page.overflow(), 0)


class OtherRuns(Page):
    """Each test writes its own page over the one that is open."""

    @classmethod
    def setUpClass(cls):
        cls.open([])

    def setUp(self):
        pass  # the page is not written yet

    def rewrite(self, images, **arguments):
        write_page(self.path, images, **arguments)
        self.page.reopen()

    def test_no_images(self):
        self.rewrite([], labels=["cat"])
        self.assertEqual(self.page.title(), "0 images, 1 label")
        self.check_shown([])
        self.assertEqual(self.page.groups(), [])

    def test_prompts_are_called_prompts(self):
        self.rewrite([classified("a.jpg", "a photo of a cat", 0.9)],
                     labels=["a photo of a cat", "a photo of a dog"], noun="prompt")
        self.assertEqual(self.page.title(), "1 image, 2 prompts")

    def test_failures_alone(self):
        images = [failure("a.jpg", "cannot use photos/a.jpg: it is empty")]
        self.rewrite(images, labels=["cat"])
        self.assertEqual(self.page.title(), "1 image, 1 label")
        self.check_shown(images)

    def test_labels_of_equal_counts_are_in_the_order_of_their_names(self):
        labels = ["shelf 10", "Bee", "shelf 9", "ant"]
        images = [classified(f"{label}.jpg", label, 0.5) for label in labels]
        self.rewrite(images, labels=labels)
        self.assertEqual([group["label"] for group in self.page.groups()],
                         ["ant", "Bee", "shelf 9", "shelf 10"])

    def test_a_label_called_unknown_and_no_threshold(self):
        images = [classified("a.jpg", "unknown", 0.1), classified("b.jpg", "unknown", 0.9)]
        self.rewrite(images, labels=["unknown", "cat"])
        self.assertEqual([(group["kind"], group["label"]) for group in self.page.groups()],
                         [("label", "unknown")])

    def test_an_interrupted_run_says_so(self):
        self.rewrite([classified("a.jpg", "cat", 0.9)], labels=["cat"], interrupted=True)
        self.assertIn("interrupted", self.page.note())
        self.assertEqual(self.page.thumbnails(), 1)

    def test_long_rankings_and_many_labels_unfold(self):
        labels = [f"label {i}" for i in range(200)]
        ranking = [[label, 0.5 / 2 ** i] for i, label in enumerate(labels)]
        self.rewrite([classified("a.jpg", "label 0", 0.5, ranking)], labels=labels)
        self.assertLess(len(self.page.images()[0]["ranking"]), 10)
        self.page.element(".ranking button").click()
        self.assertEqual([row[0] for row in self.page.images()[0]["ranking"]], labels)
        self.page.element("#labels li:last-child button").click()
        self.assertEqual(self.page.run("return document.querySelectorAll('#labels li').length"),
                         len(labels))

    def test_links_lead_to_files_alone(self):
        links = ["javascript:alert(4)", "data:text/html,x", "\u0001javascript:alert(5)", "http://[",
                 "file:///home/me/%3Cb%3E.jpg"]
        images = [classified(f"{i}.jpg", "cat", 0.9 - 0.1 * i) for i in range(len(links) + 1)]
        for image, link in zip(images, links):
            image["href"] = link
        del images[-1]["href"]
        self.rewrite(images, labels=["cat"])
        self.assertEqual([card["href"] for card in self.page.images()],
                         [None, None, None, None, links[4], None])
        link = self.page.element("article.image a[href]")
        self.assertEqual(link.get_attribute("target"), "_blank")
        self.assertEqual(link.get_attribute("rel"), "noreferrer")

    def test_damaged_data_is_reported(self):
        write_page(self.path, [classified("a.jpg", "cat", 0.9)], labels=["cat"])
        text = self.path.read_text(encoding="utf-8")
        for damaged in (text.replace('"probability"', "probability"), TEMPLATE):
            self.path.write_text(damaged, encoding="utf-8")
            self.page.reopen()
            self.assertIn("missing or damaged", self.page.note())
            self.assertEqual(len(self.page.errors()), 1)

    def test_nothing_is_asked_of_the_network(self):
        # Images that lead elsewhere, slipped in: the page's policy refuses them, and without the
        # policy they show up among the requests, so both ways of noticing work.
        start = TEMPLATE.index("<meta http-equiv=")
        policy = TEMPLATE[start:TEMPLATE.index(">", start) + 1]
        leak = '<img src="http://leak.invalid/x.png">' + MARKER
        images = [classified("a.jpg", "cat", 0.9)]

        self.rewrite(images, labels=["cat"], template=TEMPLATE.replace(MARKER, leak))
        self.assertEqual(self.page.thumbnails(), 1)
        refused = self.page.wait(self.page.errors)
        self.assertIn("Content Security Policy", refused[0])
        self.page.requests()

        open_to_all = TEMPLATE.replace(policy, "").replace(MARKER, leak)
        self.rewrite(images, labels=["cat"], template=open_to_all)
        self.assertEqual(self.page.wait(self.page.requests), ["http://leak.invalid/x.png"])
        self.page.wait(self.page.errors)


class Template(unittest.TestCase):
    def test_one_marker_and_a_small_page(self):
        self.assertEqual(TEMPLATE.count(MARKER), 1)
        self.assertLess(len(TEMPLATE.encode()), 25 * 1024)


class ManyImages(Page):
    COUNT = 2000

    @classmethod
    def setUpClass(cls):
        numbers = random.Random(2)
        labels = [f"label {i}" for i in range(20)]
        jpegs = [thumbnail(i / 50, SIZES[i % 3]) for i in range(50)]
        images = []
        for i in range(cls.COUNT):
            one, share = numbers.randrange(len(labels)), round(numbers.uniform(0.3, 1), 4)
            ranking = [[labels[one - k], share / 2 ** k] for k in range(5)]
            images.append(classified(f"IMG_{i:05}.jpg", labels[one], share, ranking,
                                       jpeg=numbers.choice(jpegs)))
        cls.open(images, labels=labels)

    def timed(self, action, *arguments):
        begin = time.monotonic()
        action(*arguments)
        return time.monotonic() - begin

    def test_they_stay_usable(self):
        ready = self.page.seconds_until_ready()
        self.check_shown(self.images)
        one = self.timed(self.page.choose_label, "label 7")
        self.check_shown([entry for entry in self.images if entry["label"] == "label 7"])
        everything = self.timed(self.page.choose_all)
        self.check_shown(self.images)
        last = self.timed(self.page.loaded_size, self.COUNT - 1)
        print(f"{self.COUNT} images, {self.path.stat().st_size / 1e6:.1f} MB: "
              f"ready after {ready:.2f} s; one label chosen in {one:.3f} s, all again in "
              f"{everything:.3f} s; the last one in view in {last:.3f} s")


if __name__ == "__main__":
    unittest.main()
