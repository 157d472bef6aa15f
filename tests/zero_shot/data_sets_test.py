"""The label sets and template sets in data/: the form of the files, their sizes, known entries."""

import re
import unittest
from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "data"
LABEL_SETS = DATA / "label_sets"
TEMPLATE_SETS = DATA / "template_sets"

LABEL_COUNTS = {
    "birdsnap": 500, "caltech101": 102, "cifar10": 10, "cifar100": 100, "country211": 211,
    "dtd": 47, "eurosat": 10, "everyday": 120, "fer2013": 7, "fgvc_aircraft": 100,
    "flowers102": 102, "food101": 101, "gtsrb": 43, "imagenet": 1000, "mnist": 10,
    "oxford_pets": 37, "resisc45": 45, "stanford_cars": 196, "stl10": 10, "sun397": 397,
    "ucf101": 101,
}
TEMPLATE_COUNTS = {
    "birdsnap": 1, "caltech101": 34, "cifar10": 18, "cifar100": 18, "country211": 5, "dtd": 8,
    "eurosat": 3, "fer2013": 6, "fgvc_aircraft": 2, "flowers102": 1, "food101": 1, "gtsrb": 3,
    "mnist": 1, "openai_imagenet": 80, "openai_imagenet_7": 7, "oxford_pets": 1, "resisc45": 18,
    "simple": 1, "stanford_cars": 8, "stl10": 2, "sun397": 2, "ucf101": 48,
}

# Entries by index: a lost or doubled line moves all that follow.
LABELS_AT = {
    "birdsnap": {0: "Acadian Flycatcher", 499: "Zone tailed Hawk"},
    "caltech101": {0: "background", 5: "accordion", 101: "yin and yang symbol"},
    "cifar100": {0: "apple", 1: "aquarium fish", 53: "orange", 86: "telephone", 99: "worm"},
    "country211": {0: "Andorra", 65: "United Kingdom", 210: "Zimbabwe"},
    "dtd": {0: "banded", 30: "polka-dotted", 46: "zigzagged"},
    "fgvc_aircraft": {0: "707-320", 41: "Boeing 717", 99: "Yak-42"},
    "flowers102": {0: "pink primrose", 50: "petunia", 101: "blackberry lily"},
    "food101": {0: "apple pie", 76: "pizza", 100: "waffles"},
    "gtsrb": {12: "white and yellow diamond priority road", 14: "stop",
              41: "white circle with gray strike bar indicating no passing for cars has ended"},
    "imagenet": {0: "tench", 1: "goldfish", 7: "rooster", 97: "duck", 134: "crane bird",
                 151: "Chihuahua", 207: "Golden Retriever", 281: "tabby cat", 282: "tiger cat",
                 388: "giant panda", 404: "airliner", 500: "cliff dwelling",
                 517: "construction crane", 657: "missile", 677: "metal nail",
                 744: "projectile", 817: "sports car", 836: "sunglass", 837: "sunglasses",
                 920: "traffic light", 954: "banana", 963: "pizza", 980: "volcano",
                 999: "toilet paper"},
    "oxford_pets": {0: "Abyssinian", 11: "Sphynx", 12: "american bulldog",
                    36: "yorkshire terrier"},
    "resisc45": {0: "airplane", 44: "wetland"},
    "stanford_cars": {0: "AM General Hummer SUV 2000", 195: "smart fortwo Convertible 2012"},
    "sun397": {0: "abbey", 396: "youth hostel"},
    "ucf101": {0: "Apply Eye Makeup", 100: "Yo Yo"},
}
WHOLE_LABEL_SETS = {
    "cifar10": ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
                "truck"],
    "fer2013": ["angry", "disgusted", "fearful", "happy", "sad", "surprised", "neutral"],
    "mnist": [str(digit) for digit in range(10)],
    "stl10": ["airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"],
}


def files(folder):
    return sorted(folder.glob("*.txt"))


def entries(folder, name):
    return (folder / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def counts(folder):
    return {file.stem: len(entries(folder, file.stem)) for file in files(folder)}


class Form(unittest.TestCase):
    def test_a_file_is_lines_of_utf8_that_end_in_lf(self):
        for file in files(LABEL_SETS) + files(TEMPLATE_SETS):
            with self.subTest(file=file.name, folder=file.parent.name):
                text = file.read_bytes().decode("utf-8")
                self.assertTrue(text.endswith("\n"))
                # Nothing but LF may look like the end of a line to anyone.
                self.assertEqual(text.splitlines(), text[:-1].split("\n"))
                self.assertFalse(text.startswith("\ufeff"))

    def test_a_line_is_an_entry_and_there_once(self):
        for file in files(LABEL_SETS) + files(TEMPLATE_SETS):
            with self.subTest(file=file.name, folder=file.parent.name):
                lines = entries(file.parent, file.stem)
                # No blanks but single spaces between words.
                self.assertEqual([line for line in lines if line != " ".join(line.split())], [])
                self.assertNotIn("", lines)
                folded = [line.casefold() for line in lines]
                self.assertEqual([line for line in lines if folded.count(line.casefold()) > 1], [])

    def test_names_can_be_typed(self):
        for file in files(LABEL_SETS) + files(TEMPLATE_SETS):
            self.assertRegex(file.name, r"\A[a-z][a-z0-9_]*\.txt\Z")

    def test_labels_are_no_templates(self):
        for file in files(LABEL_SETS):
            self.assertNotRegex(file.read_text(encoding="utf-8"), r"[{}]", file.name)

    def test_a_template_has_one_place_for_the_label(self):
        for file in files(TEMPLATE_SETS):
            for line in entries(TEMPLATE_SETS, file.stem):
                with self.subTest(file=file.name, template=line):
                    self.assertEqual(line.count("{}"), 1)
                    self.assertEqual(re.findall("[{}]", line), ["{", "}"])


class Contents(unittest.TestCase):
    def test_sizes(self):
        self.assertEqual(counts(LABEL_SETS), LABEL_COUNTS)
        self.assertEqual(counts(TEMPLATE_SETS), TEMPLATE_COUNTS)

    def test_labels_at_known_indices(self):
        for name, known in LABELS_AT.items():
            labels = entries(LABEL_SETS, name)
            with self.subTest(name=name):
                self.assertEqual({index: labels[index] for index in known}, known)

    def test_small_sets_whole(self):
        for name, labels in WHOLE_LABEL_SETS.items():
            with self.subTest(name=name):
                self.assertEqual(entries(LABEL_SETS, name), labels)

    def test_alphabetical_sets(self):
        for name in ("cifar100", "dtd", "food101", "resisc45", "stl10", "ucf101"):
            with self.subTest(name=name):
                labels = entries(LABEL_SETS, name)
                self.assertEqual(labels, sorted(labels))

    def test_a_template_set_named_after_a_dataset_has_its_labels(self):
        general = {"simple", "openai_imagenet", "openai_imagenet_7"}
        self.assertLessEqual(set(TEMPLATE_COUNTS) - general, set(LABEL_COUNTS))

    def test_openai_templates(self):
        eighty = entries(TEMPLATE_SETS, "openai_imagenet")
        self.assertEqual([eighty[0], eighty[39], eighty[79]],
                         ["a bad photo of a {}.", "a photo of a {}.", "a tattoo of the {}."])
        seven = ["itap of a {}.", "a bad photo of the {}.", "a origami {}.",
                 "a photo of the large {}.", "a {} in a video game.", "art of the {}.",
                 "a photo of the small {}."]
        self.assertEqual(entries(TEMPLATE_SETS, "openai_imagenet_7"), seven)
        self.assertLessEqual(set(seven), set(eighty))
        self.assertEqual(entries(TEMPLATE_SETS, "simple"), ["a photo of a {}."])
        self.assertEqual(entries(TEMPLATE_SETS, "cifar10"), entries(TEMPLATE_SETS, "cifar100"))


class Readme(unittest.TestCase):
    def test_every_set_is_in_it_with_its_size(self):
        for folder in (LABEL_SETS, TEMPLATE_SETS):
            readme = (folder / "README.md").read_text(encoding="utf-8")
            rows = {name: int(count) for name, count in
                    re.findall(r"^\| `(\w+)` \| (\d+) \|", readme, re.MULTILINE)}
            self.assertEqual(rows, counts(folder), folder.name)

    def test_examples_in_it_are_there(self):
        readme = (TEMPLATE_SETS / "README.md").read_text(encoding="utf-8")
        for name, example in re.findall(r"^\| `(\w+)` \| \d+ \| `([^`]*\{\}[^`]*)` \|$", readme,
                                        re.MULTILINE):
            self.assertIn(example, entries(TEMPLATE_SETS, name))


if __name__ == "__main__":
    unittest.main()
