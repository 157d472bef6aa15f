#!/usr/bin/env python3
"""Compares the reader of tar archives with those who write them: GNU tar and Python's tarfile, in
every format, with and without compression; and damages archives in every way that shows.

    against_tar_test.py LIST_TAR"""

import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

LIST_TAR = None
BLOCK = 512


def listed(path, chunk=None):
    """What the reader makes of an archive: a dictionary for each member."""
    command = [LIST_TAR, str(path)] + ([str(chunk)] if chunk else [])
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    members = [json.loads(line) for line in done.stdout.splitlines()]
    for member in members:
        member["name"] = bytes.fromhex(member["name"]).decode("utf-8", "surrogateescape")
        member["link"] = bytes.fromhex(member["link"]).decode("utf-8", "surrogateescape")
    return members


def brief(member):
    return member["name"].rstrip("/"), member["kind"], member["link"], member["sha256"]


def by_tarfile(path):
    """The same, as Python's tarfile has it."""
    kinds = {tarfile.DIRTYPE: "folder", tarfile.LNKTYPE: "hard link", tarfile.SYMTYPE: "symbolic link",
             tarfile.FIFOTYPE: "other", tarfile.CHRTYPE: "other", tarfile.BLKTYPE: "other"}
    found = []
    with tarfile.open(path, errors="surrogateescape", encoding="utf-8") as archive:
        for member in archive:
            kind = kinds.get(member.type, "file")
            digest = ""
            if kind == "file":
                digest = hashlib.sha256(archive.extractfile(member).read()).hexdigest()
            found.append((member.name, kind, member.linkname, digest))
    return found


class Formats(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        cls.tree = cls.folder / "tree"
        generator = random.Random(1)
        names = ["a.txt", "empty", "d/b.bin", "d/" + "n" * 90 + ".jpg", "d/" + "m" * 200, "ü/日本.png",
                 "/".join("p" * 40 for _ in range(8)) + "/deep", "x" * 100, "y" * 99, "with\nline",
                 "d/blank s", b"latin-\xe9".decode("utf-8", "surrogateescape")]
        for i, name in enumerate(names):
            path = cls.tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(generator.randbytes([0, 1, 511, 512, 513, 70_000, 300_000][i % 7]))
        (cls.tree / "soft").symlink_to("a.txt")
        (cls.tree / "far").symlink_to("../" * 60 + "etc/passwd")
        os.link(cls.tree / "a.txt", cls.tree / "z-hard")
        os.mkfifo(cls.tree / "pipe")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def gnu(self, name, *options, what=("tree",)):
        path = self.folder / name
        subprocess.run(["tar", "-C", self.folder, "-cf", path, *options, *what], check=True,
                       capture_output=True)
        return path

    def compare(self, path, chunk=None):
        members = listed(path, chunk)
        self.assertEqual([member["error"] for member in members if member["error"]], [])
        self.assertEqual([brief(member) for member in members], by_tarfile(path))
        return members

    def test_gnu_tar(self):
        for name in ("gnu", "oldgnu", "posix"):
            with self.subTest(name):
                members = self.compare(self.gnu(f"{name}.tar", f"--format={name}"))
                self.assertGreater(len(members), 20)
                self.compare(self.folder / f"{name}.tar", chunk=7)
        # These refuse what does not fit.
        for name in ("v7", "ustar"):
            with self.subTest(name):
                self.compare(self.gnu(f"{name}.tar", f"--format={name}", "--hard-dereference",
                                      what=("tree/a.txt", "tree/d/b.bin", "tree/empty", "tree/soft")))
        label, member = listed(self.gnu("label.tar", "-V", "a label", what=("tree/a.txt",)))
        self.assertEqual((label["name"], label["kind"]), ("a label", "other"))
        self.assertEqual(member["name"], "tree/a.txt")

    def test_tarfile(self):
        for name, kind in (("ustar", tarfile.USTAR_FORMAT), ("gnu", tarfile.GNU_FORMAT),
                           ("pax", tarfile.PAX_FORMAT)):
            with self.subTest(name):
                path = self.folder / f"python-{name}.tar"
                with tarfile.open(path, "w", format=kind, encoding="utf-8",
                                  errors="surrogateescape") as archive:
                    for each in sorted(self.tree.rglob("*")):
                        relative = str(each.relative_to(self.tree))
                        if kind == tarfile.USTAR_FORMAT and len(relative) > 90:
                            continue
                        if kind == tarfile.USTAR_FORMAT and each.name == "far":
                            continue
                        archive.add(each, relative, recursive=False)
                self.compare(path)
                self.compare(path, chunk=1000)

    def test_a_global_header(self):
        path = self.folder / "global.tar"
        with tarfile.open(path, "w", format=tarfile.PAX_FORMAT,
                          pax_headers={"comment": "of all members"}) as archive:
            archive.add(self.tree / "a.txt", "a.txt")
        self.compare(path)

    def test_compressed(self):
        plain = self.gnu("plain.tar")
        wanted = listed(plain)
        for suffix, command in (("gz", ["gzip"]), ("bz2", ["bzip2"]), ("xz", ["xz", "-1"]),
                                ("zst", ["zstd", "-q"]), ("lz4", ["lz4", "-q"]), ("lz", ["lzip"]),
                                ("Z", ["compress", "-f"])):
            with self.subTest(suffix):
                with open(plain, "rb") as file:
                    data = subprocess.run([*command, "-c"], stdin=file, check=True,
                                          capture_output=True).stdout
                path = self.folder / f"plain.tar.{suffix}"
                path.write_bytes(data)
                self.assertEqual(listed(path), wanted)
                self.assertEqual(listed(path, chunk=997), wanted)
                # Cut short, it is an error, whatever has come before.
                path.write_bytes(data[:len(data) // 2])
                cut = listed(path)
                self.assertTrue(cut[-1]["error"], suffix)
                whole = [member for member in cut if not member["error"]]
                self.assertEqual(whole, wanted[:len(whole)])

    def test_base_256(self):
        # As GNU tar writes sizes from 8 GiB on: here of a small file, by hand.
        header = tarfile.TarInfo("big")
        header.size = 3
        block = bytearray(header.tobuf(tarfile.GNU_FORMAT))
        block[124:136] = b"\x80" + (3).to_bytes(11, "big")
        path = self.folder / "base256.tar"
        path.write_bytes(with_checksum(block) + b"abc".ljust(BLOCK, b"\0") + bytes(2 * BLOCK))
        self.compare(path)

    def test_sparse(self):
        sparse = self.folder / "holes.jpg"
        with open(sparse, "wb") as file:
            file.truncate(1 << 20)
            file.seek(1 << 19)
            file.write(b"data")
            for i in range(40):
                file.seek((1 << 19) + (i << 13))
                file.write(b"x")
        after = self.folder / "after.txt"
        after.write_bytes(b"behind it")
        for options in (["--format=gnu"], ["--format=oldgnu"], ["--format=posix", "--sparse-version=0.0"],
                        ["--format=posix", "--sparse-version=0.1"],
                        ["--format=posix", "--sparse-version=1.0"]):
            with self.subTest(options):
                path = self.gnu("sparse.tar", "--sparse", *options, what=("holes.jpg", "after.txt"))
                first, second = listed(path)
                self.assertEqual(first["name"], "holes.jpg")
                self.assertIn("sparse", first["error"])
                self.assertEqual(brief(second), ("after.txt", "file", "",
                                                 hashlib.sha256(b"behind it").hexdigest()))

    def test_several_archives_in_one(self):
        one = self.gnu("one.tar", what=("tree/a.txt",))
        two = self.gnu("two.tar", what=("tree/d",))
        both = self.folder / "both.tar"
        both.write_bytes(one.read_bytes() + two.read_bytes())
        self.assertEqual(listed(both), listed(one) + listed(two))


def with_checksum(block):
    block = bytearray(block)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def archive_of(files, format=tarfile.PAX_FORMAT):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


class Damaged(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "a.tar"
        self.files = {f"{i}.jpg": random.Random(i).randbytes(300 * i + 1) for i in range(8)}
        self.files["n" * 150] = b"a long name"

    def listed(self, data):
        self.path.write_bytes(data)
        return listed(self.path)

    def test_cut_at_every_block_and_beside_it(self):
        for format in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
            whole = archive_of(self.files, format)
            wanted = self.listed(whole)
            self.assertEqual(len(wanted), len(self.files))
            with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
                ends = [member.offset_data + member.size for member in archive]
            mark = (ends[-1] + BLOCK - 1) // BLOCK * BLOCK
            for size in range(0, mark + 2 * BLOCK, BLOCK // 2):
                members = self.listed(whole[:size])
                errors = [member for member in members if member["error"]]
                good = [member for member in members if not member["error"]]
                # All that is whole comes, and nothing else; whatever is missing is one error.
                self.assertEqual(good, wanted[:sum(end <= size for end in ends)], size)
                self.assertEqual(len(errors), 0 if size >= mark + BLOCK else 1, size)
                self.assertTrue(size >= mark + BLOCK or members[-1]["error"], size)

    def test_every_damaged_header_is_one_error(self):
        del self.files["n" * 150]
        whole = archive_of(self.files, tarfile.USTAR_FORMAT)
        wanted = self.listed(whole)
        with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
            offsets = [member.offset for member in archive]
        for i, offset in enumerate(offsets):
            data = bytearray(whole)
            data[offset + 3] ^= 0x40
            members = self.listed(data)
            errors = [member for member in members if member["error"]]
            self.assertEqual(len(errors), 1)
            self.assertIn("header is damaged", errors[0]["error"])
            self.assertEqual([member for member in members if not member["error"]],
                             wanted[:i] + wanted[i + 1:])

    def test_any_flipped_bit(self):
        whole = archive_of(self.files)
        generator = random.Random(5)
        for _ in range(150):
            data = bytearray(whole)
            data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
            self.listed(data)  # it ends, with exit code 0

    def test_claims(self):
        header = tarfile.TarInfo("huge.jpg")
        header.size = (8 << 30) - 1
        members = self.listed(header.tobuf(tarfile.USTAR_FORMAT) + b"x" * 1000)
        self.assertEqual(len(members), 1)
        self.assertIn("behind 1000 of its 8589934591 bytes", members[0]["error"])
        block = bytearray(header.tobuf(tarfile.GNU_FORMAT))
        block[124:136] = b"\x80" + b"\x7f".rjust(4, b"\0") + b"\xff" * 7
        members = self.listed(with_checksum(block) + b"x" * 1000)
        self.assertIn("ends early", members[0]["error"])
        for size in (b"\xff" * 12, b"99999999999\0", b"not a number"):
            block[124:136] = size
            rest = archive_of({"next.jpg": b"here"})
            members = self.listed(with_checksum(block) + rest)
            self.assertEqual([member["name"] for member in members], ["huge.jpg", "next.jpg"], size)
            self.assertIn("is no number", members[0]["error"])
            self.assertFalse(members[1]["error"])

    def test_descriptions(self):
        member = tarfile.TarInfo("a.jpg").tobuf(tarfile.USTAR_FORMAT)

        def description(kind, data, size=None):
            header = tarfile.TarInfo("././@LongLink")
            header.type = kind
            header.size = len(data) if size is None else size
            return header.tobuf(tarfile.USTAR_FORMAT) + data.ljust(-len(data) % BLOCK + len(data), b"\0")

        end = bytes(2 * BLOCK)
        for records in (b"12 path=a\n", b"x path=a\n", b"9999999 path=a\n", b"10 path\nxx\n", b"5 =a\n",
                        b"-5 a=b\n", b"21 size=1234567890123\n", b"25 size=99999999999999999\n"[:26]):
            members = self.listed(description(b"x", records) + member + end)
            self.assertEqual(len(members), 1, records)
        members = self.listed(description(b"x", b"nothing of the kind") + member + end)
        self.assertIn("pax header is damaged", members[0]["error"])
        # One that is larger than names and records are is passed over; one that is only announced
        # takes no memory.
        members = self.listed(description(b"L", b"n" * (3 << 20)) + member + end)
        self.assertIn("more than 1 MiB", members[0]["error"])
        members = self.listed(description(b"x", b"", size=(8 << 30) - 1) + member + end)
        self.assertIn("ends early", members[0]["error"])
        # Descriptions of nothing.
        members = self.listed(description(b"L", b"name") * 1000 + end)
        self.assertEqual(len(members), 1)
        self.assertIn("ends early", members[0]["error"])

    def test_no_archive(self):
        for data in (b"", b"text", b"text " * 1000, random.Random(0).randbytes(5000)):
            members = self.listed(data) if data else []
            self.assertTrue(all(member["error"] for member in members))
        self.assertEqual(self.listed(bytes(10 * BLOCK)), [])


if __name__ == "__main__":
    LIST_TAR = sys.argv.pop(1)
    unittest.main()
