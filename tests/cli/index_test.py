"""clip-cli index: what is new, changed, renamed, copied and gone, what is out of reach, and what is
kept of it all."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import time
import unittest
from pathlib import Path

from common import BINARY, json_lines, need
from images import draw, without_privilege
from index_case import OTHER, TINY, IndexCase

need("PIL")
from PIL import Image  # noqa: E402 (after the check that it is there)


class ChangesTest(IndexCase):
    def test_nothing_is_embedded_twice(self):
        self.draw("a.png", "b.png", "sub/c.png")
        self.check_report(self.index(), added=3, embedded=3)
        self.check_report(self.index())
        (self.root / "a.png").rename(self.root / "sub" / "renamed.png")
        shutil.copy(self.root / "b.png", self.root / "copy.png")
        self.check_report(self.index(), renamed=1, copied=1)
        (self.root / "sub").rename(self.root / "moved")
        self.check_report(self.index(), renamed=2)
        self.check_whole("b.png", "copy.png", "moved/c.png", "moved/renamed.png")

    def test_changes_deletions_and_touches(self):
        paths = self.draw("a.png", "b.png", "c.png")
        self.index()
        os.utime(paths[0])  # the same content
        draw(paths[1], 77)
        paths[2].unlink()
        self.check_report(self.index(), changed=1, deleted=1, embedded=1)
        self.check_report(self.index())
        self.check_whole("a.png", "b.png")

    def test_one_name_takes_the_place_of_another(self):
        a, b = self.draw("a.png", "b.png")
        self.index()
        before = {hit["image"]: hit["score"] for hit in self.search("anything")}
        os.replace(b, a)
        self.check_report(self.index(), changed=1, deleted=1)
        self.assertEqual(self.search("anything"),
                         [{"image": str(a), "rank": 1, "score": before[str(b)]}])

    def test_names_that_are_swapped(self):
        a, b = self.draw("a.png", "sub/b.png")
        self.index()
        before = {hit["image"]: hit["score"] for hit in self.search("anything")}
        a.rename(self.folder / "held")
        b.rename(a)
        (self.folder / "held").rename(b)
        self.check_report(self.index(), changed=2)
        after = {hit["image"]: hit["score"] for hit in self.search("anything")}
        self.assertEqual(after, {str(a): before[str(b)], str(b): before[str(a)]})
        self.check_whole("a.png", "sub/b.png")

    def test_a_small_edit_that_keeps_the_size(self):
        path = self.root / "small.bmp"
        Image.new("RGB", (40, 40), "red").save(path)
        self.check_report(self.index(at_once=True), added=1, embedded=1)
        # The time of the file may be what it was.
        data = path.read_bytes()
        path.write_bytes(data[:100] + bytes(len(data) - 100))
        self.check_report(self.index(at_once=True), changed=1, embedded=1)
        path.write_bytes(data)
        self.check_report(self.index(at_once=True), changed=1, embedded=1)
        self.check_whole("small.bmp")

    def test_what_comes_back_while_it_is_remembered(self):
        """A refresh of a sub-folder forgets no content, which may turn up elsewhere."""
        a, _ = self.draw("one/a.png", "two/b.png")
        self.index()
        away = self.folder / "a.png"
        a.rename(away)
        self.check_report(self.index(root=self.root / "one"), deleted=1)
        self.assertEqual(self.found(), ["two/b.png"])
        away.rename(self.root / "two/a.png")
        self.check_report(self.index(root=self.root / "two"), renamed=1)
        self.check_whole("two/a.png", "two/b.png")

    def test_a_folder_takes_the_name_of_a_file_and_a_file_that_of_a_folder(self):
        self.draw("x.png", "y/z.png")
        self.index()
        (self.root / "x.png").rename(self.root / "held.png")
        (self.root / "y").rename(self.root / "x.png")
        (self.root / "held.png").rename(self.root / "y")
        self.check_report(self.index(), renamed=2)
        self.check_whole("y", "x.png/z.png")

    def test_an_edit_in_the_middle_of_a_large_file_that_keeps_its_size(self):
        # A bitmap of 1.9 MB: the key sees its first MiB and its last KiB.
        path = self.root / "large.bmp"
        Image.new("RGB", (800, 800), "red").save(path)
        self.check_report(self.index(), added=1, embedded=1)
        score = self.search("anything")[0]["score"]
        data = bytearray(path.read_bytes())
        data[1_200_000:1_800_000] = bytes(600_000)
        path.write_bytes(data)
        self.check_report(self.index(), changed=1, embedded=1)
        self.assertNotAlmostEqual(self.search("anything")[0]["score"], score, places=2)
        self.check_whole("large.bmp")

    def test_what_failed_is_remembered_until_it_changes(self):
        self.draw("good.png")
        bad = self.root / "bad.png"
        bad.write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
        report = self.index(code=1)
        self.check_report(report, added=2, embedded=1, failed=1)
        self.assertIn("bad.png", report["stderr"])
        self.check_report(self.index())
        failures = self.status()["failures"]
        self.assertEqual([each["image"] for each in failures], ["bad.png"])
        self.assertRegex(failures[0]["error"], "^it is damaged")
        self.assertIn("bad.png", self.call("index", "--status", self.root).stdout)
        draw(bad, 5)
        self.check_report(self.index(), changed=1, embedded=1)
        self.assertEqual(self.status()["failures"], [])
        self.check_whole("bad.png", "good.png")

    def test_copies_of_what_failed_fail_without_being_decoded(self):
        bad = self.root / "bad.png"
        bad.write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
        self.index(code=1)
        shutil.copy(bad, self.root / "copy.png")
        self.check_report(self.index(code=1), copied=1, failed=1)
        self.check_report(self.index())
        self.assertEqual([each["image"] for each in self.status()["failures"]],
                         ["bad.png", "copy.png"])
        [model] = self.status()["models"]
        self.assertEqual((model["embedded"], model["failed"], model["missing"]), (0, 2, 0))

    def test_files_that_are_no_images_are_not_opened_again(self):
        self.draw("a.png")
        (self.root / "notes.txt").write_text("no image")
        shutil.copy(self.root / "a.png", self.root / "image_without_extension")
        self.check_report(self.index(), added=1, copied=1, embedded=1)
        self.check_report(self.index())
        self.check_whole("a.png", "image_without_extension")
        shutil.copy(self.root / "a.png", self.root / "notes.txt")
        self.index()
        self.check_whole("a.png", "image_without_extension", "notes.txt")
        (self.root / "other.txt").write_text("nor is this one")
        self.check_report(self.index())
        (self.root / "other.txt").unlink()
        self.check_report(self.index())


class PlacesTest(IndexCase):
    def test_a_sub_folder_uses_the_index_of_its_root(self):
        self.draw("a.png", "sub/b.png", "sub/deep/c.png", "subway/d.png")
        self.index()
        self.draw("new.png", "sub/new.png", first=20)
        self.check_report(self.index(root=self.root / "sub"), added=1, embedded=1)
        self.assertEqual(sorted(self.found(root=self.root / "sub")),
                         ["b.png", "deep/c.png", "new.png"])
        self.assertEqual(len(list((self.data / "clip-cli/indexes").iterdir())), 1)
        self.check_report(self.index(), added=1, embedded=1)

    def test_an_index_beside_the_images_moves_with_them(self):
        self.draw("a.png", "sub/b.png")
        self.check_report(self.index("--here"), added=2, embedded=2)
        self.assertFalse((self.data / "clip-cli").exists())
        moved = self.folder / "another place"
        self.root.rename(moved)
        self.check_report(self.index(root=moved))
        self.check_whole("a.png", "sub/b.png", root=moved)

    def test_an_index_beside_the_images_is_taken_before_that_of_a_folder_above(self):
        self.draw("a.png", "sub/b.png")
        self.index()
        self.check_report(self.index("--here", root=self.root / "sub"), added=1, embedded=1)
        self.assertEqual(self.found(root=self.root / "sub"), ["b.png"])
        self.assertEqual(self.status(root=self.root / "sub")["root"], str(self.root / "sub"))
        # The folder that holds it is hidden, and no part of either.
        self.check_report(self.index())
        self.check_whole("a.png", "sub/b.png")

    def test_status_is_as_people_read_it_and_as_programs_do(self):
        self.draw("a.png", "sub/b.png")
        (self.root / "bad.jpg").write_bytes(b"no image")
        self.index("--exclude", "*.gif", code=1)
        status = self.status()
        self.assertEqual((status["root"], status["images"], status["folders"], status["exclude"]),
                         (str(self.root), 3, 2, ["*.gif"]))
        [model] = status["models"]
        self.assertEqual({key: model[key] for key in ("name", "path", "dim", "embedded", "failed",
                                                      "missing")},
                         {"name": "random tiny", "path": os.path.realpath(TINY), "dim": 64,
                          "embedded": 2, "failed": 1, "missing": 0})
        self.assertLess(abs(status["refreshed"] - time.time()), 600)
        self.assertTrue(Path(status["index"]).is_dir())
        text = self.call("index", "--status", self.root).stdout
        for word in (str(self.root), "3 in 2 folders", "*.gif", "random tiny: 2 embedded, 1 failed",
                     "bad.jpg"):
            self.assertIn(word, text)

    def test_mistakes(self):
        self.draw("a.png")
        self.index()
        for arguments, code, word in (
                (["--status", "--verify"], 2, "exclude each other"),
                (["--prune", "--status"], 2, "exclude each other"),
                (["--remove", "--list"], 2, "exclude each other"),
                (["--status", "--exclude", "x"], 2, "for building"),
                (["--verify", "--here"], 2, "for building"),
                (["--model", TINY, self.folder / "missing"], 1, "missing"),
                (["--model", TINY, self.root / "a.png"], 1, "not a folder"),
                (["--model", self.root / "a.png", self.root], 1, "a.png")):
            with self.subTest(arguments):
                self.assertIn(word, self.call("index", *arguments, code=code).stderr)
        (self.root / "sub").mkdir()
        done = self.call("index", "--remove", self.root / "sub", code=2)
        self.assertIn(f"`clip-cli index --remove {self.root}` removes it", done.stderr)
        done = self.call("index", "--status", self.root / "nosuch", code=1)
        self.assertIn(f"there is no folder {self.root}/nosuch", done.stderr)
        # One folder's mistake does not keep others from being indexed.
        self.draw("new.png", first=5)
        self.call("index", "--model", TINY, self.folder / "missing", self.root, code=1)
        self.check_whole("a.png", "new.png")

    def test_remove_and_list(self):
        self.draw("a.png")
        self.index()
        self.assertEqual(self.call("index", "--list").stdout, f"{self.root}\t1\n")
        self.call("index", "--remove", self.root)
        self.assertEqual(self.call("index", "--list").stdout, "")
        for mode in ("--status", "--verify", "--remove"):
            done = self.call("index", mode, self.root, code=1)
            self.assertIn("there is no index of", done.stderr)
        self.assertTrue((self.root / "a.png").exists())

    def test_models_stand_side_by_side(self):
        self.draw("a.png", "b.png")
        self.check_report(self.index(), added=2, embedded=2)
        done = self.call("search", "--no-update", "--model", OTHER, "--in", self.root, "x", code=1)
        self.assertIn("has no vectors of the model", done.stderr)
        self.assertIn(self.status()["models"][0]["name"], done.stderr)
        report = self.index(model=OTHER)
        self.assertEqual((report["embedded"], report["added"]), (2, 0))
        self.check_report(self.index())
        self.check_report(self.index(model=OTHER))
        self.assertEqual([model["embedded"] for model in self.status()["models"]], [2, 2])
        self.assertNotEqual(self.search("x", model=OTHER)[0]["score"],
                            self.search("x")[0]["score"])
        self.check_whole("a.png", "b.png")

    def test_the_model_of_the_index_answers_where_none_is_named(self):
        self.draw("a.png")
        self.index()
        self.assertEqual(self.search("x", "--no-update", model=None), self.search("x"))


class ExcludesTest(IndexCase):
    def test_excludes_are_kept_and_can_be_ended(self):
        self.draw("a.png", "b.jpg", "drafts/c.png", ".hidden/d.png", "@eaDir/e.png",
                  "#recycle/f.png")
        self.check_report(self.index("--exclude", "*.jpg", "--exclude", "drafts/"), added=1,
                          embedded=1)
        self.assertEqual(self.status()["exclude"], ["*.jpg", "drafts/"])
        self.check_report(self.index())
        self.search("x")
        self.check_whole("a.png")
        self.check_report(self.index("--exclude", ""), added=2, embedded=2)
        self.check_whole("a.png", "b.jpg", "drafts/c.png")

    def test_a_clipignore_file(self):
        self.draw("a.png", "sub/b.png", "sub/c.png")
        (self.root / "sub/.clipignore").write_text("*.png\n!c.png\n")
        self.check_report(self.index(), added=2, embedded=2)
        self.check_whole("a.png", "sub/c.png")


class ReachTest(IndexCase):
    def test_an_empty_root_keeps_its_entries(self):
        self.draw("a.png", "b.png")
        self.index()
        away = self.folder / "away"
        self.root.rename(away)
        self.root.mkdir()
        report = self.index()
        self.check_report(report, kept=2)
        self.assertIn("--prune", self.call("index", "--model", "demo", self.root).stderr)
        self.root.rmdir()
        self.call("index", "--model", "demo", self.root, code=1)
        away.rename(self.root)
        self.check_report(self.index())
        self.check_whole("a.png", "b.png")

    def test_prune_forgets_what_is_out_of_reach(self):
        self.draw("a.png", "b.png")
        self.index()
        shutil.rmtree(self.root)
        self.root.mkdir()
        self.check_report(self.index("--prune"), deleted=2)
        self.check_whole()

    def test_a_link_to_a_folder_that_is_away(self):
        elsewhere = self.folder / "disk"
        elsewhere.mkdir()
        draw(elsewhere / "b.png", 3)
        self.draw("a.png")
        (self.root / "link").symlink_to(elsewhere)
        self.check_report(self.index(), added=2, embedded=2)
        elsewhere.rename(self.folder / "unplugged")
        self.check_report(self.index(), kept=1)
        (self.folder / "unplugged").rename(elsewhere)
        self.check_report(self.index())
        self.check_whole("a.png", "link/b.png")

    def test_a_folder_in_the_root_that_is_empty_is_forgotten(self):
        self.draw("a.png", "sub/b.png", "sub/c.png")
        self.index()
        for path in (self.root / "sub").iterdir():
            path.unlink()
        self.check_report(self.index(), deleted=2)
        self.check_whole("a.png")

    def test_folders_and_files_that_may_not_be_read(self):
        prefix = without_privilege()
        self.draw("a.png", "locked/b.png", "locked/deep/c.png")
        self.index(prefix=prefix)
        locked = self.root / "locked"
        locked.chmod(0)
        self.addCleanup(locked.chmod, 0o755)
        report = self.index(code=1, prefix=prefix)
        self.check_report(report, kept=2, failed=1)
        self.assertIn("Permission denied", report["stderr"])
        self.check_whole("a.png", "locked/b.png", "locked/deep/c.png")
        locked.chmod(0o755)
        self.check_report(self.index(prefix=prefix))
        # A file that cannot be read is tried again, since nothing of it need change.
        new, = self.draw("new.png", first=7)
        new.chmod(0)
        self.check_report(self.index(code=1, prefix=prefix), failed=1)
        self.check_report(self.index(code=1, prefix=prefix), failed=1)
        self.assertEqual([each["image"] for each in self.status()["failures"]], ["new.png"])
        new.chmod(0o644)
        report = self.index(prefix=prefix)
        self.assertEqual((report["embedded"], report["failed"]), (1, 0))
        self.check_whole("a.png", "locked/b.png", "locked/deep/c.png", "new.png")

    def mounted(self, script):
        """Runs a script in a namespace of its own, so that nothing is left mounted, whatever
        happens; gives the reports of `index`, which it calls as "$@"."""
        # Root needs no namespace of users, and gets none in a chroot.
        users = [] if os.geteuid() == 0 else ["--map-root-user"]
        done = subprocess.run(
            ["unshare", "--mount", *users, "sh", "-ec", script, "sh", BINARY, "index", "--json",
             "--model", TINY, self.root], capture_output=True, text=True, check=False,
            cwd=self.folder, env={**os.environ, "XDG_DATA_HOME": str(self.data)})
        self.assertEqual(done.returncode, 0, f"needs unshare and mount: {done.stderr}")
        self.said = done.stderr
        return json_lines(done.stdout)

    def test_a_root_that_is_not_mounted(self):
        draw(self.folder / "b.png", 9)
        first, away, pruned, again = self.mounted("""
            mount -t tmpfs none photos; cp b.png photos; mkdir photos/sub
            cp b.png photos/sub/c.png; "$@"
            umount photos; "$@"; "$@" --prune
            mount -t tmpfs none photos; cp b.png photos; "$@"
        """)
        self.check_report(first, added=1, copied=1, embedded=1)
        self.check_report(away, kept=2)
        self.check_report(pruned, deleted=2)
        self.check_report(again, added=1, embedded=1)

    def test_a_mount_point_that_is_gone(self):
        draw(self.folder / "b.png", 9)
        self.draw("a.png", first=1)
        first, away, again, removed = self.mounted("""
            mkdir photos/disk; mount -t tmpfs none photos/disk; cp b.png photos/disk; "$@"
            umount photos/disk; rmdir photos/disk; "$@"
            mkdir photos/disk; mount -t tmpfs none photos/disk; cp -p b.png photos/disk; "$@"
            rm photos/disk/b.png; "$@"
        """)
        self.check_report(first, added=2, embedded=2)
        self.check_report(away, kept=1)
        self.check_report(again)
        # Of a disk that is there, what is gone is gone.
        self.check_report(removed, deleted=1)

    def test_a_disk_that_is_not_mounted(self):
        draw(self.folder / "b.png", 9)
        self.draw("a.png", first=1)
        first, away = self.mounted("""
            mkdir photos/disk; mount -t tmpfs none photos/disk; cp b.png photos/disk; "$@"
            umount photos/disk; "$@"
        """)
        self.check_report(first, added=2, embedded=2)
        self.check_report(away, kept=1)
        self.assertIn("cannot be reached", self.said)
        self.assertEqual(sorted(self.found()), ["a.png", "disk/b.png"])


class NamesTest(IndexCase):
    def test_names_that_are_no_text_links_and_pipes(self):
        name = os.fsdecode(b"caf\xe9 \n.png")
        draw(self.folder / "plain.png", 1)
        os.rename(self.folder / "plain.png", os.path.join(self.root, name))
        os.mkfifo(self.root / "pipe.jpg")
        (self.root / "loop").symlink_to(self.root)
        (self.root / "nowhere.png").symlink_to("missing")
        report = self.index(code=1)
        self.check_report(report, added=1, embedded=1, failed=1)
        self.assertIn("nowhere.png", report["stderr"])
        self.check_whole(name)

    def test_links_in_circles_and_to_the_same_folder(self):
        self.draw("a/x.png", "b/y.png")
        (self.root / "a/to b").symlink_to("../b")
        (self.root / "b/to a").symlink_to("../a")
        (self.root / "self").symlink_to("self")
        (self.root / "up").symlink_to("..")
        self.check_report(self.index("--exclude", "up"), added=2, embedded=2)
        self.check_report(self.index())
        # Each file once, by whichever way the walk comes first.
        self.assertEqual(sorted(Path(path).name for path in self.found()), ["x.png", "y.png"])
        self.call("index", "--verify", self.root)

    def copies(self, count):
        """`count` files of the same content in one folder."""
        source, = self.draw("a.png")
        data = source.read_bytes()
        for i in range(count - 1):
            (self.root / f"{i:06}.png").write_bytes(data)

    def test_copies_are_written_down_as_they_are_found(self):
        count = 20_000
        self.copies(count)
        process = subprocess.Popen(
            [BINARY, "index", "-q", "--model", TINY, self.root], stderr=subprocess.PIPE,
            env={**os.environ, "XDG_DATA_HOME": str(self.data)})
        while self.files_known() < 2000 and process.poll() is None:
            time.sleep(0.001)
        self.assertIsNone(process.poll(), "it noted all of them at its end")
        process.kill()
        process.communicate()
        report = self.index()
        self.assertIn(report["copied"], range(1, count - 2000 + 1))
        self.check_report(report, copied=report["copied"])

    def files_known(self):
        for path in self.data.rglob("index.sqlite"):
            try:
                database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0)
                with contextlib.closing(database):
                    [[count]] = database.execute("SELECT count(*) FROM files")
                return count
            except sqlite3.OperationalError:  # it is being made, or written to
                return 0
        return 0

    def test_fifty_thousand_files_in_a_folder(self):
        count = 50_000 if "CLIP_TEST_MANY" not in os.environ else int(os.environ["CLIP_TEST_MANY"])
        self.copies(count)
        self.check_report(self.index(), added=1, copied=count - 1, embedded=1)
        self.check_report(self.index())
        self.assertEqual(len(set(self.found())), count)
        self.call("index", "--verify", self.root)


if __name__ == "__main__":
    unittest.main()
