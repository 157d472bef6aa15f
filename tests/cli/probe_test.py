"""clip-cli probe: against scikit-learn's logistic regression on the same embeddings."""

import csv
import io
import json
import random
import struct
import tempfile
import unittest
from pathlib import Path

from common import ROOT, json_lines, need, run

numpy = need("numpy")
need("sklearn")
from PIL import Image, ImageDraw, ImageFilter  # noqa: E402 (after the checks that they are there)
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import StratifiedKFold, cross_val_score  # noqa: E402

DEMO = ROOT / "data/demo/demo-model.pt"
SHAPES = ["circle", "square", "triangle", "star"]
COLOURS = {"red": (200, 40, 40), "orange": (210, 120, 40), "purple": (140, 50, 160)}
MODEL = "a" * 64


def draw(path, shape, colour, chance):
    """A small shape of about that colour, on a background that has others: hard enough that no
    classifier is always right."""
    size = 64
    image = Image.new("RGB", (size, size), tuple(chance.randrange(60, 255) for _ in range(3)))
    pen = ImageDraw.Draw(image)
    for _ in range(6):
        x, y = chance.randrange(size), chance.randrange(size)
        pen.rectangle((x, y, x + chance.randrange(12), y + chance.randrange(12)),
                      fill=tuple(chance.randrange(255) for _ in range(3)))
    fill = tuple(max(0, min(255, value + chance.randrange(-45, 46))) for value in COLOURS[colour])
    r = chance.randrange(6, 15)
    x, y = chance.randrange(r, size - r), chance.randrange(r, size - r)
    if shape == "circle":
        pen.ellipse((x - r, y - r, x + r, y + r), fill=fill)
    elif shape == "square":
        pen.rectangle((x - r, y - r, x + r, y + r), fill=fill)
    elif shape == "triangle":
        pen.polygon([(x, y - r), (x + r, y + r), (x - r, y + r)], fill=fill)
    else:
        pen.polygon([(x, y - r), (x + r // 3, y - r // 3), (x + r, y), (x + r // 3, y + r // 3),
                     (x, y + r), (x - r // 3, y + r // 3), (x - r, y), (x - r // 3, y - r // 3)],
                    fill=fill)
    image.filter(ImageFilter.GaussianBlur(chance.uniform(0, 1.2))).save(path)


def write_embeddings(path, rows, lines):
    """What `embed` writes: NAME.npy and NAME.jsonl."""
    numpy.save(path, rows)
    path.with_suffix(".jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def read_probe(path):
    """The tensors and the facts of a probe, by the format alone."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    facts = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = numpy.frombuffer(data[8 + length + begin:8 + length + end],
                                         "<f4").reshape(entry["shape"])
    return tensors, facts


def normalized(rows):
    return (rows / numpy.linalg.norm(rows, axis=1, keepdims=True)).astype("float32")


class InFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.probe = self.folder / "probe.safetensors"

    def train(self, *arguments):
        done = run("probe", "train", "--json", "--output", self.probe, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)


class Drawings(unittest.TestCase):
    """Embeddings of the demo model, which are trained and tested on."""

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = Path(cls.temporary.name)
        chance = random.Random(5)
        cls.classes = sorted(f"{colour}_{shape}" for colour in COLOURS for shape in SHAPES)
        for part, count in (("train", 50), ("test", 34)):
            for name in cls.classes:
                (cls.folder / part / name).mkdir(parents=True)
                for i in range(count):
                    colour, shape = name.split("_")
                    draw(cls.folder / part / name / f"{i:03d}.png", shape, colour, chance)
            done = run("embed", "--model", DEMO, "--output", cls.folder / f"{part}.npy",
                       cls.folder / part)
            assert done.returncode == 0, done.stderr
        cls.sets = {}
        for part in ("train", "test"):
            lines = json_lines((cls.folder / f"{part}.jsonl").read_text())
            truth = [cls.classes.index(Path(line["image"]).parent.name) for line in lines]
            cls.sets[part] = (numpy.load(cls.folder / f"{part}.npy"), numpy.array(truth))
        cls.probe = cls.folder / "probe.safetensors"
        done = run("probe", "train", "--json", cls.folder / "train.npy", "--output", cls.probe)
        assert done.returncode == 0, done.stderr
        cls.trained = json.loads(done.stdout)

    def applied(self, *arguments):
        done = run("probe", "apply", self.probe, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_accuracy_is_that_of_scikit_learn(self):
        rows, truth = self.sets["train"]
        test_rows, test_truth = self.sets["test"]
        results = json_lines(self.applied("--json", self.folder / "test.npy"))
        predicted = numpy.array([self.classes.index(result["label"]) for result in results])
        ours = (predicted == test_truth).mean()
        # The same penalty, and the one that scikit-learn's cross-validation takes.
        same = LogisticRegression(C=1 / self.trained["l2"], max_iter=5000).fit(rows, truth)
        folds = StratifiedKFold(3, shuffle=True, random_state=0)
        best = max((10.0 ** power for power in range(-1, 4)),
                   key=lambda c: cross_val_score(LogisticRegression(C=c, max_iter=1000), rows,
                                                 truth, cv=folds).mean())
        chosen = LogisticRegression(C=best, max_iter=5000).fit(rows, truth)
        theirs = (same.predict(test_rows) == test_truth).mean()
        by_them = (chosen.predict(test_rows) == test_truth).mean()
        print(f"{len(test_truth)} drawings of {len(self.classes)} classes: ours {ours:.4f}, "
              f"scikit-learn {theirs:.4f} with the same penalty (L2 {self.trained['l2']:.4g}), "
              f"{by_them:.4f} with its own (1/C {1 / best:.4g})")
        self.assertTrue(0.3 < ours < 0.99, "the drawings do not tell good from bad")
        self.assertLessEqual(abs(ours - theirs), 0.005)
        self.assertGreaterEqual(ours, by_them - 0.02)
        probabilities = numpy.zeros((len(results), len(self.classes)))
        for i, result in enumerate(json_lines(self.applied("--json", "--top-k", 99,
                                                           self.folder / "test.npy"))):
            for choice in result["ranking"]:
                self.assertNotIn("score", choice)
                probabilities[i, self.classes.index(choice["label"])] = choice["probability"]
        difference = abs(probabilities - same.predict_proba(test_rows)).max()
        print(f"largest difference of probabilities {difference:.5f}")
        self.assertLess(difference, 0.01)

    def test_what_training_says(self):
        trained = self.trained
        self.assertEqual([each["label"] for each in trained["classes"]], self.classes)
        self.assertEqual([each["rows"] for each in trained["classes"]], [50] * len(self.classes))
        self.assertEqual((trained["rows"], trained["failed"], trained["held_out"]), (600, 0, 120))
        taken = [each for each in trained["sweep"] if each["l2"] == trained["l2"]]
        self.assertEqual(taken[0]["accuracy"], trained["validation_accuracy"])
        self.assertEqual(taken[0]["accuracy"], max(each["accuracy"] for each in trained["sweep"]))
        strengths = [each["l2"] for each in trained["sweep"]]
        for power in range(-6, 7, 2):
            self.assertTrue(any(abs(l2 / 10.0 ** power - 1) < 1e-9 for l2 in strengths), power)
        tensors, facts = read_probe(self.probe)
        self.assertEqual(tensors["weight"].shape,
                         (len(self.classes), self.sets["train"][0].shape[1]))
        self.assertEqual(tensors["bias"].shape, (len(self.classes),))
        self.assertEqual(json.loads(facts["classes"]), self.classes)
        self.assertEqual(facts["model"], trained["model"])
        self.assertEqual(float(facts["l2"]), trained["l2"])
        self.assertEqual(float(facts["validation_accuracy"]), trained["validation_accuracy"])

    def test_training_again_gives_the_same_bytes(self):
        again = self.folder / "again.safetensors"
        for threads in (1, 2):
            done = run("probe", "train", self.folder / "train.npy", "--output", again,
                       "--threads", threads)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(again.read_bytes(), self.probe.read_bytes())
        self.assertIn("validation accuracy", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^ +\S+ +[\d.]+ % +[\d.]+ +\d+  taken$")

    def test_images_get_the_labels_of_their_embeddings(self):
        stored = json_lines(self.applied("--json", self.folder / "test.npy"))
        named = self.classes[3]
        images = json_lines(self.applied("--json", "--model", DEMO, self.folder / "test" / named))
        self.assertEqual(len(images), 34)
        by_name = {result["image"]: result for result in stored}
        for result in images:
            self.assertEqual(result["model"], str(DEMO))
            other = by_name[result["image"]]
            self.assertEqual(result["label"], other["label"])
            self.assertAlmostEqual(result["probability"], other["probability"], places=4)

    def test_formats_and_options(self):
        test = self.folder / "test.npy"
        results = json_lines(self.applied("--json", "--top-k", 2, test))
        rows = list(csv.reader(io.StringIO(self.applied("--csv", "--top-k", 2, test))))
        self.assertEqual(rows[0], ["image", "label", "probability", "error", "label_1",
                                   "probability_1", "label_2", "probability_2"])
        self.assertEqual([row[:2] for row in rows[1:]],
                         [[result["image"], result["label"]] for result in results])
        lines = self.applied(test).splitlines()
        self.assertEqual(len(lines), len(results) + 1)
        self.assertEqual(lines[1].split("\t")[1], results[0]["label"])
        out = self.folder / "labels.jsonl"
        self.applied("--output", out, "--threshold", 0.9, test)
        for result, plain in zip(json_lines(out.read_text()), results):
            self.assertEqual(result["label"], plain["label"] if plain["probability"] >= 0.9
                             else "unknown")

    def test_another_models_embeddings_are_refused(self):
        lines = json_lines((self.folder / "test.jsonl").read_text())
        other = self.folder / "other.npy"
        write_embeddings(other, self.sets["test"][0], [{**line, "model": MODEL} for line in lines])
        done = run("probe", "apply", self.probe, other)
        self.assertEqual(done.returncode, 1)
        self.assertIn("another model", done.stderr)


class Labels(InFolder):
    """Where labels come from, on embeddings that are made up."""

    def setUp(self):
        super().setUp()
        generator = numpy.random.default_rng(3)
        self.truth = generator.integers(0, 3, 120)
        self.rows = normalized(generator.normal(0, 1, (3, 16))[self.truth] +
                               generator.normal(0, 0.6, (120, 16)))
        self.names = ["ant", "bee", "cat"]
        self.array = self.folder / "rows.npy"
        self.lines = [{"image": f"photos/{self.names[each]}/{i}.jpg", "model": MODEL}
                      for i, each in enumerate(self.truth)]
        write_embeddings(self.array, self.rows, self.lines)

    def test_every_source_of_labels_gives_the_same_probe(self):
        self.train(self.array)
        expected = self.probe.read_bytes()
        pairs = [(line["image"], self.names[each]) for line, each in zip(self.lines, self.truth)]
        texts = {
            "labels.csv": "Image,Label\r\n" + "".join(f'"{a}",{b}\r\n' for a, b in pairs),
            "tabs.csv": "label\tfilepath\n" + "".join(f"{b}\t{a}\n" for a, b in reversed(pairs)),
            "labels.jsonl": "".join(json.dumps({"image": a, "label": b}) + "\n" for a, b in pairs),
        }
        for name, text in texts.items():
            (self.folder / name).write_text(text)
            self.train(self.array, "--labels", self.folder / name)
            self.assertEqual(self.probe.read_bytes(), expected, name)

    def test_classes_of_webdatasets_come_before_folders(self):
        self.train(self.array)
        expected, _ = read_probe(self.probe)
        write_embeddings(self.array, self.rows,
                         [{**line, "image": f"0.tar/{i}.jpg", "class": int(each)}
                          for i, (line, each) in enumerate(zip(self.lines, self.truth))])
        trained = self.train(self.array)
        self.assertEqual([each["label"] for each in trained["classes"]], ["0", "1", "2"])
        tensors, _ = read_probe(self.probe)
        numpy.testing.assert_array_equal(tensors["weight"], expected["weight"])

    def test_half_floats_and_many_classes_agree_with_scikit_learn(self):
        generator = numpy.random.default_rng(4)
        truth = numpy.concatenate([numpy.arange(40), generator.integers(0, 40, 5960)])
        centres = generator.normal(0, 1, (40, 96))
        rows = normalized(2 + centres[truth] + generator.normal(0, 1.5, (6000, 96)))
        array = self.folder / "half.npy"
        write_embeddings(array, rows.astype("float16"),
                         [{"image": f"{each}/{i}.jpg", "model": MODEL}
                          for i, each in enumerate(truth)])
        for l2 in (0.03, 3):
            trained = self.train(array, "--l2", l2)
            self.assertEqual([each["label"] for each in trained["classes"]],
                             [str(i) for i in range(40)])
            self.assertTrue(trained["converged"])
            self.assertIsNone(trained["validation_accuracy"])
            tensors, _ = read_probe(self.probe)
            wide = numpy.load(array).astype("float64")
            theirs = LogisticRegression(C=1 / l2, max_iter=5000, tol=1e-6).fit(wide, truth)
            ours = wide @ tensors["weight"].T.astype("float64") + tensors["bias"]
            ours = numpy.exp(ours - ours.max(axis=1, keepdims=True))
            ours /= ours.sum(axis=1, keepdims=True)
            difference = abs(ours - theirs.predict_proba(wide)).max()
            print(f"L2 {l2}: largest difference of probabilities {difference:.5f}")
            self.assertLess(difference, 0.01)
            self.assertAlmostEqual(trained["training_accuracy"],
                                   (ours.argmax(axis=1) == truth).mean(), delta=0.001)
            self.assertAlmostEqual(trained["training_accuracy"], theirs.score(wide, truth),
                                   delta=0.005)

    def test_failed_rows_are_left_out_and_stay_failed(self):
        self.rows[7] = 0
        error = {"code": "bad_image", "message": "cannot use 7.jpg: it is cut short"}
        self.lines[7] = {**self.lines[7], "error": error}
        write_embeddings(self.array, self.rows, self.lines)
        trained = self.train(self.array)
        self.assertEqual((trained["rows"], trained["failed"]), (119, 1))
        done = run("probe", "apply", "--json", self.probe, self.array)
        self.assertEqual(done.returncode, 1)
        results = json_lines(done.stdout)
        self.assertEqual(results[7], {"image": self.lines[7]["image"], "error": error})
        self.assertEqual(sum("error" in result for result in results), 1)

    def test_rows_that_are_no_embeddings_are_named(self):
        for bad, word in ((numpy.nan, "not finite"), (numpy.inf, "not finite"), (0, "zeros")):
            rows = self.rows.copy()
            rows[9] = bad
            write_embeddings(self.array, rows, self.lines)
            done = run("probe", "train", self.array, "--output", self.probe)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(f"row 9 ({self.lines[9]['image']})", done.stderr)
            self.assertIn(word, done.stderr)
            self.assertFalse(self.probe.exists())
        write_embeddings(self.array, self.rows, self.lines)
        self.train(self.array)
        rows[9] = numpy.nan
        write_embeddings(self.array, rows, self.lines)
        done = run("probe", "apply", "--json", self.probe, self.array)
        self.assertEqual(done.returncode, 1)
        self.assertIn("not finite", json_lines(done.stdout)[9]["error"]["message"])

    def check_refused(self, *words, code=1, arguments=()):
        done = run("probe", "train", self.array, "--output", self.probe, *arguments)
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertEqual(list(self.folder.glob("probe*")), [])

    def test_files_that_do_not_fit_are_errors(self):
        write_embeddings(self.array, self.rows, self.lines[:-1])
        self.check_refused("120 rows", "119 lines")
        write_embeddings(self.array, self.rows[:-1], self.lines)
        self.check_refused("119 rows", "more lines")
        write_embeddings(self.array, self.rows, [*self.lines[:-1],
                                                 {**self.lines[-1], "model": "b" * 64}])
        self.check_refused("rows.jsonl, line 120", "another model")
        write_embeddings(self.array, self.rows, [{**line, "image": "photos/ant/1.jpg"}
                                                 for line in self.lines])
        self.check_refused("one class, ant")
        write_embeddings(self.array, self.rows, [{**line, "image": "1.jpg"} for line in self.lines])
        self.check_refused("1.jpg", "--labels")
        write_embeddings(self.array, self.rows, [{"text": "a cat", "model": MODEL}] * 120)
        self.check_refused("line 1", "text")
        self.array.with_suffix(".jsonl").write_text("no json\n" * 120)
        self.check_refused("rows.jsonl, line 1")
        self.array.with_suffix(".jsonl").unlink()
        self.check_refused("rows.jsonl is missing")
        numpy.save(self.array, self.rows.astype("int32"))
        self.check_refused("rows.npy")

    def test_tables_that_do_not_fit_are_errors(self):
        table = self.folder / "labels.csv"
        first = self.lines[0]["image"]
        for text, words in (("", ["empty"]), ("a,b\n1,2\n", ["image", "a, b"]),
                            ("image,label\nx\n", ["line 2", "1 fields"]),
                            ("image,label\n", ["no labels"]),
                            ('image,label\n"x,1\n', ["line 2", "quote"]),
                            (f"image,label\n{first},a\n{first},b\n", ["line 3", "before"]),
                            ("image,label\nelsewhere.jpg,a\n", ["120 embeddings", first])):
            table.write_text(text)
            self.check_refused("labels.csv" if "120" not in words[0] else "", *words,
                               arguments=("--labels", table))
        table.write_text(f"image,label\n{first},a\n{self.lines[1]['image']},b\n")
        self.check_refused("held out", arguments=("--labels", table))
        trained = self.train(self.array, "--labels", table, "--l2", 1)
        self.assertEqual((trained["rows"], trained["unlabelled"]), (2, 118))

    def test_bad_usage(self):
        self.train(self.array)
        for arguments in ([], ["train"], ["train", self.array], ["apply"], ["apply", self.probe],
                          ["train", "rows.txt", "--output", self.probe],
                          ["apply", self.probe, self.array, self.array],
                          ["train", self.array, "--output", self.probe, "--held-out", "1"]):
            done = run("probe", *arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
        done = run("probe", "apply", self.array, self.array)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("safetensors", done.stderr)


if __name__ == "__main__":
    unittest.main()
