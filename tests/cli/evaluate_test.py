"""clip-cli evaluate: the accuracies that scikit-learn computes from the same scores."""

import csv
import io
import json
import os
import random
import re
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

from common import BINARY, MODELS, json_lines, need, run
from images import draw
from odd_models import save_moody

numpy = need("numpy")
need("sklearn")
from PIL import Image  # noqa: E402 (after the checks that they are there)
from sklearn.metrics import (accuracy_score, balanced_accuracy_score,  # noqa: E402
                             confusion_matrix, recall_score, top_k_accuracy_score)

TINY = MODELS / "published-tiny.pt"
CLASSES = ["ant", "bird", "cat", "dog_house", "eel", "fox", "goat", "hen <i>"]


def evaluate(*arguments, **options):
    return run("evaluate", "--model", TINY, *arguments, **options)


class ClassFolders(unittest.TestCase):
    """Eight classes of different sizes. The model's weights are random, so images are put into
    the folder of a label that it gives them, or of another: the accuracy is neither 0 nor 1."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.data = self.folder / "data"
        self.labels = [name.replace("_", " ") for name in CLASSES]
        drawn = self.folder / "drawn"
        drawn.mkdir()
        for i in range(160):
            draw(drawn / f"{i:03d}.png", i)
        results = json_lines(run("classify", "--model", TINY, "--json", "--top-k", 99, "--labels",
                                 ",".join(self.labels), drawn).stdout)
        chance = random.Random(3)
        self.truth, self.scores = [], []
        for name in CLASSES:
            (self.data / name / "deeper").mkdir(parents=True)
        for result in results:
            place = self.labels.index(result["ranking"][chance.choice([0, 0, 1, 2, 6])]["label"])
            path = Path(result["image"])
            path.rename(self.data / CLASSES[place] / chance.choice(["", "deeper"]) / path.name)
            probabilities = {choice["label"]: choice["probability"]
                             for choice in result["ranking"]}
            self.truth.append(place)
            self.scores.append([probabilities[label] for label in self.labels])
        self.scores = numpy.array(self.scores)
        self.predicted = self.scores.argmax(axis=1)

    def test_agrees_with_scikit_learn(self):
        places = range(len(CLASSES))
        done = evaluate("--json", self.data)
        self.assertEqual(done.returncode, 0, done.stderr)
        ours = json_lines(done.stdout)[0]
        self.assertEqual(list(ours), ["model", "images", "failed", "top_1", "top_5", "mean_recall",
                                      "classes", "confused", "confusion"])
        self.assertEqual(list(ours["classes"][0]), ["folder", "label", "images", "recall"])
        self.assertEqual(list(ours["confused"][0]), ["label", "predicted", "images"])
        expected = {
            "top_1": accuracy_score(self.truth, self.predicted),
            "top_5": top_k_accuracy_score(self.truth, self.scores, k=5, labels=list(places)),
            "mean_recall": balanced_accuracy_score(self.truth, self.predicted),
        }
        print({name: round(value, 4) for name, value in expected.items()})
        for name, value in expected.items():
            self.assertAlmostEqual(ours[name], value, places=12, msg=name)
            self.assertTrue(0.1 < value < 1, "the data do not tell right from wrong")
        recalls = recall_score(self.truth, self.predicted, average=None, labels=list(places))
        matrix = confusion_matrix(self.truth, self.predicted, labels=list(places))
        for place, each in enumerate(ours["classes"]):
            self.assertEqual((each["folder"], each["label"]),
                             (CLASSES[place], self.labels[place]))
            self.assertEqual(each["images"], self.truth.count(place))
            self.assertAlmostEqual(each["recall"], recalls[place], places=12)
        got = numpy.zeros_like(matrix)
        for truth, predicted, count in ours["confusion"]:
            got[truth, predicted] = count
        self.assertEqual(got.tolist(), matrix.tolist())
        numpy.fill_diagonal(matrix, 0)
        top = ours["confused"][0]
        self.assertEqual(top["images"], matrix.max())
        self.assertEqual(matrix[self.labels.index(top["label"]),
                                self.labels.index(top["predicted"])], matrix.max())
        self.assertEqual((ours["images"], ours["failed"]), (160, 0))

    def test_the_file_of_clip_benchmark(self):
        ours = json_lines(evaluate("--json", self.data).stdout)[0]
        metrics = {"acc1": ours["top_1"], "acc5": ours["top_5"],
                   "mean_per_class_recall": ours["mean_recall"]}
        expected = {"dataset": "data", "model": "published-tiny", "pretrained": "published-tiny.pt",
                    "task": "zeroshot_classification", "metrics": metrics, "language": "en"}
        done = evaluate("--clip-benchmark", "-", f"{self.data}/")
        self.assertEqual(json_lines(done.stdout), [expected])
        out, other = self.folder / "result.json", self.folder / "ours.json"
        done = evaluate("--clip-benchmark", out, "--dataset", "wds/food101", "--language", "fr",
                        self.data)
        self.assertIn("top-1", done.stdout)
        self.assertEqual(json.loads(out.read_text()),
                         {**expected, "dataset": "wds/food101", "language": "fr"})
        done = evaluate("--clip-benchmark", "-", "--output", other, self.data)
        self.assertEqual(json_lines(done.stdout), [expected])
        self.assertEqual(json.loads(other.read_text()), ours)
        # A row of the table that its `build` makes: nothing nested but the metrics.
        flat = {**expected, **expected["metrics"]}
        del flat["metrics"]
        self.assertTrue(all(isinstance(value, (str, float)) for value in flat.values()))
        done = evaluate("--clip-benchmark", "-", "--json", self.data)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        done = evaluate("--clip-benchmark", self.folder / "no" / "x.json", self.data)
        self.assertEqual((done.returncode, done.stdout), (1, ""))

    def test_published_models_have_open_clips_names(self):
        # OpenAI's file as `models pull` stores it: another model of that shape does here.
        for name, file, model in (("ViT-B/32", "ViT-B-32.pt", "ViT-B-32"),
                                  ("rn50x64", "RN50x64.pt", "RN50x64")):
            (self.folder / file).write_bytes(TINY.read_bytes())
            done = run("evaluate", "--model", name, "--clip-benchmark", "-", self.data,
                       environment={"CLIP_CACHE": str(self.folder)})
            self.assertEqual(done.returncode, 0, done.stderr)
            result = json.loads(done.stdout)
            self.assertEqual(result["model"].removesuffix("-quickgelu"), model)
            self.assertEqual(result["pretrained"], "openai")
        done = run("evaluate", "--clip-benchmark", "-", self.data,
                   environment={"CLIP_CACHE": str(self.folder)})
        self.assertEqual(json.loads(done.stdout)["pretrained"], "openai")

    def write_webdataset(self, folder, shards=3):
        """As CLIP_benchmark's converter writes it."""
        (folder / "test").mkdir(parents=True)
        (folder / "classnames.txt").write_text("".join(label + "\n" for label in self.labels))
        (folder / "zeroshot_classification_templates.txt").write_text(
            "a bad photo of a {c}.\n{c}, a drawing of a {c}\n")
        (folder / "test/nshards.txt").write_text(f"{shards}\n")
        paths = [(number, path) for number, name in enumerate(CLASSES)
                 for path in sorted((self.data / name).rglob("*.png"))]
        random.Random(1).shuffle(paths)
        for shard in range(shards):
            with tarfile.open(folder / f"test/{shard}.tar", "w") as archive:
                for i, (number, path) in enumerate(paths[shard::shards]):
                    key = f"s{shard}{i:06d}"
                    members = [(f"{key}.cls", str(number).encode()),
                               (f"{key}.png", path.read_bytes())]
                    for name, data in members[::1 if i % 2 else -1]:
                        member = tarfile.TarInfo(name)
                        member.size = len(data)
                        archive.addfile(member, io.BytesIO(data))

    def test_webdatasets(self):
        folder = self.folder / "wds"
        self.write_webdataset(folder)
        templates = ["--template", "a bad photo of a {}.", "--template", "{}, a drawing of a {}"]
        whole = json_lines(evaluate("--json", *templates, self.data).stdout)[0]
        for arguments in ([folder], [f"{folder}/test/{{0..2}}.tar"]):
            done = evaluate("--json", *arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
            ours = json_lines(done.stdout)[0]
            for name in ("images", "failed", "top_1", "top_5", "mean_recall", "confused",
                         "confusion"):
                self.assertEqual(ours[name], whole[name], name)
            self.assertEqual([each["label"] for each in ours["classes"]], self.labels)
            self.assertEqual([each["folder"] for each in ours["classes"]],
                             [str(i) for i in range(len(CLASSES))])
        plain = json_lines(evaluate("--json", self.data).stdout)[0]
        ours = json_lines(evaluate("--json", "--template", "a photo of a {}.", folder).stdout)[0]
        self.assertEqual(ours["confusion"], plain["confusion"])
        done = evaluate("--clip-benchmark", "-", "--dataset", "wds/ours", folder)
        self.assertEqual(json_lines(done.stdout)[0]["metrics"]["acc1"], whole["top_1"])

        names = self.folder / "names.txt"
        names.write_text("".join(f"thing {i}\n" for i in range(len(CLASSES))))
        ours = json_lines(evaluate("--json", "--class-names", names, folder).stdout)[0]
        self.assertEqual(ours["classes"][3]["label"], "thing 3")
        with open(folder / "test/1.tar", "rb") as piped:
            done = subprocess.run([BINARY, "evaluate", "--model", TINY, "--json", "--class-names",
                                   names, "-"], stdin=piped, capture_output=True, check=False)
        self.assertEqual(json_lines(done.stdout.decode())[0]["images"], 53)

    def test_webdatasets_with_faults(self):
        folder = self.folder / "wds"
        self.write_webdataset(folder, shards=1)
        (folder / "classnames.txt").write_text("".join(f"{label}\n" for label in self.labels[:-1]))
        done = evaluate("--json", folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn("its class is 7, and there are 7", done.stderr)
        ours = json_lines(done.stdout)[0]
        self.assertEqual(ours["failed"], self.truth.count(7))
        self.assertEqual(ours["images"], 160 - self.truth.count(7))
        with tarfile.open(folder / "test/0.tar", "w") as archive:
            for name in ("a.png", "b.cls", "b.png"):
                data = b"cat" if name == "b.cls" else next(self.data.rglob("*.png")).read_bytes()
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        done = evaluate("--json", folder)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("a.png: it has no class", done.stderr)
        self.assertIn("its class 'cat' is no number", done.stderr)
        (folder / "classnames.txt").unlink()
        done = evaluate(folder)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("classnames.txt", done.stderr)
        (folder / "test/nshards.txt").write_text("many\n")
        self.assertIn("nshards.txt", evaluate(folder).stderr)

    def test_the_table_says_the_same(self):
        ours = json_lines(evaluate("--json", self.data).stdout)[0]
        text = evaluate(self.data).stdout
        for name, field in (("top-1", "top_1"), ("top-5", "top_5"), ("mean recall", "mean_recall")):
            self.assertRegex(text, rf"{name} +{100 * ours[field]:.2f} %")
        for each in ours["classes"]:
            self.assertRegex(text, rf"(?m)^{each['label']} +{each['images']} "
                                   rf"+{100 * each['recall']:.2f} %$")
        first = ours["confused"][0]
        self.assertRegex(text, rf"(?m)^{first['label']} +{first['predicted']} "
                               rf"+{first['images']} +\d+\.\d\d %$")

    def test_batches_and_threads_change_nothing(self):
        whole = evaluate("--json", self.data).stdout
        self.assertEqual(evaluate("--json", "--batch", 1, "--threads", 1, self.data).stdout, whole)
        self.assertEqual(evaluate("--json", "--batch", 32, "--threads", 2, self.data).stdout, whole)

    def test_labels_from_a_file(self):
        mapping = self.folder / "names.tsv"
        mapping.write_text("".join(f"{name}\tthing {i}\r\n" for i, name in enumerate(CLASSES)))
        ours = json_lines(evaluate("--json", "--class-names", mapping, self.data).stdout)[0]
        self.assertEqual([each["label"] for each in ours["classes"]],
                         [f"thing {i}" for i in range(len(CLASSES))])
        mapping.write_text(mapping.read_text() + "zebra\tzebra\n")
        done = evaluate("--json", "--class-names", mapping, self.data)
        self.assertEqual(done.returncode, 0)
        self.assertIn("zebra", done.stderr)
        for text, word in (("ant\tant\n", "bird"), ("ant\n", "line 1"), ("ant\ta\nant\tb\n", "line 2"),
                           ("".join(f"{name}\tsame\n" for name in CLASSES), "same")):
            mapping.write_text(text)
            done = evaluate("--class-names", mapping, self.data)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(word, done.stderr)

    def test_patterns_are_those_of_the_data_set(self):
        before = json_lines(evaluate("--json", self.data).stdout)[0]
        (self.data / "@eaDir").mkdir()
        (self.data / ".clipignore").write_text("/ant/deeper\ncat/\n")
        deeper = len(list((self.data / "ant" / "deeper").iterdir()))
        done = evaluate("--json", "--exclude", "/eel", self.data)
        self.assertEqual(done.returncode, 0, done.stderr)
        after = json_lines(done.stdout)[0]
        expected = {one["folder"]: one["images"] for one in before["classes"]
                    if one["folder"] not in ("cat", "eel")}
        self.assertGreater(deeper, 0)
        expected["ant"] -= deeper
        self.assertEqual({one["folder"]: one["images"] for one in after["classes"]}, expected)
        self.assertEqual(after["images"], sum(expected.values()))

    def test_templates_are_used(self):
        one = evaluate("--json", self.data).stdout
        other = evaluate("--json", "--template", "the worst {} of all!", self.data).stdout
        self.assertNotEqual(one, other)

    def test_bad_images_and_empty_classes(self):
        (self.data / "ant" / "bad.jpg").write_text("this is no image")
        (self.data / "empty").mkdir()
        (self.data / "loose.png").write_bytes(b"not of any class")
        done = evaluate("--json", self.data)
        self.assertEqual(done.returncode, 1)
        ours = json_lines(done.stdout)[0]
        self.assertEqual((ours["images"], ours["failed"]), (160, 1))
        self.assertIn("bad.jpg", done.stderr)
        empty = [each for each in ours["classes"] if each["label"] == "empty"][0]
        self.assertEqual((empty["images"], empty["recall"]), (0, None))

    def test_confusion_image(self):
        path = self.folder / "confusion.png"
        (self.data / "日本").mkdir()
        self.assertEqual(evaluate("--confusion", path, self.data).returncode, 0)
        image = numpy.asarray(Image.open(path)).astype(int)
        # The cells are the matrix: look for the nine classes' grid in the lower right part.
        self.assertGreater(image.shape[0], 9 * 40)
        dark = (image.sum(axis=2) < 500).mean()
        self.assertTrue(0.01 < dark < 0.9, dark)
        for bad in (self.folder, self.folder / "no" / "x.png"):
            done = evaluate("--confusion", bad, self.data)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(str(bad), done.stderr)

    def check_rows(self, rows, ours):
        self.assertEqual(rows[0], ["folder", "label", "images", "recall"])
        for row, each in zip(rows[1:], ours["classes"], strict=True):
            self.assertEqual(row[:3], [each["folder"], each["label"], str(each["images"])])
            if each["recall"] is None:
                self.assertEqual(row[3], "")
            else:
                self.assertAlmostEqual(float(row[3]), each["recall"], delta=1e-6)

    def test_formats(self):
        (self.data / 'empty, "tab\t" and\nline').mkdir()
        json_text, csv_text, tsv_text = (evaluate(flag, self.data).stdout
                                         for flag in ("--json", "--csv", "--tsv"))
        ours = json_lines(json_text)[0]
        self.assertIsNone(ours["classes"][5]["recall"])
        self.check_rows(list(csv.reader(io.StringIO(csv_text, newline=""))), ours)
        names = {"\\t": "\t", "\\n": "\n"}
        self.check_rows([[re.sub(r"\\[tn]", lambda found: names[found[0]], field)
                          for field in line.split("\t")]
                         for line in tsv_text.rstrip("\n").split("\n")], ours)
        for extension, text in (("jsonl", json_text), ("json", json_text), ("csv", csv_text),
                                ("tsv", tsv_text)):
            path = self.folder / f"out.{extension}"
            path.write_text("before")
            done = evaluate("-o", path, self.data)
            self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
            self.assertEqual(path.read_text(), text)
            self.assertRegex(done.stderr, r"\Aclip-cli: 160 images in [\d.]+ s, none failed\n\Z")
        self.assertEqual(evaluate("-q", "--json", self.data).stderr, "")
        self.assertEqual(evaluate("--json", "--csv", self.data).returncode, 2)
        self.assertEqual(evaluate("-o", self.folder / "x.html", self.data).returncode, 2)
        before = sorted(path.name for path in self.folder.iterdir())
        done = evaluate("-o", self.folder / "none" / "x.csv", self.data)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("none/x.csv", done.stderr)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), before)

    def test_report(self):
        page = self.folder / "page.html"
        (self.data / "ant" / "bad.jpg").write_text("this is no image")
        done = evaluate("--json", "--report", page, self.data)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, evaluate("--json", self.data).stdout)
        ours, text = json_lines(done.stdout)[0], page.read_text()
        run_of, images, summary = (
            json.loads(re.search(rf'id="{name}">(.*?)</script>', text, re.DOTALL)[1])
            for name in ("run", "images", "summary"))
        self.assertEqual(run_of["labels"], self.labels)
        self.assertEqual((summary["images"], summary["failed"]), (161, 1))
        self.assertEqual(len(images), 161)
        failed = [image for image in images if "error" in image]
        self.assertEqual([image["image"] for image in failed], [str(self.data / "ant/bad.jpg")])
        self.assertEqual(failed[0]["error"]["code"], "bad_image")
        predicted = [0] * len(CLASSES)
        for image in images:
            if "error" not in image:
                predicted[self.labels.index(image["label"])] += 1
                self.assertEqual(len(image["ranking"]), 5)
                self.assertGreater(len(image["thumbnail"]), 100)
        totals = [0] * len(CLASSES)
        for _, place, count in ours["confusion"]:
            totals[place] += count
        self.assertEqual(predicted, totals)

    def test_names_of_folders(self):
        odd = "one\u2028two\u2029three\u0085four"
        raw = os.fsencode(self.data) + b"/\xff class"
        for folder in (os.fsencode(self.data / odd), raw):
            os.mkdir(folder)
            draw(Path(os.fsdecode(folder)) / "one.png", 7)
        done = subprocess.run([BINARY, "evaluate", "--model", TINY, "--json", self.data],
                              capture_output=True, check=True)
        lines = done.stdout.decode().splitlines()
        self.assertEqual(len(lines), 1)
        classes = json.loads(lines[0])["classes"]
        self.assertIn(odd, [each["folder"] for each in classes])
        self.assertEqual([bytes.fromhex(each["folder_hex"]) for each in classes
                          if "folder_hex" in each], [b"\xff class"])
        self.assertEqual(classes[-1]["folder"], "\ufffd class")

    def test_images_without_a_usable_embedding_are_left_out(self):
        model = self.folder / "moody.pt"
        save_moody(model)
        options = ["evaluate", "--engine", "torchscript", "--model", model, "--json", self.data]
        whole = json_lines(run(*options).stdout)[0]
        self.assertEqual((whole["images"], whole["failed"]), (160, 0))
        Image.new("RGB", (90, 90), (255, 255, 255)).save(self.data / "cat" / "white.png")
        Image.new("RGB", (90, 90), (0, 0, 0)).save(self.data / "fox" / "black.png")
        for batch in (1, 64):
            done = run(*options, "--batch", batch)
            self.assertEqual(done.returncode, 1, done.stderr)
            for word in ("white.png", "length nan,", "black.png", "length 0,"):
                self.assertIn(word, done.stderr)
            self.assertEqual(json_lines(done.stdout)[0], {**whole, "failed": 2})

    def test_what_is_no_data_set(self):
        empty = self.folder / "nothing"
        empty.mkdir()
        for path, word in ((empty, "no folders"), (self.folder / "missing", "missing"),
                           (os.devnull, os.devnull)):
            done = evaluate(path)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(word, done.stderr)
        (empty / "class").mkdir()
        done = evaluate(empty)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("no image", done.stderr)
        (empty / "a_b").mkdir()
        (empty / "a b").mkdir()
        done = evaluate(empty)
        self.assertEqual(done.returncode, 1)
        self.assertIn("same label", done.stderr)
        self.assertEqual(evaluate().returncode, 2)


if __name__ == "__main__":
    unittest.main()
