"""clip-cli classify: right labels for thousands of images, in every format, whatever happens."""

import csv
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from common import BINARY, MODELS, ROOT, json_lines, max_difference, need, photographs, run
from images import add_bad_files, draw, nested_folder, walk_order, without_privilege
from odd_models import save_moody, save_random

torch = need("torch")
sys.path.insert(0, str(ROOT / "scripts"))
import reference_scores as reference  # noqa: E402 (after the check that it can be loaded)

TINY = MODELS / "published-tiny.pt"
LABELS = ["cat", "dog", "hot dog"]
ODD_LABELS = ["salt, pepper", 'a "quoted" one', "tab\there", "🐈‍⬛ cat",
              "<script>alert(1)</script>", "back\\slash", "5 % & more", "line\nbreak"]


def classify(*arguments, model=TINY, **options):
    return run("classify", "--model", model, *arguments, **options)


def quoted(labels):
    """Labels as --labels takes them."""
    return ",".join('"' + label.replace('"', '""') + '"' for label in labels)


def reference_probabilities(images, prompts):
    """What PyTorch gives: each image's probabilities of the labels, {label: its prompts}, whose
    embeddings are averaged as in the paper."""
    model = reference.load(str(TINY))
    transform = reference.openai_transform(model.config.image_size)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        labels = []
        for texts in prompts.values():
            ids = Path(folder) / "ids.jsonl"
            ids.write_text(run("tokenize", "--json", *texts).stdout)
            rows = model.encode_text(reference.padded_ids(ids, texts, model.config.context))
            mean = (rows / rows.norm(dim=-1, keepdim=True)).mean(dim=0)
            labels.append(mean / mean.norm())
        labels = torch.stack(labels)
        rows = []
        for path in images:
            image = transform(reference.load_image(path, exif=True)).unsqueeze(0)
            embedding = model.encode_image(image)
            embedding = embedding / embedding.norm(dim=-1, keepdim=True)
            rows.append(torch.softmax(model.logit_scale.exp() * embedding @ labels.t(), dim=1)[0])
    return torch.stack(rows)


def filled(labels, templates):
    return {label: [template.replace("{}", label) for template in templates] for label in labels}


class TemporaryFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


class Exactness(unittest.TestCase):
    def check(self, prompts, options):
        images = photographs()
        expected = reference_probabilities(images, prompts)
        results = json_lines(classify("--json", "--top-k", 99, *options, *images).stdout)
        self.assertEqual([result["image"] for result in results], [str(path) for path in images])
        worst = 0
        for result, row in zip(results, expected):
            ours = {choice["label"]: choice["probability"] for choice in result["ranking"]}
            self.assertEqual(set(ours), set(prompts))
            probabilities = [choice["probability"] for choice in result["ranking"]]
            self.assertEqual(probabilities, sorted(probabilities, reverse=True))
            self.assertEqual(result["label"], result["ranking"][0]["label"])
            self.assertEqual(result["probability"], probabilities[0])
            self.assertAlmostEqual(sum(probabilities), 1, places=9)
            for label, theirs in zip(prompts, row.tolist()):
                worst = max(worst, abs(ours[label] - theirs))
        print(f"{len(prompts)} labels: probabilities to {worst:.6f}")
        self.assertLess(worst, 0.001)
        self.assertGreater(float(expected.max() - expected.min()), 0.05)

    def test_default_template(self):
        self.check(filled(LABELS, ["a photo of a {}."]), ["--labels", ",".join(LABELS)])

    def test_templates_are_averaged_as_in_the_paper(self):
        templates = ["a photo of a {}.", "a drawing of the {}, the {}!", "{}"]
        options = [word for template in templates for word in ("--template", template)]
        self.check(filled(LABELS, templates), ["--labels", ",".join(LABELS), *options])

    def test_sets(self):
        labels = (ROOT / "data/label_sets/cifar10.txt").read_text().splitlines()
        templates = (ROOT / "data/template_sets/openai_imagenet_7.txt").read_text().splitlines()
        self.check(filled(labels, templates),
                   ["--label-set", "cifar10", "--template-set", "openai_imagenet_7"])

    def test_labels_file_with_prompts(self):
        prompts = {"first": ["a cat", "a tiger {}"], "second": ["a dog"], "third": ["the third"]}
        with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
            file.write("first\ta cat\nsecond\ta dog\nfirst\ta tiger {}\nthird\n")
            file.flush()
            self.check(prompts, ["--labels-file", file.name, "--template", "the {}"])


class ManyImages(TemporaryFolder):
    """500 images in a nested folder, ten of them bad."""

    def test_490_right_and_10_errors(self):
        good = nested_folder(self.folder)
        bad = add_bad_files(self.folder)
        expected = dict(zip(map(str, good),
                            reference_probabilities(good, filled(LABELS, ["a photo of a {}."]))))
        order = [str(path) for path in walk_order([*good, *bad])]
        first = None
        for batch, threads in ((1, 1), (1, 2), (32, 1), (32, 2)):
            command = [*without_privilege(), BINARY, "classify", "--model", str(TINY), "--json",
                       "--batch", str(batch), "--threads", str(threads), "--labels",
                       ",".join(LABELS), str(self.folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1, done.stderr)
            results = json_lines(done.stdout)
            self.assertEqual([result["image"] for result in results], order)
            failed = [result for result in results if "error" in result]
            self.assertEqual({result["image"] for result in failed}, set(bad))
            for result in failed:
                self.assertEqual(list(result["error"]), ["code", "message"])
                self.assertEqual(result["error"]["code"], "bad_image")
                self.assertIn(bad[result["image"]], result["error"]["message"])
                self.assertIn(result["error"]["message"], done.stderr)
            worst = 0
            for result in results:
                if "error" in result:
                    continue
                for choice in result["ranking"]:
                    theirs = expected[result["image"]][LABELS.index(choice["label"])]
                    worst = max(worst, abs(choice["probability"] - float(theirs)))
            print(f"batch {batch}, threads {threads}: {len(results) - len(failed)} right, "
                  f"{len(failed)} errors, probabilities to {worst:.6f}")
            self.assertLess(worst, 0.001)
            self.assertIn("500 images in ", done.stderr)
            self.assertIn("10 failed", done.stderr)
            scores = [[choice["score"] for choice in result.get("ranking", [])]
                      for result in results]
            first = first or scores
            for one, other in zip(first, scores):
                for a, b in zip(one, other):
                    self.assertAlmostEqual(a, b, delta=1e-4)


class Inputs(TemporaryFolder):
    def setUp(self):
        super().setUp()
        (self.folder / "in").mkdir()
        self.paths = []
        for i, name in enumerate(["a.png", "b c.jpg", "d\ne.png", "ümlaut.png"]):
            draw(self.folder / "in" / name, i)
            self.paths.append(str(self.folder / "in" / name))

    def images(self, *arguments, **options):
        done = classify("--json", "--labels", "cat,dog", *arguments, **options)
        return [result["image"] for result in json_lines(done.stdout)]

    def test_files_folders_and_lists(self):
        self.assertEqual(self.images(self.folder / "in"), self.paths)
        self.assertEqual(self.images(self.paths[1], self.folder / "in"),
                         [self.paths[1], *self.paths])
        plain = [path for path in self.paths if "\n" not in path]
        listed = self.folder / "list.txt"
        listed.write_text("\r\n".join(plain) + "\n\n")
        self.assertEqual(self.images("--images", listed), plain)
        self.assertEqual(self.images("-", stdin="\n".join(plain)), plain)
        self.assertEqual(self.images("--images", "-", stdin="\n".join(plain)), plain)
        self.assertEqual(self.images("-0", "-", stdin="\0".join(self.paths) + "\0"), self.paths)
        self.assertEqual(self.images("-0", "-", self.paths[0], stdin=self.paths[1] + "\0"),
                         [self.paths[1], self.paths[0]])

    def test_patterns_exclude_what_is_in_folders(self):
        folder = self.folder / "in"
        for name in ("@eaDir", "raw", ".thumbs"):
            (folder / name).mkdir()
            shutil.copy(self.paths[0], folder / name / "a.png")
        raw, thumb = str(folder / "raw" / "a.png"), str(folder / ".thumbs" / "a.png")
        a, b, d, u = self.paths
        self.assertEqual(self.images(folder), [a, b, d, raw, u])
        self.assertEqual(self.images("--exclude", "*.png", folder), [b])
        self.assertEqual(self.images(folder, "--exclude", "*.png", "--exclude", "!a*"), [a, b, raw])
        self.assertEqual(self.images("--exclude", "/raw/", "--exclude", "!.*", folder),
                         [thumb, a, b, d, u])
        # What is named is meant.
        self.assertEqual(self.images("--exclude", "*.png", a, folder / ".thumbs", b), [a, b])
        (folder / ".clipignore").write_text("# not these\n*.png\n!a.png\n")
        self.assertEqual(self.images(folder), [a, b, raw])
        self.assertEqual(self.images(folder / "raw", "--exclude", "b"), [raw])
        (folder / "raw" / ".clipignore").write_text("#" * (1 << 20 | 1))
        done = classify("--json", "--labels", "cat,dog", folder)
        self.assertEqual(done.returncode, 1)
        results = json_lines(done.stdout)
        self.assertEqual([result["image"] for result in results], [a, b, str(folder / "raw")])
        self.assertIn(".clipignore: it is larger than 1 MiB", results[-1]["error"]["message"])
        done = classify("--labels", "a,b", folder, "--exclude", "[a")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no file could match the pattern '[a'", done.stderr)

    def test_loops_of_links_end(self):
        (self.folder / "in" / "up").symlink_to(self.folder)
        self.assertEqual(self.images(self.folder / "in"), self.paths)

    def test_a_name_that_is_no_utf8_is_not_lost(self):
        name = os.fsencode(str(self.folder)) + b"/\xff\xfe.png"
        shutil.copy(self.paths[0], name)
        done = subprocess.run([BINARY, "classify", "--model", TINY, "--labels", "a,b", "--json",
                               name], capture_output=True, check=True)
        result = json.loads(done.stdout)
        self.assertEqual(bytes.fromhex(result["image_hex"]), name)

    def test_answers_come_while_the_list_is_written(self):
        process = subprocess.Popen(
            [BINARY, "classify", "--model", TINY, "--labels", "a,b", "--json", "-"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for path in (self.paths[0], self.paths[1], self.paths[3]):
            process.stdin.write(path + "\n")
            process.stdin.flush()
            self.assertEqual(json.loads(process.stdout.readline())["image"], path)
        process.stdin.close()
        self.assertEqual(process.wait(), 0)
        process.stdout.close()

    def test_bad_usage(self):
        for arguments, word in (
                (["--labels", "a,b"], "no image"),
                ([self.paths[0]], "no labels"),
                ([self.paths[0], "--labels", "a,,b"], "empty"),
                ([self.paths[0], "--labels", "a,b,a"], "twice"),
                ([self.paths[0], "--label-set", "nonesuch"], "cifar10"),
                ([self.paths[0], "--labels", "a", "--label-set", "cifar10"], "one of"),
                ([self.paths[0], "--labels", "a,b", "--template", "photo"], "{}"),
                ([self.paths[0], "--labels", "a,b", "--template-set", "no"], "openai_imagenet"),
                ([self.paths[0], "--labels", "a,b", "--top-k", "0"], "--top-k"),
                ([self.paths[0], "--labels", "a,b", "--threshold", "2"], "--threshold"),
                ([self.paths[0], "--labels", "a,b", "--dry-run"], "--sort-into"),
                ([self.paths[0], "--labels", "a,b", "--by", "copy"], "--sort-into"),
                ([self.paths[0], "dog", "pizza", "--labels", "cat"], '--labels "cat,dog"'),
                ([self.paths[0], "--labels", "a,b", "--resume"], "--output"),
                ([self.paths[0], "--labels", "a,b", "--resume", "-o", "x.csv"], "jsonl"),
                ([self.paths[0], "--labels", "a,b", "--json", "--csv"], "--csv"),
                (["-", "--images", "-", "--labels", "a,b"], "standard input"),
                (["--images", "-", "--labels-file", "-"], "standard input"),
                (["-", "--labels-file", "-"], "standard input")):
            done = classify(*arguments)
            self.assertEqual(done.returncode, 2, (arguments, done.stderr))
            self.assertIn(word, done.stderr)
            self.assertEqual(done.stdout, "")

    def test_lists_and_files_that_cannot_be_used(self):
        for arguments, word in (
                (["--labels", "a,b", "--images", self.folder / "none"], "none"),
                (["--labels", "a,b", "--images", self.folder], "folder"),
                (["--labels-file", self.folder / "none", self.paths[0]], "none"),
                (["--labels-file", os.devnull, self.paths[0]], "holds no labels"),
                (["--labels", "a,b", "-o", self.folder, self.paths[0]], str(self.folder)),
                (["--labels", "a,b", "-o", self.folder / "no/x.csv", self.paths[0]], "no/x.csv"),
                (["--labels", "a,b", "--report", "/proc/x.html", self.paths[0]], "/proc/x.html"),
                (["--labels", "a " * 99 + ",b", self.paths[0]], "--truncate")):
            done = classify(*arguments)
            self.assertEqual(done.returncode, 1, (arguments, done.stderr))
            self.assertIn(word, done.stderr)
            self.assertEqual(done.stdout, "")
        self.assertEqual(classify("--labels", "a " * 99 + ",b", "--truncate",
                                  self.paths[0]).returncode, 0)

    def test_a_run_that_fails_does_not_wait_for_the_rest_of_a_list(self):
        for arguments in (["--labels", "a,b", "-o", "/dev/full"], ["--labels", "a " * 99 + ",b"]):
            process = subprocess.Popen([BINARY, "classify", "--model", TINY, *arguments, "-"],
                                       stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, text=True)
            process.stdin.write(self.paths[0] + "\n")
            process.stdin.flush()  # and stays open
            self.assertEqual(process.wait(30), 1, arguments)
            process.stdin.close()

    def test_one_label_is_pointed_out(self):
        done = classify("--labels", "only", self.paths[0])
        self.assertEqual(done.returncode, 0)
        self.assertIn("only one label", done.stderr)
        self.assertEqual(classify("-q", "--labels", "only", self.paths[0]).stderr, "")
        self.assertNotIn("label", classify("--labels", "a,b", self.paths[0]).stderr)

    def test_a_run_over_no_image_fails(self):
        (self.folder / "empty").mkdir()
        done = classify("--labels", "a,b", self.folder / "empty")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no image was found", done.stderr)


class Formats(TemporaryFolder):
    """Labels with everything in them that a format could stumble over."""

    def setUp(self):
        super().setUp()
        # One image whose name is odd, too.
        self.image = str(self.folder / 'a,"b"\t<i>é.png')
        draw(self.image, 1)
        self.arguments = ["--labels", quoted(ODD_LABELS), "--top-k", len(ODD_LABELS)]
        self.result = json_lines(classify("--json", *self.arguments, self.image).stdout)[0]

    def test_json(self):
        self.assertEqual(self.result["image"], self.image)
        self.assertEqual({choice["label"] for choice in self.result["ranking"]}, set(ODD_LABELS))
        self.assertEqual(list(self.result), ["image", "model", "label", "probability", "ranking"])
        self.assertEqual(list(self.result["ranking"][0]), ["label", "probability", "score"])

    def test_characters_that_end_lines_for_some_readers_are_escaped(self):
        label = "one\u2028two\u2029three\u0085four"
        paths = [str(self.folder / f"{label}{i}.png") for i in range(2)]
        for path in paths:
            shutil.copy(self.image, path)
        paths.append(str(self.folder / f"{label}.jpg"))  # is missing
        output = self.folder / "out.jsonl"
        texts = [classify("--json", "--labels", f"{label},b", "--template", f"{label} {{}}",
                          *paths).stdout]
        classify("-o", output, "--labels", f"{label},b", *paths)
        texts.append(output.read_text())
        for text in texts:
            lines = text.splitlines()
            self.assertEqual(len(lines), 3)
            results = [json.loads(line) for line in lines]
            self.assertEqual([result["image"] for result in results], paths)
            self.assertEqual({choice["label"] for choice in results[0]["ranking"]}, {label, "b"})
            self.assertIn(label, results[2]["error"]["message"])

    def check_rows(self, rows):
        self.assertEqual(len(rows), 2)
        self.assertEqual(rows[0][:6], ["image", "label", "probability", "error", "label_1",
                                       "probability_1"])
        self.assertEqual(len(rows[0]), 4 + 2 * len(ODD_LABELS))
        row = rows[1]
        self.assertEqual(row[0], self.image)
        self.assertEqual(row[1], self.result["label"])
        self.assertEqual(row[3], "")
        self.assertEqual(row[4::2], [choice["label"] for choice in self.result["ranking"]])
        for ours, choice in zip(row[5::2], self.result["ranking"]):
            self.assertAlmostEqual(float(ours), choice["probability"], delta=1e-6)

    def test_csv(self):
        text = classify("--csv", *self.arguments, self.image).stdout
        self.check_rows(list(csv.reader(io.StringIO(text, newline=""))))

    def test_tsv_is_what_a_pipe_gets(self):
        text = classify(*self.arguments, self.image).stdout
        self.assertEqual(text, classify("--tsv", *self.arguments, self.image).stdout)
        names = {"\\t": "\t", "\\n": "\n", "\\\\": "\\"}

        def unescaped(field):
            parts = field.split("\\\\")
            for short, character in names.items():
                parts = [part.replace(short, character) for part in parts]
            return "\\".join(parts)

        lines = text.rstrip("\n").split("\n")
        self.check_rows([[unescaped(field) for field in line.split("\t")] for line in lines])

    def test_output_file_by_its_ending(self):
        for ending, flag in (("jsonl", "--json"), ("csv", "--csv"), ("tsv", "--tsv"),
                             ("txt", "--tsv")):
            path = self.folder / f"out.{ending}"
            path.write_text("before")
            done = classify("-o", path, *self.arguments, self.image)
            self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
            written = path.read_text()
            if flag == "--json":
                # A file also says what made it, so that --resume can go on with it.
                result = json_lines(written)[0]
                self.assertRegex(result.pop("run"), r"\Amodel=[0-9a-f]{12} labels=[0-9a-f]{12} ")
                self.assertEqual(result, self.result)
            else:
                self.assertEqual(written, classify(flag, *self.arguments, self.image).stdout)

    def test_threshold(self):
        done = classify("--json", "--threshold", 1, *self.arguments, self.image)
        result = json_lines(done.stdout)[0]
        self.assertEqual(result["label"], "unknown")
        self.assertEqual(result["ranking"], self.result["ranking"])

    def test_top_k(self):
        result = json_lines(classify("--json", "--labels", "a,b,c", "--top-k", 2,
                                     self.image).stdout)[0]
        self.assertEqual(len(result["ranking"]), 2)
        result = json_lines(classify("--json", "--label-set", "cifar10", self.image).stdout)[0]
        self.assertEqual(len(result["ranking"]), 5)

    def test_when_nobody_reads_any_more_nothing_is_left_lying_about(self):
        images = " ".join(["'" + str(self.image).replace("'", "") + "'"] * 3000)
        done = subprocess.run(
            ["bash", "-c", f"'{BINARY}' classify --model '{TINY}' --labels a,b -q --report "
             f"'{self.folder}/report.html' {images} | head -1; echo ${{PIPESTATUS[0]}}"],
            capture_output=True, text=True, check=False)
        self.assertEqual(done.stdout.splitlines()[-1], str(128 + signal.SIGPIPE))
        self.assertEqual(done.stderr, "")
        self.assertEqual([path.name for path in self.folder.iterdir()], [Path(self.image).name])

    def test_a_full_disk_leaves_the_file_as_it_was(self):
        done = classify("-o", "/dev/full", *self.arguments, self.image)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/dev/full", done.stderr)

    def test_list_of_sets(self):
        sets = json_lines(classify("--list-label-sets", "--json").stdout)
        self.assertIn({"kind": "labels", "name": "cifar100", "count": 100}, sets)
        self.assertIn({"kind": "templates", "name": "openai_imagenet", "count": 80}, sets)
        self.assertIn("imagenet ", classify("--list-label-sets").stdout)


class Sorting(TemporaryFolder):
    def setUp(self):
        super().setUp()
        # The same name four times, and images of one label.
        self.images = []
        for i in range(4):
            place = self.folder / "in" / str(i)
            place.mkdir(parents=True)
            draw(place / "same.png", i)
            self.images.append(place / "same.png")

    def sort(self, *arguments, labels="only"):
        done = classify("--json", "--truncate", "--labels", quoted([labels]), self.folder / "in",
                        "--sort-into", self.folder / "out", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [result["filed"] for result in json_lines(done.stdout)]

    def expected(self, folder="only"):
        return [str(self.folder / "out" / folder / name)
                for name in ("same.png", "same-1.png", "same-2.png", "same-3.png")]

    def test_links(self):
        before = [path.read_bytes() for path in self.images]
        self.assertEqual(self.sort(), self.expected())
        for path, image in zip(self.expected(), self.images):
            self.assertTrue(Path(path).is_symlink())
            self.assertEqual(Path(path).resolve(), image.resolve())
        # Again: what is filed stays as it is, nothing is doubled.
        self.assertEqual(self.sort(), self.expected())
        self.assertEqual(len(list((self.folder / "out/only").iterdir())), 4)
        self.assertEqual([path.read_bytes() for path in self.images], before)

    def test_copies(self):
        os.utime(self.images[0], (1e9, 1e9))
        self.assertEqual(self.sort("--by", "copy"), self.expected())
        for path, image in zip(self.expected(), self.images):
            self.assertFalse(Path(path).is_symlink())
            self.assertEqual(Path(path).read_bytes(), image.read_bytes())
        self.assertEqual(Path(self.expected()[0]).stat().st_mtime, 1e9)
        again = self.sort("--by", "copy")
        self.assertEqual(again[0], str(self.folder / "out/only/same-4.png"))
        self.assertEqual(len(list((self.folder / "out/only").iterdir())), 8)

    def test_moves(self):
        before = [path.read_bytes() for path in self.images]
        self.assertEqual(self.sort("--by", "move"), self.expected())
        self.assertEqual([Path(path).read_bytes() for path in self.expected()], before)
        self.assertFalse(any(path.exists() for path in self.images))

    def test_nothing_is_overwritten(self):
        taken = self.folder / "out/only/same.png"
        taken.parent.mkdir(parents=True)
        taken.write_text("mine")
        for how in ("link", "copy", "move"):
            filed = self.sort("--by", how)
            self.assertNotIn(str(taken), filed)
            self.assertEqual(taken.read_text(), "mine")

    def test_dry_run_says_the_same_and_does_nothing(self):
        self.assertEqual(self.sort("--dry-run", "--by", "move"), self.expected())
        self.assertFalse((self.folder / "out").exists())
        self.assertTrue(all(path.exists() for path in self.images))

    def test_odd_labels_are_folders_of_their_own(self):
        for label, folder in (("a/b", "a%2Fb"), ("..", "%2E."), ("../x", "%2E.%2Fx"),
                              ("50%2F", "50%252F"), ("100 % cotton", "100 % cotton"),
                              ("🐈 <b>", "🐈 <b>"), ("tab\t", "tab%09"),
                              ("unknown", "unknown")):
            self.assertEqual(self.sort(labels=label), self.expected(folder))
        long = self.sort(labels="ü" * 200)
        self.assertEqual(len({Path(path).parent for path in long}), 1)
        self.assertLess(len(os.fsencode(Path(long[0]).parent.name)), 255)
        # Everything stayed within the folder.
        self.assertEqual({path.name for path in self.folder.iterdir()}, {"in", "out"})

    def test_a_folder_within_the_images_is_not_read(self):
        done = classify("--json", "--labels", "a,b", self.folder, "--sort-into",
                        self.folder / "in/sorted")
        self.assertEqual(len(json_lines(done.stdout)), 4)
        done = classify("--json", "--labels", "a,b", self.folder, "--sort-into",
                        self.folder / "in/sorted")
        self.assertEqual(len(json_lines(done.stdout)), 4)

    def test_the_folder_itself_is_refused(self):
        done = classify("--json", "--labels", "a", "--sort-into", self.folder / "in",
                        self.folder / "in")
        self.assertEqual(done.returncode, 1)
        self.assertIn("results go to", done.stderr)
        self.assertTrue(all(path.exists() for path in self.images))

    def test_what_cannot_be_filed_is_an_error_of_its_image(self):
        blocked = self.folder / "out"
        blocked.mkdir()
        (blocked / "only").write_text("a file where the folder should be")
        done = classify("--json", "--labels", "only", self.folder / "in", "--sort-into", blocked)
        self.assertEqual(done.returncode, 1)
        for result in json_lines(done.stdout):
            self.assertEqual(result["error"]["code"], "not_filed")
            self.assertIn("cannot file", result["error"]["message"])
            self.assertEqual(result["label"], "only")
        (blocked / "only").unlink()
        done = classify("--labels", "only", self.folder / "in", "--sort-into", self.images[0])
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(self.images[0]), done.stderr)


class Resume(TemporaryFolder):
    def setUp(self):
        super().setUp()
        (self.folder / "in").mkdir()
        draw(self.folder / "image.png", 1)
        self.images = []
        for i in range(int(os.environ.get("CLIP_TEST_MANY", "3000"))):
            path = self.folder / "in" / f"{i:05d}.png"
            os.link(self.folder / "image.png", path)
            self.images.append(str(path))
        bad = self.folder / "in" / "00007.png"
        bad.unlink()
        bad.write_text("this is no image")
        self.output = self.folder / "out.jsonl"
        self.command = [BINARY, "classify", "--model", str(TINY), "--labels", "a,b", "--output",
                        str(self.output), "--resume", str(self.folder / "in")]

    def one_result(self):
        """The line of the first image, as such a run writes it."""
        path = self.folder / "one.jsonl"
        done = classify("-o", path, "--labels", "a,b", self.images[0])
        self.assertEqual(done.returncode, 0, done.stderr)
        return path.read_text()

    def held(self):
        return self.output.read_bytes().count(b"\n") if self.output.exists() else 0

    def kill_once_it_holds(self, lines, how=signal.SIGKILL):
        process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   text=True)
        while self.held() < lines and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(how)
        _, errors = process.communicate()
        return process.returncode, errors

    def check_complete(self):
        results = json_lines(self.output.read_text())
        self.assertEqual([result["image"] for result in results], self.images)
        self.assertEqual([result["image"] for result in results if "error" in result],
                         [self.images[7]])

    def test_kill_9_again_and_again(self):
        chance = random.Random(1)
        killed = 0
        for share in (0.1, 0.3, 0.35, 0.6, 0.9):
            code, _ = self.kill_once_it_holds(int(share * len(self.images)))
            killed += code == -signal.SIGKILL
            # What a crash could do besides: cut the last line anywhere.
            size = self.output.stat().st_size
            os.truncate(self.output, size - chance.randrange(1, 200))
        self.assertGreaterEqual(killed, 3)
        done = subprocess.run(self.command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr, r"\d+ had been done before")
        self.check_complete()
        # Once more: nothing is left to do, and the bad one is not forgotten.
        before = self.output.read_bytes()
        done = subprocess.run(self.command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("0 images", done.stderr)
        self.assertEqual(self.output.read_bytes(), before)

    def test_ctrl_c_finishes_what_is_in_flight(self):
        code, errors = self.kill_once_it_holds(100, signal.SIGINT)
        self.assertEqual(code, -signal.SIGINT, errors)
        self.assertRegex(errors, r"interrupted: \d+ images in ")
        results = json_lines(self.output.read_text())
        self.assertGreaterEqual(len(results), 100)
        self.assertLess(len(results), len(self.images))
        self.assertEqual([result["image"] for result in results], self.images[: len(results)])
        self.assertIn(f"interrupted: {len(results)} images", errors)
        subprocess.run(self.command, capture_output=True, check=False)
        self.check_complete()

    def test_ctrl_c_without_resume_keeps_what_is_done(self):
        output = self.folder / "out.csv"
        report = self.folder / "report.html"
        output.write_text("before")
        process = subprocess.Popen(
            [BINARY, "classify", "--model", str(TINY), "--labels", "a,b", "--output", str(output),
             "--report", str(report), "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)
        process.stdin.write("\n".join(self.images[:7]) + "\n")
        process.stdin.flush()
        for _ in range(6000):  # until all seven lines stand in the file that is being written
            written = [path for path in self.folder.iterdir() if ".part" in path.name]
            if any(len(path.read_bytes().splitlines()) == 8 for path in written):
                break
            time.sleep(0.01)
        self.assertEqual(output.read_text(), "before")
        self.assertFalse(report.exists())
        process.send_signal(signal.SIGHUP)  # while it waits for more of the list
        self.assertEqual(process.wait(), -signal.SIGHUP)
        self.assertIn("interrupted: 7 images", process.stderr.read())
        process.stdin.close()
        process.stderr.close()
        self.assertEqual(len(output.read_text().splitlines()), 8)
        self.assertEqual((self.folder / "out.csv~").read_text(), "before")
        self.assertIn("</html>", report.read_text())
        self.assertEqual([path.name for path in self.folder.iterdir() if ".part" in path.name], [])

    def test_a_second_run_at_once_is_refused(self):
        process = subprocess.Popen(self.command[:-1] + ["-"], stdin=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
        process.stdin.write(self.images[0].encode() + b"\n")
        process.stdin.flush()
        while self.held() < 1:
            time.sleep(0.01)
        done = subprocess.run(self.command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("another run", done.stderr)
        process.stdin.close()
        self.assertEqual(process.wait(), 0)
        self.assertEqual(self.held(), 1)

    def test_other_files_and_other_runs_are_left_alone(self):
        good = self.one_result()
        result = json.loads(good)
        del result["run"]
        without_run = json.dumps(result) + "\n"
        self.assertNotIn("run", json_lines(classify("--json", "--labels", "a,b",
                                                    self.images[0]).stdout)[0])
        for text, word in (("my notes, without a line's end", "no result of classify"),
                           ("my notes\nmore\n", "no result of classify"),
                           ('{"a": 1}\n', "no result of classify"),
                           (without_run, "line 1 does not say how it was made"),
                           (good + without_run, "line 2 does not say how it was made"),
                           (good.replace('"model=', '"model=0'), "other model"),
                           (good.replace(" labels=", " labels=0"), "other labels"),
                           (json.dumps({**json.loads(good), "run": "no facts"}) + "\n",
                            "other model (none, this run has "),
                           (good.replace('"run":"', '"run":7,"x":"'), "no result of classify"),
                           (good + "half a li", "no result of classify"),
                           ("{}\n" + good, "line 1")):
            self.output.write_text(text)
            done = subprocess.run(self.command, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1, text)
            self.assertIn(word, done.stderr)
            self.assertEqual(self.output.read_text(), text)

    def test_a_last_line_without_its_end_is_kept(self):
        first = self.one_result().rstrip("\n")
        for text in (first, first + "\n", first + "\n" + first[:10], first + "\n\0\0\0\0"):
            self.output.write_text(text)
            subprocess.run(self.command, capture_output=True, check=False)
            self.check_complete()


class ResumedRuns(TemporaryFolder):
    """What --resume goes on with: results of the same model, labels and options, wherever they
    lie."""

    OPTIONS = ["--labels", "a,b"]

    def setUp(self):
        super().setUp()
        (self.folder / "in").mkdir()
        for i in range(3):
            draw(self.folder / "in" / f"{i}.png", i)
        self.model = self.folder / "models" / "model.pt"
        self.model.parent.mkdir()
        shutil.copy(TINY, self.model)
        self.output = self.folder / "out.jsonl"
        self.go_on(*self.OPTIONS, done=0, new=3)

    def classify(self, *arguments, model=None, output=None, cwd=None):
        command = [BINARY, "classify", "--model", model or self.model, "-o", output or self.output,
                   "--resume", *arguments, self.folder / "in"]
        return subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True,
                              text=True, check=False)

    def go_on(self, *arguments, done, new, **how):
        before = self.output.read_text() if self.output.exists() else ""
        ended = self.classify(*arguments, **how)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertRegex(ended.stderr, rf"{new} images? in")
        if done > 0:
            self.assertIn(f"{done} had been done before", ended.stderr)
        after = self.output.read_text()
        self.assertTrue(after.startswith(before))
        self.assertEqual(len(json_lines(after)), done + new)

    def refuse(self, word, *arguments, **how):
        before = self.output.read_text()
        ended = self.classify(*arguments, **how)
        self.assertEqual((ended.returncode, ended.stdout), (1, ""), (arguments, ended.stderr))
        self.assertRegex(ended.stderr, rf"\Aclip-cli: cannot resume .*: line 1 was made with other "
                                       rf"{word} \(.+, this run has .+\)")
        self.assertEqual(len(ended.stderr.splitlines()), 1)
        self.assertEqual(self.output.read_text(), before)

    def test_the_same_model_under_another_path(self):
        draw(self.folder / "in" / "3.png", 3)
        self.go_on(*self.OPTIONS, done=3, new=1, model="models/model.pt", output="out.jsonl",
                   cwd=self.folder)
        draw(self.folder / "in" / "4.png", 4)
        self.go_on(*self.OPTIONS, done=4, new=1, model="../models/model.pt",
                   output="../out.jsonl", cwd=self.folder / "in")
        moved = self.folder / "moved.pt"
        self.model.rename(moved)
        draw(self.folder / "in" / "5.png", 5)
        self.go_on(*self.OPTIONS, done=5, new=1, model=moved)
        self.go_on(*self.OPTIONS, done=6, new=0, model="./moved.pt", cwd=self.folder)

    def test_what_does_not_change_results(self):
        for arguments in (["--batch", "1"], ["--threads", "1"], ["--top-k", "1"], ["-q"],
                          ["--report", self.folder / "page.html"],
                          ["--template", "a photo of a {}."], ["--max-pixels", "500M"]):
            ended = self.classify(*self.OPTIONS, *arguments)
            self.assertEqual(ended.returncode, 0, (arguments, ended.stderr))
        labels = self.folder / "labels.txt"
        labels.write_text("a\nb\n")
        self.go_on("--labels-file", labels, done=3, new=0)

    def test_other_options_are_refused(self):
        draw(self.folder / "in" / "3.png", 3)
        labels = self.folder / "labels.tsv"
        labels.write_text("a\tan a\nb\n")
        for word, arguments in (
                ("templates", ["--template-set", "openai_imagenet_7"]),
                ("templates", ["--template", "the {}"]),
                ("decoding", ["--ignore-exif"]), ("decoding", ["--max-pixels", "499M"]),
                ("decoding", ["--fast-decode"]), ("threshold", ["--threshold", "0.6"]),
                ("truncation", ["--truncate"]), ("engine", ["--engine", "torchscript"])):
            self.refuse(word, *self.OPTIONS, *arguments)
        self.refuse("labels", "--labels", "a,c")
        self.refuse("labels", "--labels", "a,b,c")
        self.refuse("labels", "--labels-file", labels)
        # The same options again: none of these has been forgotten, or added to the file.
        self.go_on(*self.OPTIONS, done=3, new=1)

    def test_another_precision_is_refused(self):
        if "avx512_bf16" in Path("/proc/cpuinfo").read_text():
            self.refuse("precision", *self.OPTIONS, "--precision", "bf16")
        else:  # The results are those of fp32 then.
            self.go_on(*self.OPTIONS, "--precision", "bf16", done=3, new=0)

    def test_another_model_under_the_same_path_is_refused(self):
        save_random(self.model, seed=1)
        self.refuse("model", *self.OPTIONS)
        save_random(self.model, seed=2)
        self.output.unlink()
        self.go_on(*self.OPTIONS, done=0, new=3)
        save_random(self.model, seed=1)
        self.refuse("model", *self.OPTIONS)
        save_random(self.model, seed=2)  # written anew
        self.go_on(*self.OPTIONS, done=3, new=0)

    def test_results_of_a_model_s_own_code(self):
        save_moody(self.model)
        self.output.unlink()
        self.go_on(*self.OPTIONS, "--engine", "torchscript", done=0, new=3)
        self.go_on(*self.OPTIONS, "--engine", "torchscript", done=3, new=0)


class UnusableEmbeddings(TemporaryFolder):
    def test_they_are_errors_of_their_images(self):
        model = self.folder / "moody.pt"
        save_moody(model)
        (self.folder / "in").mkdir()
        image = need("PIL.Image")
        for i in range(40):
            path = self.folder / "in" / f"{i:02d}.png"
            if i % 10 == 3:
                image.new("RGB", (50, 60), (255, 255, 255)).save(path)
            elif i % 10 == 7:
                image.new("RGB", (50, 60), (0, 0, 0)).save(path)
            else:
                draw(path, i)
        lengths = {3: "length nan,", 7: "length 0,"}
        bad = {str(self.folder / "in" / f"{i:02d}.png"): lengths[i % 10]
               for i in range(40) if i % 10 in lengths}
        arguments = ["--engine", "torchscript", "--labels", "a,b"]
        whole = None
        for batch in (1, 8, 64):
            output = self.folder / f"{batch}.jsonl"
            done = classify(*arguments, "--batch", batch, "-o", output, self.folder / "in",
                            model=model)
            self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
            self.assertIn("40 images in", done.stderr)
            self.assertIn("8 failed", done.stderr)
            results = json_lines(output.read_text())
            self.assertEqual([Path(result["image"]).name for result in results],
                             [f"{i:02d}.png" for i in range(40)])
            self.assertEqual({result["image"] for result in results if "error" in result}, set(bad))
            scores = []
            for result in results:
                if "error" in result:
                    self.assertEqual(list(result), ["image", "model", "run", "error"])
                    self.assertEqual(result["error"]["code"], "bad_image")
                    self.assertIn(bad[result["image"]], result["error"]["message"])
                    self.assertIn(result["error"]["message"], done.stderr)
                else:
                    scores.append([choice["score"] for choice in
                                   sorted(result["ranking"], key=lambda one: one["label"])])
            whole = whole or scores
            self.assertLess(max_difference(scores, whole), 1e-4)
            # They count as done.
            again = classify(*arguments, "-o", output, "--resume", self.folder / "in", model=model)
            self.assertEqual(again.returncode, 1)
            self.assertIn("0 images in", again.stderr)
            self.assertIn("8 of those that had been done before had failed", again.stderr)

    def test_that_of_a_label_ends_the_run_before_anything_is_written(self):
        model = self.folder / "moody.pt"
        save_moody(model)
        output = self.folder / "out.csv"
        output.write_text("before")
        done = classify("--engine", "torchscript", "--labels", "a," + "b " * 25, "-o", output,
                        photographs()[0], model=model)
        self.assertEqual(done.returncode, 1)
        self.assertIn("b b b b", done.stderr)
        self.assertEqual(output.read_text(), "before")


class Progress(TemporaryFolder):
    """In a real terminal."""

    COUNT = min(4000, int(os.environ.get("CLIP_TEST_MANY", "4000")))  # images

    def setUp(self):
        super().setUp()
        (self.folder / "in").mkdir()
        draw(self.folder / "image.png", 1)
        for i in range(self.COUNT):
            os.link(self.folder / "image.png", self.folder / "in" / f"{i:05d}.png")
        (self.folder / "in" / "00000.png").unlink()
        (self.folder / "in" / "00000.png").write_text("this is no image")
        if shutil.which("tmux") is None:
            self.fail("missing tmux: apt-get install tmux")
        self.socket = str(self.folder / "tmux")
        self.addCleanup(self.tmux, "kill-server")

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-S", self.socket, *map(str, arguments)],
                              capture_output=True, text=True, check=False).stdout

    def run_in_terminal(self, *arguments, columns=100, after="; echo EXIT $?; sleep 100"):
        command = " ".join(f"'{word}'" for word in
                           [BINARY, "classify", "--model", TINY, "--labels", "cat,dog", *arguments])
        # A shell whose command Ctrl-C has ended goes, too, and the screen with it, unless it has a
        # trap; the command itself does not inherit that.
        self.tmux("-f", os.devnull, "new-session", "-d", "-x", columns, "-y", 30,
                  f"trap : INT; LC_ALL=C.UTF-8 {command}{after}")

    def screens(self, until, seconds=300):
        """Screens as they change, up to one that holds the words."""
        screens, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            screen = self.tmux("capture-pane", "-p")
            if not screens or screens[-1] != screen:
                screens.append(screen)
            if until in screen:
                return screens
            time.sleep(0.02)
        self.fail(f"'{until}' did not come; last screen:\n{screens[-1]}")

    def test_a_line_that_moves_and_a_last_one_that_stays(self):
        self.run_in_terminal("--batch", 4, "-o", self.folder / "out.csv", self.folder / "in")
        screens = self.screens("EXIT 1")
        # With all images done it may still be there for a moment, with no time left.
        moving = [screen for screen in screens
                  if f"/{self.COUNT} images, " in screen
                  and f"{self.COUNT}/{self.COUNT} images" not in screen]
        self.assertGreater(len(moving), 2)
        self.assertRegex(moving[-1], rf"\d+/{self.COUNT} images, [\d.]+ a second, "
                                     r"[\d.]+ (min \d+ )?s left, 1 failed")
        last = screens[-1].split("EXIT")[0]
        self.assertNotIn(f"/{self.COUNT}", last)
        self.assertRegex(last, rf"clip-cli: {self.COUNT} images in [\d.]+ (min \d+ )?s, 1 failed")

    def test_a_table_with_the_progress_on_the_same_terminal(self):
        shutil.rmtree(self.folder / "in")
        (self.folder / "in").mkdir()
        draw(self.folder / "in" / "日本語 with a long name, longer than its column has room for it "
             "to stand in.png", 1)
        draw(self.folder / "in" / "b.png", 2)
        self.run_in_terminal(self.folder / "in", columns=90)
        screen = self.screens("EXIT 0")[-1]
        lines = [line.rstrip() for line in screen.split("\n")]
        self.assertRegex(lines[0], r"^image +label +probability  or$")
        self.assertRegex(lines[1], r"b\.png +(cat|dog) +\d+\.\d\d %  (cat|dog) \d+\.\d %$")
        self.assertIn("…", lines[2])
        self.assertRegex(lines[3], "2 images in .* none failed")
        self.assertNotIn("a second", screen)

    def test_ctrl_c_in_a_terminal(self):
        self.run_in_terminal("--batch", 4, "-o", self.folder / "out.csv", self.folder / "in")
        self.screens(f"/{self.COUNT} images")
        self.tmux("send-keys", "C-c")
        screen = self.screens("EXIT 130")[-1]
        self.assertRegex(screen,
                         rf"interrupted: \d+ images of {self.COUNT} in [\d.]+ (min \d+ )?s, 1 failed")

    def test_quiet_says_nothing(self):
        self.run_in_terminal("-q", "-o", self.folder / "out.csv", self.folder / "in")
        for screen in self.screens("EXIT 1"):
            self.assertNotIn("a second", screen)
            self.assertNotIn(f"{self.COUNT} images", screen)

    def test_no_line_where_there_is_no_terminal(self):
        done = classify("--labels", "cat,dog", self.folder / "in")
        self.assertNotIn("\r", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 2, done.stderr)


class FastDecode(TemporaryFolder):
    def test_it_changes_large_jpegs_alone_and_by_little(self):
        image = need("PIL.Image")
        large, small = self.folder / "large.jpg", self.folder / "small.jpg"
        image.open(photographs()[1]).convert("RGB").resize((2000, 1500)).save(large, quality=92)
        image.open(photographs()[1]).convert("RGB").resize((100, 80)).save(small, quality=92)
        whole, fast = (json_lines(classify("--json", "--labels", "a,b,c", *flags, large,
                                           small).stdout)
                       for flags in ([], ["--fast-decode"]))
        self.assertEqual(whole[1], fast[1])
        self.assertNotEqual(whole[0], fast[0])
        one, other = ({choice["label"]: choice["score"] for choice in result[0]["ranking"]}
                      for result in (whole, fast))
        for label, score in one.items():
            self.assertAlmostEqual(score, other[label], delta=0.5)


if __name__ == "__main__":
    unittest.main()
