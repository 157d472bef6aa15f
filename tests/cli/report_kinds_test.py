"""Pages of hits and of near-duplicates, written by the program's own writer (write_page) and used
in headless Chromium."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from common import ROOT
from images import draw
from report_page import open_report

WRITE_PAGE = os.environ.get("CLIP_WRITE_PAGE", str(ROOT / "build/release/tests/app/write_page"))

# What a card's rows say at both ends, and whether it is marked as the one that is kept.
CARDS = """
return [...document.querySelectorAll("article.image")].filter(card => card.checkVisibility())
  .map(card => [...card.querySelectorAll(".ranking li")].map(
    row => [row.firstChild.textContent, row.lastChild.textContent])
    .concat(card.classList.contains("kept") ? ["kept"] : []));
"""


class Page(unittest.TestCase):
    def write(self, kind, title, records):
        """Writes the page from records, and opens it."""
        path = self.folder / f"{kind}.html"
        subprocess.run([WRITE_PAGE, kind, title, path], check=True,
                       input="\n".join(map(json.dumps, records)).encode())
        self.page = self.enterContext(open_report(path, width=self.WIDTH))
        return path

    WIDTH = 1280

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def tearDown(self):
        self.assertLessEqual(self.page.overflow(), 0)
        self.assertEqual(self.page.errors(), [])
        self.assertEqual(self.page.requests(), [])

    def image(self, name):
        path = self.folder / name
        if not path.exists():
            draw(path, len(list(self.folder.iterdir())))
        return str(path)

    def names(self):
        return [card["name"] for card in self.page.images()]

    def visible(self, selector):
        return self.page.run("return document.querySelector(arguments[0]).checkVisibility()",
                             selector)


class Hits(Page):
    TITLE = 'a "red" car </script><b>+ rain'

    def setUp(self):
        super().setUp()
        self.records = []
        for rank, score in enumerate((31.274, 30.5, 9.0, 0.0, -2.25), 1):
            path = self.image(f"{'sea' if rank % 2 else 'hill'} {rank} <i>.png")
            self.records.append({"json": {"image": path, "rank": rank, "score": score},
                                 "file": path})
        self.write("hits", self.TITLE, self.records)

    def test_hits_in_the_order_of_their_ranks_with_their_scores(self):
        self.assertEqual(self.page.title(), self.TITLE)
        self.assertEqual(self.names(), [f"{'sea' if rank % 2 else 'hill'} {rank} <i>.png"
                                        for rank in range(1, 6)])
        self.assertEqual(self.page.run(CARDS), [[["#1", "31.27"]], [["#2", "30.50"]],
                                                [["#3", "9.00"]], [["#4", "0.00"]],
                                                [["#5", "-2.25"]]])
        self.assertEqual([card["href"] for card in self.page.images()],
                         [Path(record["file"]).resolve().as_uri() for record in self.records])
        self.assertEqual(self.page.thumbnails(), 5)
        self.assertGreater(self.page.loaded_size(4)[0], 0)
        for selector in ("#labels", "#label-filter", "#min-confidence", "h2"):
            self.assertFalse(self.visible(selector), selector)

    def test_filters_by_score_and_name(self):
        score = self.page.element("#min-score")
        for text, shown in (("30.5", 2), ("0", 4), ("-2.25", 5), ("40", 0)):
            score.clear()
            score.send_keys(text)
            self.assertEqual((self.page.shown(), len(self.names())), (shown, shown), text)
        self.page.clear()
        self.assertEqual(score.get_attribute("value"), "")
        self.assertEqual(self.page.shown(), 5)
        score.send_keys("5")
        self.page.search("SEA")
        self.assertEqual(self.names(), ["sea 1 <i>.png", "sea 3 <i>.png"])
        self.page.wait(lambda: self.page.fragment() == "score=5&name=SEA")
        self.page.reopen("score=5&name=SEA")
        self.assertEqual(self.page.shown(), 2)
        self.assertEqual(self.page.element("#min-score").get_attribute("value"), "5")
        self.page.reopen("score=x&min=")  # no numbers
        self.assertEqual(self.page.shown(), 5)


class HitsOnAPhone(Hits):
    WIDTH = 360


class NearDuplicates(Page):
    def setUp(self):
        super().setUp()
        records = []
        for group, names in ((1, ("a.png", "b.png", "c.png")), (2, ("d.png", "e.png"))):
            for i, name in enumerate(names):
                described = {"group": group, "image": name, "bytes": 4_200_000 >> (10 * i),
                             "cosine": 1 - 0.0123 * i}
                if group == 1:
                    described |= {"width": 400, "height": 300, "keep": i == 1}
                records.append({"json": described, "file": self.image(name),
                                "title": f"{len(names)} images, 4.2 MB" if i == 0 else ""})
        self.write("groups", "Near-duplicates in photos", records)

    def test_groups_stand_side_by_side(self):
        self.assertEqual(self.page.title(), "Near-duplicates in photos")
        self.assertIn("2 groups", self.page.facts())
        self.assertEqual([(group["label"], group["images"]) for group in self.page.groups()],
                         [("3 images, 4.2 MB", 3), ("2 images, 4.2 MB", 2)])
        self.assertEqual(self.page.run(CARDS), [
            [["4.2 MB", "1.000"], ["400 × 300", ""]],
            [["4 kB", "0.988"], ["400 × 300", "kept"], "kept"],
            [["4 bytes", "0.975"], ["400 × 300", ""]],
            [["4.2 MB", "1.000"]],
            [["4 kB", "0.988"]]])
        tops = self.page.run("return [...document.querySelectorAll('article.image')]"
                             ".map(card => card.getBoundingClientRect().top)")
        self.assertEqual(tops[0], tops[1])
        self.assertEqual(tops[3], tops[4])
        for selector in ("#labels", "#label-filter", "#min-confidence", "#min-score", "h2 .count"):
            self.assertFalse(self.visible(selector), selector)

    def test_a_group_passes_the_filter_of_names_as_a_whole(self):
        self.page.search("e.png")
        self.assertEqual(self.names(), ["d.png", "e.png"])
        self.assertEqual(self.page.shown(), 2)
        self.page.search("nothing")
        self.assertEqual(self.names(), [])


if __name__ == "__main__":
    unittest.main()
