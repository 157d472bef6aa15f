"""clip-cli index: killed anywhere, failed at any system call, or interrupted, it loses nothing
that was committed, and the next run goes on."""

import os
import random
import shutil
import signal
import tempfile
import time
import unittest
from pathlib import Path

import faults
from common import json_lines
from faulty_index import (
    MODEL,
    Scene,
    build,
    calls_of,
    check_goes_on,
    check_right,
    clip,
    draw,
    embedded_keys,
    images_in,
    index_folder,
    note,
    scores_in,
    search,
    start,
    tracer,
)

faults.need_program("strace", "strace")

# At most so many points are tried in each way; under sanitizers each takes its time.
KILLS = int(os.environ.get("CLIP_TEST_KILLS", "200"))
FAILURES = int(os.environ.get("CLIP_TEST_FAILURES", "100000"))
SEED = 12

# A commit comes after 512 files: most of them are no images, and cost little.
NOTES = 500


def block(root, name, images, notes=NOTES):
    for i in range(notes):
        note(root / name / f"a{i:03d}.txt", f"{name} {i}")
    for i in range(images):
        draw(root / name / f"image {i:02d}.png", f"{root.name} {name} {i}")


def indexing(place, images, notes):
    scene = Scene(place, "index")
    for name in "123":
        block(scene.root, name, images, notes)
    scene.finish()
    return scene


def refreshing(place, images, notes):
    """New, changed, renamed, copied and deleted files."""
    scene = Scene(place, "refresh")
    block(scene.root, "1", images, notes)
    block(scene.root, "2", images, notes)
    scene.index()
    first, second = scene.root / "1", scene.root / "2"
    (first / "image 00.png").rename(first / "renamed.png")
    shutil.copy2(first / "image 01.png", second / "copied.png")
    (first / "image 02.png").unlink()
    draw(first / "image 03.png", "changed")
    os.utime(first / "image 03.png", (1_600_000_001, 1_600_000_001))
    block(scene.root, "0", images, notes)
    block(scene.root, "3", images, notes)
    scene.finish()
    return scene


def thinning(place, name, arguments, images, notes):
    """More than a quarter of the images is gone: the vector file is written anew."""
    scene = Scene(place, name, arguments)
    block(scene.root, "1", images, notes)
    block(scene.root, "2", images, notes)
    scene.index()
    for path in images_in(scene.root)[::3]:
        os.unlink(path)
    images = images_in(scene.root)
    os.rename(images[-1], scene.root / "1" / "moved.png")
    draw(scene.root / "2" / "new.png", "new")
    scene.finish()
    return scene


def scenes(place, images, notes):
    return [indexing(place, images, notes), refreshing(place, images, notes),
            thinning(place, "prune", ["--prune"], images, notes),
            thinning(place, "compact", [], images, notes)]


class Faults(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.place = Path(os.path.realpath(folder.name))


class Killed(Faults):
    def setUp(self):
        super().setUp()
        self.killed = 0

    def kill_at_call(self, scene, number, call):
        data = scene.copy(number)
        log = f"{data}.log"
        done = build(data, scene.root, *scene.arguments,
                     prefix=tracer(data, scene.root, log, *call.killing()))
        self.check_killed(scene, data, done.returncode, done.stderr)
        os.unlink(log)

    def kill_after(self, scene, number, seconds):
        data = scene.copy(number)
        process = start(data, "index", "--model", MODEL, "--json", *scene.arguments,
                        scene.root)
        time.sleep(seconds)
        process.kill()
        _, stderr = process.communicate()
        self.check_killed(scene, data, process.returncode, stderr)

    def check_killed(self, scene, data, code, stderr):
        # Runs are not all alike: one may be done before its point comes.
        self.assertIn(code, (0, -signal.SIGKILL, 128 + signal.SIGKILL), stderr)
        self.killed += code != 0
        check_right(self, scene, data)
        shutil.rmtree(data)

    def test_killed_anywhere(self):
        chance = random.Random(SEED)
        attempts = []
        for scene in scenes(self.place, 20, NOTES):
            data = scene.copy("traced")
            calls = calls_of(data, scene.root, self.place / "log", *scene.arguments)
            shutil.rmtree(data)
            data = scene.copy("timed")
            begin = time.monotonic()
            build(data, scene.root, *scene.arguments)
            duration = time.monotonic() - begin
            shutil.rmtree(data)
            # Half of the points at a system call that changes the index, half at any time.
            for number in range(KILLS // 4):
                if number % 2 == 0:
                    call = chance.choice(calls)
                    attempts.append((f"{scene.name}: {call}", lambda s=scene, n=number, c=call:
                                     self.kill_at_call(s, n, c)))
                else:
                    seconds = chance.uniform(0, duration)
                    attempts.append((f"{scene.name}: after {seconds:.3f} s",
                                     lambda s=scene, n=number, t=seconds:
                                     self.kill_after(s, n, t)))
        faults.try_all(self, attempts)
        self.assertGreater(self.killed, 0.6 * len(attempts))


class Together(Faults):
    """More than one process at an index, and Ctrl-C."""

    def index(self, data, scene, prefix=()):
        return start(data, "index", "--model", MODEL, "--json", *scene.arguments, scene.root,
                     prefix=prefix)

    def test_one_writes_and_others_search_or_wait(self):
        scene = indexing(self.place, 20, NOTES)
        data = scene.copy("together")
        # Reading this image takes long; what comes before it is committed by then.
        slow = scene.root / "3" / "image 10.png"
        first = self.index(data, scene, ["strace", "-D", "-f", "-o", self.place / "log", "-P",
                                         slow, "-e", "trace=openat", "-e",
                                         "inject=openat:delay_enter=20000000"])
        while not embedded_keys(data, scene.root):
            self.assertIsNone(first.poll())
            time.sleep(0.05)

        found = search(data, scene.root)
        self.assertEqual(found.returncode, 0, found.stderr)
        self.assertIn("another process is bringing the index up to date", found.stderr)
        hits = scores_in(found)
        self.assertTrue(hits)
        self.assertLess(set(hits), set(scene.images))
        removed = clip(data, "index", "--remove", scene.root)
        self.assertEqual(removed.returncode, 1)
        self.assertIn("another process is using it", removed.stderr)

        second, third = self.index(data, scene), self.index(data, scene)
        for process in (second, third):
            self.assertIn("waiting for it", process.stderr.readline())
        third.send_signal(signal.SIGINT)
        third.communicate()
        self.assertEqual(third.returncode, -signal.SIGINT)

        self.assertIsNone(first.poll(), "the machine is too slow: nothing was at once")
        first.send_signal(signal.SIGINT)
        report, error = first.communicate()
        self.assertEqual(first.returncode, -signal.SIGINT, error)
        done = json_lines(report)[0]
        self.assertFalse(done["complete"])
        self.assertGreaterEqual(done["embedded"], len(hits))
        report, error = second.communicate()
        self.assertEqual(second.returncode, 0, error)
        rest = json_lines(report)[0]
        self.assertTrue(rest["complete"])
        self.assertEqual(done["embedded"] + rest["embedded"], len(scene.keys))
        check_right(self, scene, data)

    def test_interrupted_anywhere(self):
        chance = random.Random(SEED)
        scene = indexing(self.place, 20, NOTES)
        for number in range(max(KILLS // 20, 3)):
            with self.subTest(number):
                data = scene.copy(number)
                process = self.index(data, scene)
                database = index_folder(data, scene.root) / "index.sqlite"
                while not database.exists() and process.poll() is None:
                    time.sleep(0.01)
                time.sleep(chance.uniform(0, 0.5))
                process.send_signal(signal.SIGINT)
                report, error = process.communicate()
                self.assertIn(process.returncode, (0, -signal.SIGINT), error)
                if process.returncode != 0 and report:
                    self.assertEqual(json_lines(report)[0]["embedded"],
                                     len(embedded_keys(data, scene.root)))
                check_right(self, scene, data)
                shutil.rmtree(data)


# What the system, or SQLite, calls these errors.
REASONS = {
    "EIO": "Input/output error|disk I/O error|unable to open database file|it can only be read",
    "ENOSPC": "No space left on device|database or disk is full|disk I/O error|"
              "unable to open database file|it can only be read",
}


class Failed(Faults):
    def fail(self, scene, number, call, error):
        data = scene.copy(number)
        log = f"{data}.log"
        done = build(data, scene.root, *scene.arguments,
                     prefix=tracer(data, scene.root, log, *call.failing(error)))
        self.assertIn("(INJECTED)", Path(log).read_text(errors="replace"))
        faults.check_sane(self, done)
        if done.returncode == 1:
            self.assertRegex(done.stderr, REASONS[error])
            self.assertIn(str(index_folder(data, scene.root)), done.stderr)
        else:
            # It did not matter: all is there.
            self.assertEqual(sorted(scores_in(search(data, scene.root, "--no-update"))),
                             scene.images)
        (check_right if number % 4 == 0 else check_goes_on)(self, scene, data)
        shutil.rmtree(data)
        os.unlink(log)

    def test_each_call_fails_once(self):
        points = []
        # Compaction is the same system calls, whoever asks for it.
        for scene in scenes(self.place, 4, 1)[:3]:
            data = scene.copy("traced")
            calls = calls_of(data, scene.root, self.place / "log", *scene.arguments)
            shutil.rmtree(data)
            points += [(scene, call) for call in calls]
        points = faults.spread(points, FAILURES)
        attempts = []
        for number, (scene, call) in enumerate(points):
            error = ("EIO", "ENOSPC")[number % 2]
            attempts.append((f"{scene.name}: {call} {error}",
                             lambda s=scene, n=number, c=call, e=error: self.fail(s, n, c, e)))
        faults.try_all(self, attempts)


if __name__ == "__main__":
    unittest.main()
