"""clip-cli tokenize."""

import json
import tempfile
import unittest
from pathlib import Path

from common import ROOT, json_lines, run

CAT = [320, 1125, 539, 320, 2368]


class Tokenize(unittest.TestCase):
    def test_ids_and_pieces(self):
        done = run("tokenize", "a photo of a cat")
        self.assertEqual(done.returncode, 0)
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0], "a photo of a cat")
        self.assertEqual([int(line.split()[0]) for line in lines[1:]], CAT)
        self.assertEqual([line.split()[1] for line in lines[1:]],
                         ["a</w>", "photo</w>", "of</w>", "a</w>", "cat</w>"])

    def test_json(self):
        done = run("tokenize", "--json", "a photo of a cat", "")
        self.assertEqual(done.stdout,
                         '{"text":"a photo of a cat","ids":[320,1125,539,320,2368]}\n'
                         '{"text":"","ids":[]}\n')

    def test_lists_of_lines_and_of_objects(self):
        texts = ["a photo of a cat", "", "it's 日本 😀"]
        with tempfile.TemporaryDirectory() as folder:
            lines = Path(folder) / "texts.txt"
            lines.write_text("\n".join(texts) + "\n", encoding="utf-8")
            objects = Path(folder) / "texts.jsonl"
            objects.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
            outputs = {
                run("tokenize", "--json", "--texts", lines).stdout,
                run("tokenize", "--json", "--texts", objects).stdout,
                run("tokenize", "--json", "--texts", "-", stdin="\n".join(texts)).stdout,
            }
        self.assertEqual(len(outputs), 1)
        self.assertEqual([entry["text"] for entry in json_lines(outputs.pop())], texts)

    def test_a_byte_order_mark_is_no_part_of_the_text(self):
        mark = "\ufeff"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "texts.txt"
            # One that stands elsewhere is a character of the text.
            path.write_text(f"{mark}a photo of a cat\n{mark}cat\n", encoding="utf-8")
            lines = json_lines(run("tokenize", "--json", "--texts", path).stdout)
            self.assertEqual(lines[0], {"text": "a photo of a cat", "ids": CAT})
            self.assertEqual(lines[1]["text"], f"{mark}cat")
            path = path.with_suffix(".jsonl")
            path.write_text(f'{mark}{{"text": "a photo of a cat"}}\n', encoding="utf-8")
            lines = json_lines(run("tokenize", "--json", "--texts", path).stdout)
            self.assertEqual(lines, [{"text": "a photo of a cat", "ids": CAT}])
        done = run("tokenize", "--json", "--texts", "-", stdin=f"{mark}a photo of a cat")
        self.assertEqual(json_lines(done.stdout)[0]["ids"], CAT)

    def test_all_reference_texts(self):
        reference = ROOT / "tests/text/tokens.jsonl"
        ours = json_lines(run("tokenize", "--json", "--texts", reference).stdout)
        expected = json_lines(reference.read_text(encoding="utf-8"))
        self.assertEqual(len(ours), 568)
        for entry, right in zip(ours, expected):
            self.assertEqual(entry["ids"], right["ids"], right["text"])

    def test_bad_lists(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "texts.jsonl"
            for content, word in (("{}", "line 1"), ('{"text": "a"}\nnonsense', "line 2"),
                                  ('{"text": 5}', "line 1"), ("[1]", "line 1")):
                path.write_text(content)
                done = run("tokenize", "--texts", path)
                self.assertEqual(done.returncode, 1)
                self.assertIn(word, done.stderr)
            self.assertEqual(run("tokenize", "--texts", Path(folder) / "none").returncode, 1)
            self.assertIn("folder", run("tokenize", "--texts", folder).stderr)

    def test_nothing_to_do(self):
        self.assertEqual(run("tokenize").returncode, 2)


if __name__ == "__main__":
    unittest.main()
