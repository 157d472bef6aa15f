"""clip-cli index: killed anywhere, failed at any system call, or interrupted, it loses nothing
that was committed, and the next run goes on."""

import concurrent.futures
import os
import random
import re
import shutil
import signal
import tempfile
import time
import unittest
from pathlib import Path

from common import json_lines
from faulty_index import (
    MODEL,
    Scene,
    build,
    calls_of,
    check_goes_on,
    check_right,
    check_sane,
    clip,
    draw,
    images_in,
    index_folder,
    need_program,
    note,
    scores_in,
    search,
    start,
    tracer,
)

need_program("strace", "strace")

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


def spread(points, count):
    """At most `count` of the points, evenly."""
    if len(points) <= count:
        return points
    return [points[i * len(points) // count] for i in range(count)]


class Faults(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.place = Path(os.path.realpath(folder.name))

    def try_all(self, attempts):
        """Runs attempts, functions with a text that says what they try, on all processors."""
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            running = [(text, pool.submit(attempt)) for text, attempt in attempts]
            for text, future in running:
                with self.subTest(text):
                    future.result()


class Killed(Faults):
    def setUp(self):
        super().setUp()
        self.killed = 0

    def kill_at_call(self, scene, number, call, count):
        data = scene.copy(number)
        log = f"{data}.log"
        fault = f"inject={call}:signal=SIGKILL:when={count}"
        done = build(data, scene.root, *scene.arguments,
                     prefix=tracer(data, scene.root, log, "-e", fault))
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
                    call, count = chance.choice(calls)
                    attempts.append((f"{scene.name}: {call} {count}",
                                     lambda s=scene, n=number, c=call, k=count:
                                     self.kill_at_call(s, n, c, k)))
                else:
                    seconds = chance.uniform(0, duration)
                    attempts.append((f"{scene.name}: after {seconds:.3f} s",
                                     lambda s=scene, n=number, t=seconds:
                                     self.kill_after(s, n, t)))
        self.try_all(attempts)
        self.assertGreater(self.killed, 0.8 * len(attempts))


# What the system, or SQLite, calls these errors.
REASONS = {
    "EIO": "Input/output error|disk I/O error|unable to open database file|readonly database",
    "ENOSPC": "No space left on device|database or disk is full|disk I/O error|"
              "unable to open database file|readonly database",
}


class Failed(Faults):
    def fail(self, scene, number, call, count, error):
        data = scene.copy(number)
        log = f"{data}.log"
        fault = f"inject={call}:error={error}:when={count}"
        done = build(data, scene.root, *scene.arguments,
                     prefix=tracer(data, scene.root, log, "--seccomp-bpf", "-e", fault))
        self.assertIn("(INJECTED)", Path(log).read_text(errors="replace"))
        check_sane(self, done)
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
            points += [(scene, call, count) for call, count in calls]
        points = spread(points, FAILURES)
        attempts = []
        for number, (scene, call, count) in enumerate(points):
            error = ("EIO", "ENOSPC")[number % 2]
            attempts.append((f"{scene.name}: {call} {count} {error}",
                             lambda s=scene, n=number, c=call, k=count, e=error:
                             self.fail(s, n, c, k, e)))
        self.try_all(attempts)


if __name__ == "__main__":
    unittest.main()
