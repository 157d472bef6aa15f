"""Texts in every encoding: files of prompts, labels, queries and jobs, and the command line."""

import codecs
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from common import BINARY, MODELS, json_lines, photographs, run

TINY = MODELS / "published-tiny.pt"
TEXTS = ["a photo of a café", "naïve “quoted” text", "привет", "猫", "😀 𝒜"]
MARKS = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE,
         "utf-32-le": codecs.BOM_UTF32_LE, "utf-32-be": codecs.BOM_UTF32_BE}
TOKENS = {text: ids["ids"] for text, ids in zip(
    TEXTS, json_lines(run("tokenize", "--json", *TEXTS).stdout))}


class Encodings(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def write(self, data, name="texts.txt"):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def tokens(self, path, *options, **kinds):
        done = run("tokenize", "--json", *options, "--texts", path, **kinds)
        self.assertEqual(done.returncode, 0, done.stderr)
        return {line["text"]: line["ids"] for line in json_lines(done.stdout)}

    def refused(self, *arguments):
        done = run(*arguments)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)
        return done.stderr

    def test_marks_of_unicode(self):
        for encoding, mark in MARKS.items():
            for end in ("\n", "\r\n"):
                for last in ("", end):
                    data = mark + (end.join(TEXTS) + last).encode(encoding)
                    with self.subTest(encoding=encoding, end=end, last=last):
                        self.assertEqual(self.tokens(self.write(data)), TOKENS)

    def test_one_byte_at_a_time(self):
        for encoding, mark in MARKS.items():
            data = mark + "\n".join(TEXTS).encode(encoding)
            with subprocess.Popen([BINARY, "tokenize", "--json", "--texts", "-"], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
                for at in range(len(data)):
                    os.write(process.stdin.fileno(), data[at:at + 1])
                process.stdin.close()
                lines = json_lines(process.stdout.read())
            self.assertEqual({line["text"]: line["ids"] for line in lines}, TOKENS, encoding)

    def test_long_files(self):
        # Characters that lie across the chunks in which a file is read.
        texts = [f"{'x' * (i % 7)}😀é{i}" for i in range(30000)]
        for encoding in ("utf-16-le", "utf-16-be", "utf-32-le"):
            path = self.write(MARKS[encoding] + "\n".join(texts).encode(encoding))
            done = run("tokenize", "--json", "--texts", path)
            self.assertEqual([line["text"] for line in json_lines(done.stdout)], texts)

    def test_named_encodings(self):
        for encoding, text in (("windows-1252", "café “x” €"), ("ISO-8859-1", "café"),
                               ("windows-1251", "привет"), ("KOI8-R", "привет"), ("Shift_JIS", "テスト猫"),
                               ("GB18030", "猫和狗😀"), ("Big5", "貓"), ("EUC-KR", "고양이"), ("IBM437", "café"),
                               ("macintosh", "café"), ("UTF-16LE", "猫"), ("UTF-16BE", "猫"), ("utf-8", "猫")):
            name = {"IBM437": "cp437", "macintosh": "mac-roman"}.get(encoding, encoding)
            path = self.write(f"{text}\r\nsecond\r\n".encode(name))
            with self.subTest(encoding=encoding):
                self.assertEqual(list(self.tokens(path, "--encoding", encoding)), [text, "second"])

    def test_what_is_no_utf_8_names_file_line_and_encoding(self):
        words = "été déjà naïve garçon où être à côté de la forêt"
        for encoding, text, guess in (("windows-1252", words, ("ISO-8859-1", "windows-1252")),
                                      ("windows-1251", "Кошка сидит на окне и смотрит, как собака бежит по двору "
                                       "за мальчиком в синей куртке", ("windows-1251",)),
                                      ("shift_jis", "これは日本語の文章です。猫の写真。", ("Shift_JIS",)),
                                      ("euc-kr", "고양이가 나무 위에 앉아 있다. 개는 아래에 있다.", ("EUC-KR",)),
                                      ("big5", "一隻貓坐在樹上看著狗跑來跑去的照片", ("Big5",))):
            path = self.write(f"plain\n{text}\n".encode(encoding))
            done = run("tokenize", "--texts", path)
            self.assertEqual(done.returncode, 1)
            error = done.stderr
            self.assertIn(f"{path}, line 2 is not UTF-8", error)
            self.assertTrue(any(f"--encoding {name}" in error for name in guess), error)
            # The way out that it names works.
            name = error.rsplit("--encoding ", 1)[1].split("`")[0]
            self.assertEqual(list(self.tokens(path, "--encoding", name))[1], text)

    def test_utf_16_without_a_mark(self):
        for encoding, name in (("utf-16-le", "UTF-16LE"), ("utf-16-be", "UTF-16BE")):
            path = self.write("a cat\na dog\n".encode(encoding))
            error = self.refused("tokenize", "--texts", path)
            self.assertIn(f"--encoding {name}", error)
            self.assertEqual(list(self.tokens(path, "--encoding", name)), ["a cat", "a dog"])

    def test_what_is_damaged_within_its_encoding(self):
        data = codecs.BOM_UTF16_LE + "a cat\na dog\n".encode("utf-16-le")
        for broken in (data + b"\x00\xd8a\x00", data + b"x"):
            done = run("tokenize", "--texts", self.write(broken))
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r"line 3 holds bytes that mean nothing in UTF-16LE")
        error = self.refused("tokenize", "--encoding", "Shift_JIS", "--texts", self.write(b"a\x81"))
        self.assertIn("mean nothing in Shift_JIS", error)

    def test_an_encoding_that_does_not_exist(self):
        done = run("tokenize", "--encoding", "latin-99", "--texts", self.write(b"a"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("no encoding 'latin-99'", done.stderr)

    def test_every_command_that_reads_texts(self):
        image = photographs()[0]
        utf16 = codecs.BOM_UTF16_LE + "a café\r\na dog\r\n".encode("utf-16-le")
        jobs = (f'{{"id":1,"op":"score","image":"{image}","texts":["a café"]}}\r\n')
        classes = self.folder / "classes"
        (classes / "x").mkdir(parents=True)
        (classes / "x/a.png").write_bytes(Path(image).read_bytes())
        texts, latin = self.write(utf16), self.write("a café\na dog\n".encode("latin-1"), "latin.txt")
        model = ("--model", TINY)
        commands = (("score", *model, "--json", image, "--texts"),
                    ("classify", *model, "--json", image, "--labels-file"),
                    ("embed", *model, "--json", "--texts"), ("tokenize", "--json", "--texts"),
                    ("search", *model, "--in", classes, "--queries"))
        for command in commands:
            with self.subTest(command=command[0]):
                done = run(*command, texts)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("a café", done.stdout)
                self.assertEqual(run(*command, latin, "--encoding", "latin1").stdout, done.stdout)
                refused = run(*command, latin)
                self.assertEqual(refused.returncode, 1)
                self.assertIn("latin.txt, line 1 is not UTF-8", refused.stderr)
        labels = self.write(codecs.BOM_UTF16_BE + "x\tcafé\r\n".encode("utf-16-be"), "labels.txt")
        done = run("evaluate", *model, "--json", classes, "--class-names", labels)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("café", done.stdout)
        path = self.write(codecs.BOM_UTF16_LE + jobs.encode("utf-16-le"), "jobs.jsonl")
        done = run("batch", *model, path)
        self.assertEqual((done.returncode, json_lines(done.stdout)[0]["id"]), (0, 1), done.stderr)
        path = self.write(jobs.encode("latin-1"), "latin.jsonl")
        self.assertEqual(run("batch", *model, path).returncode, 1)
        self.assertEqual(run("batch", *model, "--encoding", "latin1", path).returncode, 0)

    def test_lists_of_paths(self):
        image = str(photographs()[0])
        for encoding, mark in MARKS.items():
            path = self.write(mark + f"{image}\r\n".encode(encoding))
            done = run("score", "--model", TINY, "--images", path, "--text", "a cat", "--json")
            self.assertEqual(done.returncode, 0, (encoding, done.stderr))
        # Names are bytes: what is no UTF-8 is as good as anything.
        name = os.fsencode(self.folder) + b"/caf\xe9.png"
        Path(os.fsdecode(name)).write_bytes(Path(image).read_bytes())
        done = run("score", "--model", TINY, "--images", self.write(name + b"\n"), "--text", "a cat")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_bytes_on_the_command_line_get_a_notice(self):
        image = str(photographs()[0])
        text = os.fsdecode(b"caf\xe9")
        model = ("--model", TINY)
        classify = ("classify", *model, image, "--json", "--labels")
        for command in (("tokenize", "--json", text), ("score", *model, "--json", image, text),
                        ("score", *model, "--json", image, "--text", text),
                        (*classify, f"cat,{text}"), (*classify, "cat", "--template", f"{{}} {text}")):
            done = run(*command)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(r"caf\xe9", done.stderr)
            self.assertIn("is not UTF-8", done.stderr)
            right = [str(word).replace(text, "café") for word in command]
            self.assertNotIn("is not UTF-8", run(*right).stderr)


if __name__ == "__main__":
    unittest.main()
