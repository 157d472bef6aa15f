"""clip-cli search: the right images, in the right order, with the right scores, in every format."""

import csv
import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from common import BINARY, json_lines, need
from images import draw, walk_order
from index_case import OTHER, THIRD, TINY, IndexCase, call
from made_index import make_index, name_of, random_vectors, rounded

numpy = need("numpy")

WORDS = ["cat", "dog", "rain", "beach", "night", "car", "house", "tree", "boat", "snow"]
QUERIES = [f"{one} and {other} {number}" for number in range(2) for one in WORDS
           for other in WORDS]


def embeddings(*jobs, model=TINY):
    """The embeddings of texts (str) and images (Path), by `clip-cli batch`."""
    lines = [json.dumps({"id": i, "op": "embed",
                         "image" if isinstance(job, Path) else "text": str(job)})
             for i, job in enumerate(jobs)]
    done = call("batch", "--model", model, stdin="\n".join(lines))
    return numpy.array([answer["embedding"] for answer in json_lines(done.stdout)])


def combined(terms, vectors):
    """lib/index/query.h in NumPy: the query of (weight, str or Path) over the rows `vectors`."""
    rows = embeddings(*[term for _, term in terms])
    weights = numpy.array([weight for weight, _ in terms], "float64")
    if len(terms) == 1 and weights[0] > 0:
        return rows[0]
    is_text = numpy.array([isinstance(term, str) for _, term in terms])
    scales = numpy.ones(len(terms))
    if is_text.any() and not is_text.all():
        stds = (rows @ vectors.astype("float64").T).std(axis=1)
        scales[~is_text] = numpy.sqrt((stds[is_text] ** 2).mean()) / stds[~is_text]
    query = (weights * scales) @ rows
    return query / numpy.linalg.norm(query)


class Exactness(unittest.TestCase):
    """Over 20,000 vectors in random directions."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.root = cls.folder / "photos"
        cls.vectors = random_vectors(20000, 64)
        make_index(cls.root, TINY, [cls.vectors])
        cls.rounded = rounded(cls.vectors).astype("float64")
        cls.images = [cls.folder / "one.png", cls.folder / "two.png"]
        for seed, path in enumerate(cls.images):
            draw(path, seed)

    def search(self, *arguments, code=0):
        done = call("search", "--no-update", "--model", TINY, "--in", self.root, "--json",
                    *arguments, cwd=self.folder)
        self.assertEqual(done.returncode, code, done.stderr)
        return json_lines(done.stdout)

    def check_hits(self, hits, query, count=10):
        """The hits are the best of all rows by this query."""
        self.assertEqual([hit["rank"] for hit in hits], list(range(1, count + 1)))
        rows = [int(Path(hit["image"]).stem.split(" ")[1]) for hit in hits]
        self.assertEqual(len(set(rows)), count)
        self.assertEqual([hit["image"] for hit in hits],
                         [str(self.root / name_of(row)) for row in rows])
        given = numpy.array([hit["score"] for hit in hits])
        # By the rows as they are kept, all but the last bits of a sum in float are the same.
        kept = 100 * self.rounded @ query
        best = numpy.sort(kept)[::-1][:count]
        numpy.testing.assert_allclose(given, best, rtol=0, atol=1e-4)
        numpy.testing.assert_allclose(given, kept[rows], rtol=0, atol=1e-4)
        # By the rows as they were given, float16's rounding, half of the last of 11 bits in each
        # number, and as little where the number is smaller than float16's normal ones.
        exact = 100 * self.vectors.astype("float64") @ query
        off = 100 * (numpy.abs(self.vectors) * 2.0**-11 + 2.0**-25) @ numpy.abs(query) + 1e-4
        self.assertTrue((numpy.abs(given - exact[rows]) <= off[rows]).all())
        order = numpy.argsort(-exact)[:count]
        for row, right in zip(rows, order):
            if row != right:
                self.assertLessEqual(abs(exact[row] - exact[right]), off[row] + off[right])
        return rows == list(order)

    def test_200_queries_find_what_brute_force_finds(self):
        queries = self.folder / "queries.jsonl"
        queries.write_text("".join(json.dumps({"text": text}) + "\n" for text in QUERIES))
        answers = self.search("--queries", queries)
        self.assertEqual([answer["query"] for answer in answers], QUERIES)
        self.assertEqual(len(answers), 200)
        same = sum(self.check_hits(answer["hits"], query)
                   for answer, query in zip(answers, embeddings(*QUERIES)))
        # The rest are ties within the rounding, which are few.
        self.assertGreater(same, 150)

    def test_one_query_is_answered_as_among_many(self):
        text = "a cat, on \"the\" beach"
        [answer] = json_lines(call("search", "--no-update", "--model", TINY, "--in", self.root,
                                   "--queries", "-", stdin=text + "\n").stdout)
        self.assertEqual(answer["query"], text)
        hits = self.search(text)
        self.assertEqual(answer["hits"], hits)
        self.check_hits(hits, embeddings(text)[0])
        # Words are one text, however the shell has split them.
        self.assertEqual(self.search(*text.split(" ")), hits)

    def test_the_result_does_not_depend_on_threads(self):
        hits = self.search("rain", "--top", 500)
        for threads in (1, 3, 16):
            self.assertEqual(self.search("rain", "--top", 500, "--threads", threads), hits)

    def test_combined_queries_follow_the_formula(self):
        one, two = self.images
        queries = [
            (["a cat", "+", "rain"], [(1, "a cat"), (1, "rain")]),
            (["a", "cat", "-", "at night"], [(1, "a cat"), (-1, "at night")]),
            (["2:a cat", "+", "0.5:rain"], [(2, "a cat"), (0.5, "rain")]),
            (["2:a", "cat", "3:a", "dog"], [(2, "a cat"), (3, "a dog")]),
            (["a cat", "+rain"], [(1, "a cat"), (1, "rain")]),
            (["+", "a cat", "-", "0.25:rain", "-", "snow"],
             [(1, "a cat"), (-0.25, "rain"), (-1, "snow")]),
            (["-", "rain"], [(-1, "rain")]),
            (["7:rain"], [(1, "rain")]),
            (["./one.png"], [(1, one)]),
            (["./one.png", "-", "./two.png"], [(1, one), (-1, two)]),
            (["--like", one], [(1, one)]),
            (["--like", one, "--like", "two.png"], [(1, one), (1, two)]),
            (["--like", one, "--not", "./two.png"], [(1, one), (-1, two)]),
            (["a cat", "--not", "people"], [(1, "a cat"), (-1, "people")]),
            (["a cat", "--not", "2:people", "--not", "rain"],
             [(1, "a cat"), (-2, "people"), (-1, "rain")]),
            (["a cat", "+", "./one.png"], [(1, "a cat"), (1, one)]),
            (["./one.png", "a cat"], [(1, one), (1, "a cat")]),
            (["a", "cat", "3:../" + self.folder.name + "/one.png", "-", "rain"],
             [(1, "a cat"), (3, one), (-1, "rain")]),
            ([f"2:{one}", "-", "a cat", "--like", "two.png", "--not", "0.5:snow"],
             [(2, one), (-1, "a cat"), (1, two), (-0.5, "snow")]),
        ]
        for words, terms in queries:
            with self.subTest(words):
                self.check_hits(self.search(*words), combined(terms, self.rounded))

    def test_scores_of_one_text_are_100_times_the_cosine(self):
        hits = self.search("rain", "--top", 20000)
        self.check_hits(hits, embeddings("rain")[0], 20000)

    def test_min_score_and_top(self):
        hits = self.search("rain", "--top", 3000)
        for least in (hits[0]["score"], hits[4]["score"], hits[2500]["score"]):
            expected = [hit for hit in hits if hit["score"] >= least]
            self.assertEqual(self.search("rain", "--top", 20000, "--min-score", least), expected)
        self.assertEqual(self.search("rain", "--min-score", 99), [])
        self.assertEqual(self.search("rain", "--top", 1), hits[:1])
        self.assertEqual(len(self.search("rain", "--top", 1000000)), 20000)

    def test_terms_that_cancel_each_other_out(self):
        done = call("search", "--no-update", "--model", TINY, "--in", self.root, "rain", "-",
                    "rain")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("cancel each other out", done.stderr)


class Output(IndexCase):
    def setUp(self):
        super().setUp()
        self.draw(*[f"set {i % 3}/image {i:02d}.png" for i in range(15)])

    def plain(self, *arguments, code=0, **options):
        return self.call("search", "--model", TINY, *arguments, code=code, **options)

    def test_ten_lines_of_score_and_path(self):
        lines = self.plain("--in", self.root, "rain").stdout.splitlines()
        hits = self.search("rain")
        self.assertEqual(len(lines), 10)
        self.assertEqual([line.split(None, 1) for line in lines],
                         [[f"{hit['score']:.4f}", hit["image"]] for hit in hits])
        self.assertEqual([hit["score"] for hit in hits],
                         sorted((hit["score"] for hit in hits), reverse=True))

    def test_scores_are_those_of_score(self):
        """A query of one text gives what `score` prints, to float16's rounding."""
        hits = self.search("rain", "--top", 99)
        self.assertEqual(len(hits), 15)
        for hit in hits:
            [scored] = json_lines(call("score", "--json", "--model", TINY, hit["image"],
                                       "rain").stdout)
            self.assertAlmostEqual(hit["score"], scored["scores"][0]["score"], delta=0.03)

    def test_formats(self):
        hits = self.search("rain")
        for option, delimiter in (("--tsv", "\t"), ("--csv", ",")):
            rows = list(csv.DictReader(io.StringIO(self.plain("--in", self.root, "rain",
                                                              option).stdout),
                                       delimiter=delimiter))
            self.assertEqual([list(row) for row in rows[:1]], [["rank", "score", "image"]])
            self.assertEqual([(int(row["rank"]), row["image"]) for row in rows],
                             [(hit["rank"], hit["image"]) for hit in hits])
            for row, hit in zip(rows, hits):
                self.assertAlmostEqual(float(row["score"]), hit["score"], delta=1e-4)
        paths = [hit["image"] for hit in hits]
        self.assertEqual(self.plain("--in", self.root, "rain", "-l").stdout.splitlines(), paths)
        self.assertEqual(self.plain("--in", self.root, "rain", "-0").stdout,
                         "".join(path + "\0" for path in paths))
        output = self.folder / "hits.jsonl"
        self.assertEqual(self.plain("--in", self.root, "rain", "-o", output).stdout, "")
        self.assertEqual(json_lines(output.read_text()), hits)

    def test_odd_names(self):
        names = ["line\nbreak.png", "tab\t.png", 'quo"te, comma.png', "bell\a.png", "🐈.png",
                 os.fsdecode(b"\xff\xfe.png"), os.fsdecode(b"folder \xff/in it.png"), "- dash.png"]
        shutil.rmtree(self.root)
        self.draw(*names)
        paths = {str(self.root / name) for name in names}
        for cwd, prefix in ((None, str(self.root) + "/"), (self.root, "")):
            place = [] if cwd else ["--in", self.root]
            done = self.plain(*place, "rain", "-0", cwd=cwd)
            found = done.stdout.split("\0")[:-1]
            self.assertEqual({os.path.join(self.root, path) for path in found}, paths)
            self.assertTrue(all(path.startswith(prefix) for path in found))
        # One line each, whatever the name: what would break a line is written otherwise.
        for option in ([], ["--tsv"], ["--json"]):
            lines = self.plain("--in", self.root, "rain", *option).stdout.split("\n")
            self.assertEqual(len(lines) - 1 - (option == ["--tsv"]), len(names), option)
        hits = self.search("rain")
        named = {os.fsencode(hit["image"]) if "image_hex" not in hit
                 else bytes.fromhex(hit["image_hex"]) for hit in hits}
        self.assertEqual(named, {os.fsencode(path) for path in paths})

    def test_paths_are_as_the_folder_is_named(self):
        def first(*arguments, cwd):
            return self.plain(*arguments, "-l", "--top", 1, "rain", cwd=cwd).stdout.rstrip("\n")

        best = first(cwd=self.root)
        self.assertTrue((self.root / best).is_file() and best.startswith("set "), best)
        self.assertEqual(first("--in", self.root, cwd="/"), f"{self.root}/{best}")
        self.assertEqual(first("--in", "photos", cwd=self.folder), f"photos/{best}")
        self.assertEqual(first("--in", "photos/", cwd=self.folder), f"photos/{best}")
        self.assertEqual(first("--in", "..", cwd=self.root / "set 1"), f"../{best}")
        link = self.folder / "link"
        link.symlink_to(self.root)
        self.assertEqual(first("--in", "link", cwd=self.folder), f"link/{best}")
        self.assertEqual(len(list((self.data / "clip-cli/indexes").iterdir())), 1)

    def test_a_sub_folder_uses_the_index_of_the_root(self):
        whole = self.search("rain", "--top", 99)
        sub = self.root / "set 1"
        indexes = self.data / "clip-cli/indexes"
        before = sorted(indexes.iterdir())
        hits = self.search("rain", "--top", 99, root=sub)
        self.assertEqual([(hit["image"], hit["score"]) for hit in hits],
                         [(hit["image"], hit["score"]) for hit in whole
                          if hit["image"].startswith(f"{sub}/")])
        self.assertEqual(len(hits), 5)
        self.assertEqual(sorted(indexes.iterdir()), before)
        done = self.plain("--top", 99, "-l", "rain", cwd=sub)
        self.assertEqual(done.stdout.splitlines(), [Path(hit["image"]).name for hit in hits])
        # New images there are found, and those elsewhere are not looked for.
        self.draw("set 1/new.png", "set 2/new.png", first=50)
        names = {hit["image"] for hit in self.search("rain", "--top", 99, root=sub)}
        self.assertIn(str(sub / "new.png"), names)
        self.assertEqual(len(names), 6)
        self.assertEqual(len(self.found()), 16)
        self.assertEqual(len(self.search("rain", "--top", 99)), 17)
        self.assertEqual(sorted(indexes.iterdir()), before)

    def test_names_of_folders_that_begin_alike(self):
        self.draw("set 1/deep/a.png", "set 1 too/b.png", "set 1.png", "set 10/c.png",
                  "set 1-/d.png", first=60)
        hits = self.search("rain", "--top", 99, root=self.root / "set 1")
        self.assertEqual(len(hits), 6)
        self.assertTrue(all(hit["image"].startswith(f"{self.root}/set 1/") for hit in hits))

    def test_copies_are_all_named(self):
        shutil.copy(self.root / "set 0/image 00.png", self.root / "a copy.png")
        hits = self.search("--like", self.root / "set 0/image 00.png", "--top", 2)
        self.assertEqual([hit["image"] for hit in hits],
                         [str(self.root / "a copy.png"), str(self.root / "set 0/image 00.png")])
        self.assertEqual(hits[0]["score"], hits[1]["score"])
        self.assertAlmostEqual(hits[0]["score"], 100, delta=0.05)

    def test_no_update_does_not_look_at_the_folder(self):
        self.search("rain")
        gone = self.root / "set 0/image 00.png"
        gone.unlink()
        self.draw("new.png", first=50)
        names = self.found()
        self.assertEqual(len(names), 15)
        self.assertIn("set 0/image 00.png", names)
        self.assertNotIn("new.png", names)
        hits = {hit["image"] for hit in self.search("rain", "--top", 99)}
        self.assertEqual(hits, {str(path) for path in walk_order(self.root.rglob("*.png"))})

    def test_no_update_without_an_index(self):
        done = self.plain("--no-update", "--in", self.root, "rain", code=1)
        self.assertIn("there is no index of", done.stderr)
        self.assertIn("--no-update", done.stderr)
        self.assertFalse(self.data.exists() and any(self.data.rglob("index.sqlite")))

    def test_a_long_refresh_names_no_update(self):
        self.draw(*[f"more/{i}.png" for i in range(300)], first=100)
        process = subprocess.Popen(
            [BINARY, "search", "--model", TINY, "--in", self.root, "rain"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "XDG_DATA_HOME": str(self.data)})
        # Once it has read the folder, it is held up.
        while not self.folders_known() and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(signal.SIGSTOP)
        time.sleep(2.2)
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGCONT)
        output, errors = process.communicate()
        self.assertEqual(process.returncode, 0, errors)
        self.assertEqual(len(output.splitlines()), 10)
        self.assertIn("--no-update", errors)
        self.assertIn("315 images embedded", errors)
        # A short one is not worth a word.
        self.assertEqual(self.plain("--in", self.root, "rain").stderr, "")

    def folders_known(self):
        for path in self.data.rglob("index.sqlite"):
            try:
                database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
                [[count]] = database.execute("SELECT count(*) FROM folders")
                database.close()
                return count > 0
            except sqlite3.OperationalError:  # it is being made
                return False
        return False

    def test_mistakes(self):
        self.index()
        cases = [
            ([], 2, "no query"),
            (["cat", "+"], 2, "followed by no term"),
            (["cat", "-"], 2, "followed by no term"),
            (["cat", "+", "-", "dog"], 2, "followed by no term"),
            ([""], 2, "empty"),
            (["0:cat"], 2, "weight"),
            (["cat", "+", "0.0:dog"], 2, "weight"),
            (["1.2.3:cat"], 2, "weight"),
            (["10000000:cat"], 2, "weight"),
            (["cat", "--not", "0:dog"], 2, "weight"),
            (["cat", "--not", ""], 2, "empty"),
            (["--queries", "queries.txt", "cat"], 2, "exclude each other"),
            (["--queries", "queries.txt", "--like", "a.png"], 2, "exclude each other"),
            (["--queries", "queries.txt"], 1, "queries.txt"),
            (["cat", "--top", "0"], 2, "--top"),
            (["cat", "--min-score", "much"], 2, "--min-score"),
            (["cat", "--json", "--csv"], 2, "--"),
            (["./missing.png"], 1, "missing.png"),
            (["cat", "+", "./missing.png"], 1, "missing.png"),
            (["--like", "missing.png"], 1, "missing.png"),
            (["cat", "--not", "./missing.png"], 1, "missing.png"),
            (["cat", "--in", "missing"], 1, "missing"),
            (["cat", "--in", "set 0/image 00.png"], 1, "not a folder"),
            (["word " * 100], 1, "77"),
        ]
        for arguments, code, word in cases:
            with self.subTest(arguments):
                done = self.plain(*arguments, code=code, cwd=self.root)
                self.assertEqual(done.stdout, "")
                self.assertIn(word, done.stderr)
                self.assertIn("clip-cli: ", done.stderr)
        self.assertEqual(len(self.plain("word " * 100, "--truncate", cwd=self.root)
                             .stdout.splitlines()), 10)

    def test_an_image_without_its_path_is_noticed(self):
        done = self.plain("set 0/image 00.png", cwd=self.root)
        self.assertIn("./set 0/image 00.png is the image", done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 10)

    def test_a_folder_without_images(self):
        empty = self.folder / "empty"
        empty.mkdir()
        done = self.plain("rain", cwd=empty, code=0)
        self.assertEqual(done.stdout, "")
        self.assertIn("there is no image to find", done.stderr)

    def test_a_folder_in_the_query_is_not_searched_in_silence(self):
        for words in (["set 0", "a cat"], ["a cat", "set 0"], ["set 0/", "a cat"]):
            done = self.plain(*words, cwd=self.root, code=2)
            self.assertEqual(done.stdout, "")
            self.assertIn("'set 0", done.stderr)
            self.assertIn("--in set 0", done.stderr)
        for words, notes in ((["set 0"], 1), (["a set 0"], 0), (["--in", ".", "set 0", "a cat"], 0),
                             (["--in", ".", "a cat", "set 0"], 0)):
            done = self.plain(*words, cwd=self.root)
            self.assertEqual(len(done.stdout.splitlines()), 10)
            self.assertEqual(done.stderr.count("searches in the folder"), notes)
        self.assertIn("--like names an image", self.plain("none.png", cwd=self.root).stderr)

    def test_queries_from_a_file(self):
        queries = self.folder / "queries.txt"
        queries.write_text("rain\n\na + b\n")
        answers = json_lines(self.plain("--in", self.root, "--queries", queries, "--top", 3).stdout)
        self.assertEqual([answer["query"] for answer in answers], ["rain", "a + b"])
        self.assertEqual(answers[0]["hits"], self.search("rain", "--top", 3))
        self.assertEqual([len(answer["hits"]) for answer in answers], [3, 3])

    def test_one_line_comes_for_one_query(self):
        """An answer is written before the next query is read."""
        self.index()
        process = subprocess.Popen(
            [BINARY, "search", "--model", TINY, "--in", self.root, "--queries", "-"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "XDG_DATA_HOME": str(self.data)})
        for text in ("rain", "snow", "a cat"):
            process.stdin.write(text + "\n")
            process.stdin.flush()
            self.assertEqual(json.loads(process.stdout.readline())["query"], text)
        process.stdin.close()
        self.assertEqual((process.wait(), process.stdout.read()), (0, ""))
        process.stdout.close()


class Models(IndexCase):
    def test_the_model_that_is_named_is_searched(self):
        self.draw(*[f"{i}.png" for i in range(5)])
        scores = {}
        for model in (TINY, OTHER):
            scores[model] = [(hit["image"], hit["score"])
                             for hit in self.search("rain", model=model)]
            self.assertEqual(len(scores[model]), 5)
        self.assertNotEqual(scores[TINY], scores[OTHER])
        for model in (TINY, OTHER):
            self.assertEqual([(hit["image"], hit["score"]) for hit in
                              self.search("rain", "--no-update", model=model)], scores[model])

    def test_without_a_name_the_model_of_the_index_is_searched(self):
        self.draw(*[f"{i}.png" for i in range(5)])
        hits = self.search("rain", model=OTHER)
        self.assertEqual(self.search("rain", model=None), hits)
        self.assertEqual([model["embedded"] for model in self.status()["models"]], [5])

    def test_the_demo_model_s_index_is_told_from_others(self):
        self.draw("a.png")
        self.call("index", self.root, "--model", "demo")
        done = self.call("search", "rain", "--in", self.root)
        self.assertIn("knows drawings, not photographs", done.stderr)
        self.assertIn(f"clip-cli index {self.root} --model", done.stderr)

    def test_a_model_that_the_index_does_not_have(self):
        self.draw("a.png")
        self.index(model=OTHER)
        self.index(model=TINY)
        done = self.call("search", "--no-update", "--model", THIRD, "--in", self.root, "rain",
                         code=1)
        self.assertEqual(done.stdout, "")
        for word in ("published-tiny-rn.pt", "published-tiny.pt", "random tiny"):
            self.assertIn(word, done.stderr)


if __name__ == "__main__":
    unittest.main()
