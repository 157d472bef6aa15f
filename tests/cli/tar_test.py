"""Tar archives and webdatasets as inputs: the same bits as from files, and no harm from bad ones."""

import csv
import gzip
import io
import os
import random
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

from common import BINARY, MODELS, json_lines, run
from images import draw

TINY = MODELS / "published-tiny.pt"
BLOCK = 512
MANY = int(os.environ.get("CLIP_TEST_MANY", "1500"))


def member(name, data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def write_tar(path, members, mode="w", **options):
    """Members are pairs of a TarInfo and bytes, or of a name and bytes."""
    with tarfile.open(path, mode, **options) as archive:
        for info, data in members:
            if isinstance(info, str):
                info, data = member(info, data)
            archive.addfile(info, io.BytesIO(data))


class TarCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.files = {}
        (self.folder / "photos").mkdir()
        for i in range(6):
            path = self.folder / "photos" / f"{i:03}.png"
            draw(path, i)
            self.files[path.name] = path.read_bytes()
        self.tar = self.folder / "00000.tar"
        write_tar(self.tar, self.files.items())

    def embed(self, *arguments, code=0, **options):
        """The results of one image after the other, so that their bits do not depend on batches."""
        done = run("embed", "--model", TINY, "--batch", "1", "--json", *arguments, **options)
        self.assertEqual(done.returncode, code, done.stderr)
        self.errors = done.stderr
        return json_lines(done.stdout)

    def by_shell(self, script, *arguments, code=0):
        done = subprocess.run(["bash", "-o", "pipefail", "-c", script, BINARY, *map(str, arguments)],
                              capture_output=True, text=True, check=False,
                              env={**os.environ, "CLIP_MODEL": str(TINY)})
        self.assertEqual(done.returncode, code, done.stderr)
        return json_lines(done.stdout)

    def vectors(self, results):
        return [result["embedding"] for result in results]

    def peak(self, stdin=None, code=0, arguments=("-",)):
        """MiB that a run of embed takes at its peak."""
        with open(os.devnull, "wb") as nowhere:
            process = subprocess.Popen(
                [BINARY, "embed", "--model", TINY, "--threads", "2", "-q", *map(str, arguments)],
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL, stdout=nowhere,
                stderr=nowhere)
            if stdin:
                for chunk in stdin:
                    process.stdin.write(chunk)
                process.stdin.close()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, code)
        return usage.ru_maxrss / 1024


class Same(TarCase):
    def test_the_same_bits_as_from_files(self):
        wanted = self.embed(self.folder / "photos")
        self.assertEqual(len(wanted), len(self.files))
        results = self.embed(self.tar)
        self.assertEqual([result["image"] for result in results],
                         [f"{self.tar}/{name}" for name in self.files])
        self.assertEqual(self.vectors(results), self.vectors(wanted))
        options = 'embed --batch 1 --json'
        for script in (f'cat "$1" | "$0" {options} -', f'cat "$1" | "$0" {options} --image -',
                       f'"$0" {options} - < "$1"', f'"$0" {options} <(cat "$1")',
                       f'(head -c 700 "$1"; sleep 0.3; tail -c +701 "$1") | "$0" {options} -',
                       f'gzip < "$1" | "$0" {options} -', f'xz < "$1" | "$0" {options} -'):
            with self.subTest(script):
                results = self.by_shell(script, self.tar)
                self.assertEqual(self.vectors(results), self.vectors(wanted))
                self.assertTrue(results[0]["image"].endswith("/000.png"))
        self.assertTrue(self.by_shell(f'"$0" {options} - < "$1"', self.tar)[0]["image"], "-/000.png")

    def test_compressed(self):
        wanted = self.vectors(self.embed(self.tar))
        for suffix, command in (("gz", "gzip"), ("bz2", "bzip2"), ("xz", "xz"), ("zst", "zstd -q"),
                                ("lz4", "lz4 -q")):
            with self.subTest(suffix):
                # Known by what it holds, whatever it is called.
                for name in (f"a.tar.{suffix}", f"b-{suffix}"):
                    path = self.folder / name
                    with open(path, "wb") as file:
                        subprocess.run([*command.split(), "-c", self.tar], stdout=file, check=True)
                    self.assertEqual(self.vectors(self.embed(path)), wanted)

    def test_arrays(self):
        for name, what in (("files", self.folder / "photos"), ("tar", self.tar)):
            done = run("embed", "--model", TINY, "--batch", "1", what, "-o",
                       self.folder / f"{name}.npy")
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.folder / "files.npy").read_bytes(),
                         (self.folder / "tar.npy").read_bytes())

    def test_resume_goes_on_within_an_archive(self):
        whole = self.folder / "whole.jsonl"
        self.embed(self.tar, "-o", whole)
        lines = whole.read_text().splitlines(keepends=True)
        for kept in (0, 2, 5, 6):
            part = self.folder / "part.jsonl"
            part.write_text("".join(lines[:kept]) + ("{\"image\"" if kept < 6 else ""))
            self.embed(self.tar, "-o", part, "--resume")
            self.assertEqual(part.read_text(), whole.read_text())
            self.assertIn(f"{6 - kept} image", self.errors)

    def test_names_are_patterns_and_lists(self):
        for i in (1, 2, 11):
            write_tar(self.folder / f"{i:05}.tar", [(f"{i}.png", self.files["000.png"])])
        results = self.embed(f"{self.folder}/{{00000..00002}}.tar", f"{self.folder}/{{00011,00001}}.tar")
        self.assertEqual([Path(result["image"]).parent.name for result in results],
                         ["00000.tar"] * 6 + [f"0000{i}.tar" for i in (1, 2)] + ["00011.tar", "00001.tar"])
        # One that is missing is one error.
        results = self.embed(f"{self.folder}/{{00001..00003}}.tar", code=1)
        self.assertEqual(["error" in result for result in results], [False, False, True])
        self.assertIn("00003.tar: No such file", self.errors)
        # What there is a file of is that file.
        odd = self.folder / "{1,2}.tar"
        write_tar(odd, [("odd.png", self.files["000.png"])])
        self.assertEqual(self.embed(odd)[0]["image"], f"{odd}/odd.png")
        done = run("embed", "--model", TINY, "{0..9999999999}" * 3)
        self.assertEqual(done.returncode, 2)
        self.assertIn("too many names", done.stderr)
        listed = self.folder / "list"
        listed.write_text(f"{self.folder}/00001.tar\n{self.folder}/photos/000.png\n")
        self.assertEqual(len(self.embed("--images", listed)), 2)
        self.assertEqual(len(self.embed("-", stdin=listed.read_text())), 2)
        self.assertEqual(len(self.embed("-0", "-", stdin=listed.read_text().replace("\n", "\0"))), 2)

    def test_members_are_left_out_as_files_are(self):
        image = self.files["000.png"]
        write_tar(self.tar, [("._a.png", image), ("d/.hidden/a.png", image), ("@eaDir/a.png", image),
                             ("d/a.png", image), ("raw/b.png", image), ("c.psd", b"8BPS...."),
                             ("no-name", image), ("notes", b"text"), ("e.tmp.png", image)])
        results = self.embed(self.tar, "--exclude", "raw/", "--exclude", "*.tmp.png")
        self.assertEqual([result["image"][len(str(self.tar)):] for result in results],
                         ["/d/a.png", "/no-name"])
        self.assertIn("1 PSD", self.errors)
        results = self.embed(self.tar, "--exclude", "!._a.png", "--exclude", "raw/")
        self.assertEqual(len(results), 4)

    def test_archives_in_folders_are_left_out_and_counted(self):
        results = self.embed(self.folder)
        self.assertEqual(len(results), 6)
        self.assertIn("1 tar archive", self.errors)
        self.assertIn("are read where they are named", self.errors)


class Texts(TarCase):
    def setUp(self):
        super().setUp()
        image = self.files["000.png"]
        write_tar(self.tar, [
            ("a/1.txt", "eine Möwe\n".encode()), ("a/1.png", image), ("a/1.json", b'{"width": 7, "x": [1]}'),
            ("a/2.PNG", image), ("a/2.cls", b"12\n"), ("a/2.txt", b"two\nlines\n"),
            ("b/2.png", image),
            ("b/3.left.png", image), ("b/3.right.png", image), ("b/3.cls", b"n0123"), ("b/3.txt", b""),
            ("b/4.txt", b"no image"), ("b/5.json", b'{"similarity": NaN}'), ("b/5.png", image),
        ])
        self.wanted = [
            ("a/1.png", {"caption": "eine Möwe", "json": {"width": 7, "x": [1]}}),
            ("a/2.PNG", {"caption": "two\nlines", "class": 12}),
            ("b/2.png", {}),
            ("b/3.left.png", {"caption": "", "class": "n0123"}),
            ("b/3.right.png", {"caption": "", "class": "n0123"}),
            ("b/5.png", {"json": '{"similarity": NaN}'}),
        ]

    def check_results(self, results):
        found = [(result["image"][len(str(self.tar)) + 1:],
                  {key: result[key] for key in ("caption", "class", "json") if key in result})
                 for result in results]
        self.assertEqual(found, self.wanted)

    def test_embed(self):
        self.check_results(self.embed(self.tar))

    def test_score(self):
        done = run("score", "--model", TINY, "--json", self.tar, "a cat")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_results(json_lines(done.stdout))
        done = run("score", "--model", TINY, f"{self.folder}/{{00000..00000}}.tar", "a cat", "a dog")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("00000.tar/b/5.png", done.stdout)

    def test_classify(self):
        done = run("classify", "--model", TINY, "--json", "--labels", "cat,dog", self.tar)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_results(json_lines(done.stdout))

    def test_tables(self):
        for command, more in (("embed", []), ("score", ["--text", "a cat"]),
                              ("classify", ["--labels", "cat,dog"])):
            done = run(command, "--model", TINY, "--csv", self.tar, *more)
            self.assertEqual(done.returncode, 0, done.stderr)
            rows = list(csv.DictReader(io.StringIO(done.stdout)))
            self.assertEqual([(row["caption"], row["class"]) for row in rows],
                             [(texts.get("caption", ""), str(texts.get("class", "")))
                              for _, texts in self.wanted])
            done = run(command, "--model", TINY, "--csv", self.folder / "photos", *more)
            self.assertNotIn("caption", done.stdout.splitlines()[0])

    def test_texts_that_are_wrong_are_errors_of_their_image(self):
        image = self.files["000.png"]
        write_tar(self.tar, [("1.txt", b"x" * (5 << 20)), ("1.png", image), ("2.png", image),
                             member("2.txt", type=tarfile.SYMTYPE, linkname="1.txt"),
                             ("3.txt", b"fine"), ("3.png", image)])
        results = self.embed(self.tar, code=1)
        self.assertEqual(["error" in result for result in results], [True, True, False])
        self.assertIn("its 1.txt: it has more than 4 MiB", self.errors)
        self.assertIn("its 2.txt: it is a link to 1.txt", self.errors)

    def test_no_folders_of_members(self):
        for by in ([], ["--by", "copy"], ["--dry-run"]):
            done = run("classify", "--model", TINY, "--labels", "cat,dog", self.tar,
                       self.folder / "photos", "--sort-into", self.folder / "sorted", *by, "--json")
            self.assertEqual(done.returncode, 1, done.stderr)
            results = json_lines(done.stdout)
            self.assertEqual(len(results), 7)
            self.assertIn("unpack it first", results[0]["error"]["message"])


class Bad(TarCase):
    def good(self, results):
        return [result["image"] for result in results if "error" not in result]

    def test_cut_short_anywhere(self):
        data = self.tar.read_bytes()
        with tarfile.open(self.tar) as archive:
            ends = [each.offset_data + each.size for each in archive]
        mark = (ends[-1] + BLOCK - 1) // BLOCK * BLOCK
        wanted = self.embed(self.tar)
        cut = self.folder / "cut.tar"
        for size in range(0, mark + 2 * BLOCK, BLOCK):
            cut.write_bytes(data[:size])
            whole = size >= mark + BLOCK
            results = self.embed(cut, code=0 if whole else 1)
            good = [result for result in results if "error" not in result]
            self.assertEqual(self.vectors(good),
                             self.vectors(wanted)[:sum(end <= size for end in ends)], size)
            self.assertEqual(len(results) - len(good), 0 if whole else 1, size)

    def test_a_damaged_header_is_one_error(self):
        data = bytearray(self.tar.read_bytes())
        with tarfile.open(self.tar) as archive:
            offset = archive.getmembers()[2].offset
        data[offset] ^= 1
        self.tar.write_bytes(data)
        results = self.embed(self.tar, code=1)
        self.assertEqual(["error" in result for result in results], [i == 2 for i in range(6)])
        self.assertIn("header is damaged", self.errors)

    def test_names_and_links_lead_nowhere(self):
        image = self.files["000.png"]
        secret = self.folder / "secret.png"
        secret.write_bytes(image)
        work = self.folder / "work"
        work.mkdir()
        links = [member("link.png", type=tarfile.SYMTYPE, linkname=str(secret)),
                 member("hard.png", type=tarfile.LNKTYPE, linkname="../../secret.png"),
                 member("device.png", type=tarfile.CHRTYPE, devmajor=1, devminor=5),
                 member("pipe.png", type=tarfile.FIFOTYPE)]
        names = ["../../out.png", "/tmp/out.png", "d/../../out.png", "a\nb.png", "a\x1b[31m.png", "~/out.png",
                 "https:out.png", "-o.png"]
        write_tar(work / "x.tar", [member("folder.png", type=tarfile.DIRTYPE), *links,
                                   *((name, image) for name in names)])
        before = sorted(self.folder.rglob("*"))
        done = subprocess.run([BINARY, "embed", "--model", TINY, "x.tar", "--json"], cwd=work,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        results = json_lines(done.stdout)
        self.assertEqual(self.good(results), [f"x.tar/{name}" for name in names])
        self.assertEqual(len(results), len(names) + len(links))
        self.assertIn("links in archives are not followed", done.stderr)
        self.assertNotIn("\x1b", done.stderr)
        self.assertEqual(sorted(self.folder.rglob("*")), before)

    def test_sparse_files_and_claims(self):
        image = self.files["000.png"]
        with open(self.folder / "sparse.png", "wb") as file:
            file.truncate(1 << 20)
            file.write(image)
        subprocess.run(["tar", "-C", self.folder, "-S", "-cf", self.tar, "sparse.png", "photos/001.png"],
                       check=True)
        results = self.embed(self.tar, code=1)
        self.assertEqual(self.good(results), [f"{self.tar}/photos/001.png"])
        self.assertIn("sparse", self.errors)
        # A size that is no size of what comes; one that is too large, too, is said as well.
        for size, errors in ((200 << 20, ["ends early"]), (7 << 30, ["more than 256 MiB", "ends early"])):
            huge = tarfile.TarInfo("huge.png")
            huge.size = size
            self.tar.write_bytes(huge.tobuf(tarfile.USTAR_FORMAT) + image)
            self.assertEqual(len(self.embed(self.tar, code=1)), len(errors))
            for words in errors:
                self.assertIn(words, self.errors)

    def test_compressed_ones_that_are_damaged(self):
        image = self.files["000.png"]
        # libarchive hands out what it has decompressed in pieces: the last one may be lost.
        noise = random.Random(3).randbytes(100 << 10)
        write_tar(self.tar, [(f"{i}.png", image + noise) for i in range(8)])
        packed = gzip.compress(self.tar.read_bytes(), 1)
        path = self.folder / "a.tgz"
        path.write_bytes(packed[:len(packed) // 2])
        results = self.embed(path, code=1)
        self.assertEqual(len(self.good(results)), 3)
        self.assertEqual(len(results) - len(self.good(results)), 1)
        self.assertIn("cut short", self.errors)
        path.write_bytes(gzip.compress(image))
        self.assertEqual(len(self.embed(path, code=1)), 1)
        self.assertIn("no tar archive", self.errors)

    def test_no_archive_at_all(self):
        for name, data, words in (("empty.tar", b"", "it is empty"), ("text.tar", b"text", "no tar archive"),
                                  ("long.tar", b"text" * 1000, "no tar archive")):
            path = self.folder / name
            path.write_bytes(data)
            self.assertEqual(len(self.embed(path, code=1)), 1)
            self.assertIn(words, self.errors)
        # One without a member is none of an image.
        write_tar(self.tar, [])
        self.assertEqual(self.embed(self.tar, code=1), [])
        self.assertIn("no image was found", self.errors)
        # An image that is called like an archive is an image.
        path.write_bytes(self.files["000.png"])
        self.assertEqual(len(self.embed(path)), 1)


class Memory(TarCase):
    """Does not grow with the number of members, nor with what they say of themselves."""

    SPARE = 40  # MiB

    def stream(self, members):
        for info, data in members:
            yield info.tobuf(tarfile.GNU_FORMAT)
            yield data + bytes(-len(data) % BLOCK)
        yield bytes(2 * BLOCK)

    def test_many_images(self):
        noise = random.Random(2).randbytes(200 << 10)
        # Bytes behind an image's end are not looked at: members of 200 KiB, quickly decoded.
        images = [data + noise for data in self.files.values()]

        def members(count):
            return self.stream(member(f"{i}.png", images[i % len(images)]) for i in range(count))

        few = self.peak(members(100))
        self.assertLess(self.peak(members(MANY)), few + self.SPARE)
        # All of one key, as if they were one sample.
        same = (member(f"key.{i}.png", images[0]) for i in range(MANY // 4))
        self.assertLess(self.peak(self.stream(same)), few + self.SPARE + 16)

    def test_a_million_empty_members(self):
        image = self.stream([member("a.png", self.files["000.png"])])
        few = self.peak(image)
        block = member("nothing.bin")[0].tobuf(tarfile.GNU_FORMAT)
        names = b"".join(member(f"{i}.jpg")[0].tobuf(tarfile.GNU_FORMAT) for i in range(5000))
        chunk = block * 2000

        def empty():
            for _ in range(500):
                yield chunk
            yield from self.stream([member("a.png", self.files["000.png"])])

        self.assertLess(self.peak(empty()), few + self.SPARE)
        # Called like images, each is an error.
        self.assertLess(self.peak([names, bytes(2 * BLOCK)], code=1), few + self.SPARE)

    def test_what_is_decompressed(self):
        few = self.peak(self.stream([member("a.png", self.files["000.png"])]))
        image, zeros = self.files["000.png"], bytes(1 << 20)
        # What is no image, what is called like one, and one that is too large.
        for name, begin in (("zeros.bin", b""), ("zeros.png", b""), ("large.png", image)):
            path = self.folder / "bomb.tgz"
            with gzip.open(path, "wb", compresslevel=1) as file:
                info = tarfile.TarInfo(name)
                info.size = 300 << 20
                file.write(info.tobuf(tarfile.GNU_FORMAT) + begin)
                for _ in range(299):
                    file.write(zeros)
                file.write(zeros[len(begin):] + bytes(2 * BLOCK))
            self.assertLess(self.peak(arguments=[path], code=1), few + self.SPARE)


if __name__ == "__main__":
    unittest.main()
