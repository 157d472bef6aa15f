"""clip-cli evaluate --retrieval: against a plain PyTorch computation on the same embeddings, and
the files of CLIP_benchmark."""

import io
import json
import random
import tarfile
import tempfile
import unittest
from pathlib import Path

from common import MODELS, json_lines, need, run
from images import draw

numpy = need("numpy")
torch = need("torch")

TINY = MODELS / "published-tiny.pt"
WORDS = ["a", "red", "small", "cat", "tree", "house", "on", "blue", "old", "the", "boat", "two"]
NAMES = [f"{side}_retrieval_recall@{k}" for k in (1, 5, 10) for side in ("image", "text")]


def retrieval(*arguments, **options):
    return run("evaluate", "--retrieval", "--model", TINY, *arguments, **options)


def torch_recalls(images, texts, image_of_text):
    """All scores at once, sorted: whether the right one is among the first k."""
    scores = torch.tensor(texts, dtype=torch.float64) @ torch.tensor(images,
                                                                     dtype=torch.float64).T
    right = torch.zeros_like(scores, dtype=torch.bool)
    right[torch.arange(len(texts)), torch.tensor(image_of_text)] = True
    recalls = {}
    for k in (1, 5, 10):
        for side, table, truth in (("image", scores, right), ("text", scores.T, right.T)):
            top = table.topk(min(k, table.shape[1]), dim=1).indices
            recalls[f"{side}_retrieval_recall@{k}"] = \
                truth.gather(1, top).any(dim=1).double().mean().item()
    return recalls


class Retrieval(unittest.TestCase):
    """Images of random colours, and captions of random words. The model's weights are random, so
    each image gets captions that the model finds near it as well as others."""

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = Path(cls.temporary.name)
        (cls.folder / "images").mkdir()
        chance = random.Random(11)
        for i in range(40):
            draw(cls.folder / "images" / f"{i:02d}.png", i)
        pool = sorted({" ".join(chance.choices(WORDS, k=chance.randrange(2, 9)))
                       for _ in range(400)})
        cls.images, cls.image_names = cls.embedded(cls.folder / "images")
        (cls.folder / "pool.txt").write_text("".join(text + "\n" for text in pool))
        rows, _ = cls.embedded("--texts", cls.folder / "pool.txt")
        order = (cls.images @ rows.T).argsort(axis=1)[:, ::-1]
        cls.pairs = []
        free = set(range(len(pool)))  # each caption belongs to one image: no scores are equal
        for i, name in enumerate(cls.image_names):
            places = [chance.choice([0, 3, 20, 100]) for _ in range(1 + i % 3)]
            for place in places:
                text = [each for each in order[i][place:] if each in free][0]
                free.remove(text)
                cls.pairs.append((Path(name).name, pool[text]))
        chance.shuffle(cls.pairs)

    @classmethod
    def embedded(cls, *arguments):
        out = cls.folder / "embedded.npy"
        done = run("embed", "--model", TINY, "--output", out, *arguments)
        assert done.returncode == 0, done.stderr
        lines = json_lines(out.with_suffix(".jsonl").read_text())
        return numpy.load(out), [line.get("image") or line.get("text") for line in lines]

    def expected(self, pairs):
        names = list(dict.fromkeys(name for name, _ in pairs))
        places = {Path(name).name: i for i, name in enumerate(self.image_names)}
        (self.folder / "texts.txt").write_text("".join(text + "\n" for _, text in pairs))
        texts, lines = self.embedded("--texts", self.folder / "texts.txt")
        self.assertEqual(lines, [text for _, text in pairs])
        return torch_recalls(self.images[[places[name] for name in names]], texts,
                             [names.index(name) for name, _ in pairs])

    def table(self, text, name="captions.csv"):
        path = self.folder / "images" / name
        path.write_text(text, encoding="utf-8")
        return path

    def csv_of(self, pairs):
        return "image,caption\n" + "".join(f'{name},"{text}"\n' for name, text in pairs)

    def test_recall_is_what_pytorch_computes(self):
        # In the order of the table, an image's captions need not stand together.
        expected = self.expected(self.pairs)
        print({name: round(value, 4) for name, value in expected.items()})
        for name, value in expected.items():
            self.assertTrue(0 < value < 1, f"{name} does not tell right from wrong")
        tables = {"a.csv": self.csv_of(self.pairs),
                  "b.tsv": "title\tfilepath\n" + "".join(f"{text}\t{name}\n"
                                                          for name, text in self.pairs)}
        for name, text in tables.items():
            path = self.table(text, name)
            for options in ([], ["--threads", 1, "--batch", 1]):
                done = retrieval("--json", *options, path)
                self.assertEqual(done.returncode, 0, done.stderr)
                ours = json.loads(done.stdout)
                self.assertEqual(list(ours), ["model", "images", "texts", "failed_images",
                                              "failed_texts", *NAMES])
                self.assertEqual((ours["images"], ours["texts"]), (40, len(self.pairs)))
                for metric, value in expected.items():
                    self.assertAlmostEqual(ours[metric], value, places=12, msg=metric)

    def test_every_format_says_the_same(self):
        path = self.table(self.csv_of(self.pairs))
        ours = json.loads(retrieval("--json", path).stdout)
        text = retrieval(path).stdout
        for side in ("image", "text"):
            numbers = " +".join(f"{100 * ours[f'{side}_retrieval_recall@{k}']:.2f} %"
                                for k in (1, 5, 10))
            self.assertRegex(text, rf"(?m)^{side} retrieval +{numbers}$")
        rows = [line.split(",") for line in retrieval("--csv", path).stdout.splitlines()]
        self.assertEqual(rows[0], ["task", "k", "recall"])
        for task, k, recall in rows[1:]:
            self.assertAlmostEqual(float(recall), ours[f"{task}_recall@{k}"], places=6)
        self.assertEqual(len(rows), 7)
        out = self.folder / "benchmark.json"
        done = retrieval("--json", "--clip-benchmark", out, "--dataset", "flickr", "--language",
                         "de", path)
        self.assertEqual(json.loads(done.stdout), ours)
        benchmark = json.loads(out.read_text())
        self.assertEqual(list(benchmark), ["dataset", "model", "pretrained", "task", "metrics",
                                           "language"])
        self.assertEqual(benchmark, {"dataset": "flickr", "model": "published-tiny",
                                     "pretrained": "published-tiny.pt",
                                     "task": "zeroshot_retrieval", "language": "de",
                                     "metrics": {name: ours[name] for name in NAMES}})

    def test_images_in_another_folder(self):
        path = self.folder / "elsewhere.csv"
        path.write_text(self.csv_of(self.pairs))
        done = retrieval("--json", path)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no image could be embedded", done.stderr)
        self.assertEqual(json.loads(retrieval("--json", path, "--images-in",
                                              self.folder / "images").stdout),
                         json.loads(retrieval("--json", self.table(self.csv_of(self.pairs))).stdout))

    def test_bad_images_and_captions_are_left_out(self):
        (self.folder / "images" / "bad.png").write_text("no image")
        long = " ".join(WORDS * 20)
        pairs = self.pairs[:50]
        text = self.csv_of([("bad.png", "a cat"), *pairs[:20], (pairs[0][0], long), *pairs[20:]])
        done = retrieval("--json", self.table(text))
        self.assertEqual(done.returncode, 1)
        self.assertIn("bad.png", done.stderr)
        ours = json.loads(done.stdout)
        self.assertEqual((ours["failed_images"], ours["failed_texts"], ours["texts"]), (1, 1, 50))
        for metric, value in self.expected(pairs).items():
            self.assertAlmostEqual(ours[metric], value, places=12, msg=metric)
        cut = json.loads(retrieval("--json", "--truncate", self.table(text)).stdout)
        self.assertEqual((cut["failed_texts"], cut["texts"]), (0, 51))

    def test_equal_scores_go_by_the_order_of_the_table(self):
        names = [f"same{i}.png" for i in range(12)]
        for name in names:
            draw(self.folder / "images" / name, 1)
        ours = json.loads(retrieval(
            "--json", self.table(self.csv_of([(name, "a cat") for name in names]))).stdout)
        for k in (1, 5, 10):
            for side in ("image", "text"):
                self.assertAlmostEqual(ours[f"{side}_retrieval_recall@{k}"], k / 12, places=12)

    def test_a_quoted_caption_may_have_commas_quotes_and_lines(self):
        caption = 'a "red" cat,\non the tree'
        image = self.pairs[0][0]
        quoted = caption.replace('"', '""')
        ours = json.loads(retrieval("--json", self.table(
            f'caption,image\n"{quoted}",{image}\n\na boat,{self.pairs[1][0]}\n')).stdout)
        self.assertEqual((ours["images"], ours["texts"]), (2, 2))

    def test_webdatasets(self):
        """As CLIP_benchmark has them: a caption a line of the sample's .txt."""
        folder = self.folder / "wds"
        (folder / "test").mkdir(parents=True)
        (folder / "test/nshards.txt").write_text("2\n")
        captions = {}
        for name, text in self.pairs:
            captions.setdefault(name, []).append(text)
        for shard in range(2):
            with tarfile.open(folder / f"test/{shard}.tar", "w") as archive:
                for name in list(captions)[shard::2]:
                    for member, data in ((name, (self.folder / "images" / name).read_bytes()),
                                         (Path(name).stem + ".txt",
                                          "\n".join(captions[name]).encode())):
                        info = tarfile.TarInfo(member)
                        info.size = len(data)
                        archive.addfile(info, io.BytesIO(data))
        whole = json.loads(retrieval("--json", self.table(self.csv_of(self.pairs))).stdout)
        for data in (folder, f"{folder}/test/{{0,1}}.tar"):
            done = retrieval("--json", data)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json.loads(done.stdout), whole)
        done = retrieval("--json", "--split", "train", folder)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("nshards.txt", done.stderr)

    def test_tables_that_are_none_are_errors(self):
        for text, words in (("", ["empty"]), ("image,x\na,b\n", ["caption", "image, x"]),
                            ("image,caption\n", ["no captions"]),
                            ("image,caption\na.png\n", ["line 2", "1 fields"]),
                            ("image,caption\n,a cat\n", ["line 2", "no image"]),
                            ("image,caption\na.png,\n", ["line 2", "no caption"]),
                            ('image,caption\na.png,"x" y\n', ["line 2", "separator"]),
                            ('image,caption\n\na.png,"x\ny\n', ["line 3", "quote"])):
            done = retrieval("--json", self.table(text))
            self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
            for word in ["captions.csv", *words]:
                self.assertIn(word, done.stderr)
        done = retrieval("--json", self.folder / "missing.csv")
        self.assertEqual((done.returncode, done.stdout), (1, ""))

    def test_options_that_are_for_classes_are_refused(self):
        path = self.table(self.csv_of(self.pairs))
        for options in (["--class-names", path], ["--confusion", self.folder / "x.png"],
                        ["--report", self.folder / "x.html"], ["--template", "a {}"],
                        ["--exclude", "x"]):
            done = retrieval(*options, path)
            self.assertEqual((done.returncode, done.stdout), (2, ""), options)
        done = run("evaluate", "--model", TINY, "--images-in", self.folder, self.folder)
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()
