"""clip-cli index --archives: members of tar archives are found like files, and read again only when their archive has
changed."""

import io
import os
import shutil
import signal
import subprocess
import tarfile
import time
import unittest

from common import BINARY
from index_case import OTHER, TINY, IndexCase


class Archives(IndexCase):
    def pack(self, archive, *names, mode="w", first=0):
        """An archive below the root, with an image of its own by each of these names."""
        scratch = self.folder / "scratch"
        self.root, root = scratch, self.root
        self.draw(*names, first=first)
        self.root = root
        path = self.root / archive
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path, mode) as tar:
            for name in names:
                tar.add(scratch / name, name)
        shutil.rmtree(scratch)
        return path

    def test_members_are_found_beside_files(self):
        self.draw("a.png")
        self.pack("shards/00.tar", "one.png", "deep/two.png", first=10)
        self.pack("shards/01.tar.gz", "three.png", mode="w:gz", first=20)
        self.check_report(self.index("--archives"), added=4, embedded=4)
        names = ["a.png", "shards/00.tar/one.png", "shards/00.tar/deep/two.png", "shards/01.tar.gz/three.png"]
        self.check_whole(*names)
        self.assertTrue(self.status()["archives"])
        # A search keeps to what the index was made with.
        self.assertEqual({os.path.relpath(hit["image"], self.root) for hit in self.search("a cat")}, set(names))
        self.assertEqual(sorted(self.found(root=self.root / "shards")),
                         sorted(name.removeprefix("shards/") for name in names[1:]))

    def test_they_score_as_files_do(self):
        self.pack("x.tar", "one.png", "two.png")
        self.index("--archives")
        packed = {os.path.basename(hit["image"]): hit["score"] for hit in self.search("a cat")}
        with tarfile.open(self.root / "x.tar") as tar:
            tar.extractall(self.folder / "plain")
        self.index(root=self.folder / "plain")
        plain = {os.path.basename(hit["image"]): hit["score"]
                 for hit in self.search("a cat", root=self.folder / "plain")}
        self.assertEqual(packed.keys(), plain.keys())
        for name, score in plain.items():
            self.assertAlmostEqual(packed[name], score, places=3)

    def test_without_the_option_archives_are_no_images(self):
        self.draw("a.png")
        self.pack("x.tar", "one.png", first=10)
        self.check_report(self.index(), added=1, embedded=1)
        self.check_whole("a.png")
        self.check_report(self.index("--archives"), added=1, embedded=1)
        self.check_report(self.index())  # kept
        self.check_whole("a.png", "x.tar/one.png")
        self.check_report(self.index("--no-archives"), deleted=1)
        self.check_whole("a.png")
        self.assertFalse(self.status()["archives"])

    def test_an_archive_that_has_not_changed_is_not_opened(self):
        path = self.pack("x.tar", "one.png", "two.png")
        self.check_report(self.index("--archives"), added=2, embedded=2)

        def opened():
            trace = self.folder / "trace"
            # LeakSanitizer cannot look at a process that is traced.
            self.call("index", "--model", TINY, self.root,
                      prefix=["env", "ASAN_OPTIONS=detect_leaks=0", "strace", "-f", "-e", "trace=openat", "-o", trace])
            return str(path) in trace.read_text()

        self.assertFalse(opened())
        os.utime(path)
        self.assertTrue(opened())

    def test_only_what_is_new_is_embedded(self):
        self.pack("x.tar", "one.png", "two.png")
        self.index("--archives")
        self.pack("x.tar", "one.png", "two.png", "three.png")
        self.check_report(self.index(), added=1, embedded=1)
        self.check_whole("x.tar/one.png", "x.tar/two.png", "x.tar/three.png")

    def test_what_an_archive_has_no_more_is_forgotten(self):
        self.pack("x.tar", "one.png", "two.png", "three.png")
        self.index("--archives")
        self.pack("x.tar", "two.png", first=1)
        self.check_report(self.index(), deleted=2)
        self.check_whole("x.tar/two.png")
        (self.root / "x.tar").unlink()
        self.draw("a.png")
        self.check_report(self.index(), added=1, embedded=1, deleted=1)
        self.check_whole("a.png")

    def test_a_renamed_archive_is_not_embedded_again(self):
        path = self.pack("x.tar", "one.png", "two.png")
        self.index("--archives")
        path.rename(self.root / "y.tar")
        report = self.index()
        self.assertEqual((report["embedded"], report["failed"]), (0, 0))
        self.check_whole("y.tar/one.png", "y.tar/two.png")

    def test_the_same_image_in_many_archives_is_embedded_once(self):
        for number in range(5):
            self.pack(f"{number}.tar", "same.png", "twin.png", first=3)
        self.check_report(self.index("--archives"), added=2, copied=8, embedded=2)
        self.check_whole(*(f"{number}.tar/{name}.png" for number in range(5) for name in ("same", "twin")))
        self.check_report(self.index())

    def test_another_model(self):
        self.pack("x.tar", "one.png", "two.png")
        self.index("--archives")
        report = self.index(model=OTHER)
        self.assertEqual((report["embedded"], report["added"]), (2, 0))
        self.check_report(self.index(model=OTHER))
        self.check_report(self.index())
        self.assertEqual(len(self.found(model=OTHER)), 2)

    def test_damage(self):
        path = self.pack("x.tar", "one.png", "two.png", "three.png")
        data = path.read_bytes()
        with tarfile.open(path) as tar:
            third = tar.getmember("three.png").offset
        path.write_bytes(data[:third + 700])
        report = self.index("--archives", code=1)
        self.assertEqual((report["added"], report["embedded"]), (2, 2))
        self.assertIn("ends early", report["stderr"])
        # It is not read again until it changes, and then what was whole is kept.
        self.check_report(self.index())
        path.write_bytes(data)
        self.check_report(self.index(), added=1, embedded=1)
        path.write_bytes(data[:700])
        self.index(code=1)
        self.assertEqual(len(self.found()), 3)

    def test_members_that_cannot_be_used(self):
        path = self.root / "x.tar"
        with tarfile.open(path, "w") as tar:
            broken = tarfile.TarInfo("broken.png")
            broken.size = 5
            tar.addfile(broken, io.BytesIO(b"wrong"))
            link = tarfile.TarInfo("link.png")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(link)
        report = self.index("--archives", code=1)
        self.assertEqual((report["embedded"], report["failed"]), (0, 2))
        self.assertIn("x.tar/broken.png", report["stderr"])
        failures = {each["image"] for each in self.status()["failures"]}
        self.assertEqual(failures, {"x.tar/broken.png", "x.tar/link.png"})
        self.check_report(self.index())

    def test_what_is_no_archive(self):
        (self.root / "notes.tar").write_text("no archive")
        images = self.draw("a.png")
        images[0].rename(self.root / "really.png.tar")
        report = self.index("--archives", code=1)
        self.assertEqual((report["added"], report["failed"]), (1, 1), report["stderr"])
        self.assertIn("notes.tar: it is no tar archive", report["stderr"])
        self.check_whole("really.png.tar")
        self.check_report(self.index())

    def test_two_members_of_one_name(self):
        self.draw("a.png", "b.png")
        with tarfile.open(self.root / "x.tar", "w") as tar:
            tar.add(self.root / "a.png", "same.png")
            tar.add(self.root / "b.png", "same.png")
        report = self.index("--archives", code=1)
        self.assertIn("another member of that name", report["stderr"])
        self.check_whole("a.png", "b.png", "x.tar/same.png")
        self.check_report(self.index())

    def test_killed_anywhere(self):
        for number in range(6):
            self.pack(f"{number}.tar", *(f"{i}.png" for i in range(40)), first=100 * number)
        time.sleep(0.06)
        for wait in (0.1, 0.2, 0.3, 0.5, 0.8):
            process = subprocess.Popen([BINARY, "index", "-q", "--archives", "--model", TINY, self.root],
                                       env={**os.environ, "XDG_DATA_HOME": str(self.data)})
            time.sleep(wait)
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.index("--archives")
        self.check_whole(*(f"{number}.tar/{i}.png" for number in range(6) for i in range(40)))
        self.check_report(self.index())

    def test_a_report_shows_members(self):
        self.pack("x.tar", "one.png", "two.png")
        self.index("--archives")
        self.call("search", "--model", TINY, "--in", self.root, "a cat", "--report", self.folder / "r.html")
        self.assertEqual((self.folder / "r.html").read_text().count('"/9j/'), 2)  # JPEG files in base64

    def test_excluded_members(self):
        self.pack("x.tar", "one.png", "drafts/two.png", ".hidden/three.png")
        self.check_report(self.index("--archives", "--exclude", "drafts/"), added=1, embedded=1)
        self.check_whole("x.tar/one.png")


if __name__ == "__main__":
    unittest.main()
