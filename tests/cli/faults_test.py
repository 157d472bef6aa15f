"""clip-cli classify, score, evaluate, embed and models pull: whatever system call fails, wherever the
disk is full or memory ends, and whenever they are killed, there is a clear error, and on disk the
old or the new file. index_faults_test.py is the same for index.

    faults_test.py --list    prints the faults that are injected, and how many they are
"""

import collections
import functools
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import faults
from common import BINARY
from fault_scenes import MODEL, Printed, draw, scenes

for program, package in (("strace", "strace"), ("prlimit", "util-linux"), ("unshare", "util-linux")):
    faults.need_program(program, package)

# At most so many points are tried in each way, evenly spread over all scenes.
FAILURES = int(os.environ.get("CLIP_TEST_FAILURES", "100000"))
KILLS = int(os.environ.get("CLIP_TEST_KILLS", "400"))
LIMITS = int(os.environ.get("CLIP_TEST_LIMITS", "300"))
ONLY = os.environ.get("CLIP_TEST_SCENES", "").split()
SANITIZED = "detect_leaks" in os.environ.get("ASAN_OPTIONS", "")
SEED = 15
HOME = "/home-of-the-run"  # stands for it in the paths of calls

# What is said instead of the system's words for an error.
REASONS = {
    # The C library's word for a thread that gets no memory is that of EAGAIN.
    "ENOMEM": "memory|could not create a primitive|cannot be loaded|temporarily unavailable",
    # OpenMP ends the process where it gets no thread.
    "EAGAIN": "or of threads",
    # The loader of modules has its own words.
    "EIO": "cannot be loaded",
    "EMFILE": "cannot be loaded",
}


@functools.lru_cache(maxsize=None)
def points_of(scene):
    """Each system call of a scene, with an error that fits it; and how many are out of reach."""
    home = scene.home("traced")
    log = scene.place / f"{scene.name}.log"
    names = [name for name in faults.ERRORS if not SANITIZED or name not in faults.MEMORY]
    done = scene.run(home, prefix=faults.strace(log, *faults.listing(names)))
    assert done.returncode == 0, done.stderr
    scene.drop(home)
    calls, unreachable = faults.calls_in(log)
    chosen = []
    for number, call in enumerate(calls):
        errors = faults.ERRORS[call.name]
        chosen.append((scene, call.moved(home, HOME), errors[number % len(errors)]))
    return chosen, unreachable


def kind_of(point):
    """Points that are alike have the same: the names of temporary files, addresses and process
    numbers differ."""
    scene, call, _ = point
    text = call.text.rsplit(" = ", 1)[0]
    return call.name, re.sub(r"0x\w+|/proc/\d+|part-\w+|\d+<|" + scene.name + r"\.\w+\.\w+", "", text)


def spread_of(points, count):
    """At most so many of them; those that are in several scenes count once."""
    if count >= len(points):
        return points
    return faults.spread(list({kind_of(point): point for point in points}.values()), count)


def limits(count, top):
    """So many numbers up to `top`, more of them small ones."""
    return sorted({max(1, int(top * ((i + 0.5) / count) ** 2)) for i in range(count)})


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    Faults.place = Path(os.path.realpath(folder.name))
    Faults.scenes = scenes(Faults.place, ONLY)
    for scene in Faults.scenes:
        unittest.addModuleCleanup(scene.close)


class Faults(unittest.TestCase):
    place, scenes = None, []  # shared by all tests

    def setUp(self):
        self.begin = time.monotonic()

    def report(self, text):
        print(f"{text}, {time.monotonic() - self.begin:.0f} s", file=sys.stderr)

    def check_error(self, done, error):
        """Of a run that failed: that, and why."""
        self.assertRegex(done.stderr, "(?m)^clip-cli: .*(cannot|could not|out of memory)")
        self.assertRegex(done.stderr, "|".join([faults.reason(error), REASONS.get(error, "$^")]))


class Failed(Faults):
    def fail_once(self, scene, number, call, error):
        home = scene.home("failed")
        log = Path(f"{home}.log")
        done = scene.run(home, prefix=faults.strace(
            log, *call.moved(HOME, home).failing(error)), log=log)
        # Numbers of calls for memory differ from run to run, and this may have been oneDNN's.
        if done.returncode == -11 and any(map(faults.ONEDNN.search, done.injected)):
            self.missed.append("oneDNN's mmap")
            return
        # The C library ends a process that cannot give back a thread's stack.
        if done.returncode == -6 and call.name == "munmap":
            self.missed.append("a stack's munmap")
            return
        faults.check_sane(self, done)
        scene.check(self, home, done, strict=call.name != "unlink")
        if done.returncode == 1:
            self.check_error(done, error)
            self.check_place(scene, home, call, done)
        if number % 4 == 0:
            scene.check_again(self, home)
        scene.drop(home)
        log.unlink()
        if not done.injected:
            self.missed.append(call.name)

    def check_place(self, scene, home, call, done):
        """What failed is named, if the call names a file."""
        lines = done.injected
        if call.name in ("write", "pwrite64", "read", "pread64"):
            lines = [line.split('>, "')[0] + ">" for line in lines]  # without the bytes
        paths = [path for line in lines for path in faults.paths_in(line)]
        names = [Path(path).name.split(".part")[0] for path in paths if Path(path).name]
        names = [re.sub(r"^memfd:|\(deleted\)$|\.\d+\.tmp$|\.incomplete$", "", name)
                 for name in names]
        # A module is named by what it is for.
        if names and not re.search("memory|cannot be loaded|unpack the module", done.stderr):
            self.assertTrue(any(name in done.stderr for name in names), f"{names}: {done.stderr}")

    def test_each_call_fails_once(self):
        points, unreachable = [], 0
        for scene in self.scenes:
            more, beyond = points_of(scene)
            points, unreachable = points + more, unreachable + beyond
        chosen = spread_of(points, FAILURES)
        self.missed = []  # runs are not all alike: a call may not come
        faults.try_all(self, [
            (f"{scene.name}: {call} {error}: {call.text[:100]}",
             lambda s=scene, n=number, c=call, e=error: self.fail_once(s, n, c, e))
            for number, (scene, call, error) in enumerate(chosen)])
        self.report(f"{len(points)} calls, {unreachable} more out of reach; {len(chosen)} were made to fail, of which "
                    f"{len(self.missed)} did not come ({collections.Counter(self.missed)})")
        self.assertLess(len(self.missed), 0.3 * len(chosen))


class Killed(Faults):
    def kill(self, scene, number, how):
        home = scene.home("killed")
        if isinstance(how, faults.Call):
            done = scene.run(home, prefix=faults.strace(
                "/dev/null", *how.moved(HOME, home).killing()))
        else:
            done = scene.run(home, prefix=["timeout", "--signal=KILL", f"{how:.3f}"])
        self.assertIn(done.returncode, (0, -9), done.stderr)
        self.killed += done.returncode != 0
        scene.check(self, home, done, strict=False)
        scene.check_again(self, home)
        scene.drop(home)

    def test_killed_anywhere(self):
        chance, attempts = random.Random(SEED), []
        self.killed = 0
        for scene in self.scenes:
            calls = [call for _, call, _ in points_of(scene)[0] if call.name in faults.CHANGES]
            begin = time.monotonic()
            home = scene.home("timed")
            scene.run(home)
            duration = time.monotonic() - begin
            scene.drop(home)
            for number in range(KILLS // len(self.scenes)):
                how = chance.choice(calls) if number % 3 else chance.uniform(0, duration)
                attempts.append((f"{scene.name}: killed at {how}",
                                 lambda s=scene, n=number, h=how: self.kill(s, n, h)))
        faults.try_all(self, attempts)
        self.report(f"{len(attempts)} runs killed, of which {self.killed} were not done before")
        self.assertGreater(self.killed, 0.5 * len(attempts))


# Runs a command with a small disk, and gives back what it left there.
FULL_DISK = """
mount -t tmpfs -o size="$SIZE" tmpfs "$DISK" && cp -a "$BEFORE/." "$DISK" && cd "$HOME_" || exit 77
"$@"
code=$?
cp -a "$DISK/." "$AFTER" || exit 77
exit $code
"""


def pages(folder):
    return sum((path.stat().st_size + 4095) // 4096 for path in folder.rglob("*")
               if path.is_file() and not path.is_symlink())


class Limited(Faults):
    """The disk is full, files may not grow, or memory ends, at many points of a run."""

    def limit(self, scene, error, prefix):
        home = scene.home("limited")
        done = scene.run(home, prefix=prefix)
        if done.returncode == 127:  # the loader's: it did not get to main()
            scene.drop(home)
            return
        faults.check_sane(self, done)
        scene.check(self, home, done)
        if done.returncode == 1:
            self.failures += 1
            self.check_error(done, error)
        scene.check_again(self, home)
        scene.drop(home)

    def disk(self, scene, size):
        home = scene.home("disk")
        disk = scene.disk(home)
        after, before = Path(f"{home}.after"), Path(f"{home}.start")
        after.mkdir()
        shutil.copytree(disk, before, symlinks=True)
        users = [] if os.geteuid() == 0 else ["--map-root-user"]
        words = {"SIZE": 4096 * size, "DISK": disk, "BEFORE": before, "AFTER": after, "HOME_": home}
        done = scene.run(home, prefix=["unshare", "--mount", *users, "env",
                                       *(f"{key}={value}" for key, value in words.items()),
                                       "sh", "-c", FULL_DISK, "sh"])
        self.assertNotEqual(done.returncode, 77, f"needs unshare and mount: {done.stderr}")
        shutil.rmtree(disk)
        shutil.copytree(after, disk, symlinks=True)
        shutil.rmtree(after)
        faults.check_sane(self, done)
        scene.check(self, home, done)
        if done.returncode == 1:
            self.failures += 1
            self.check_error(done, "ENOSPC")
        scene.check_again(self, home)
        shutil.rmtree(before)
        scene.drop(home)

    def try_all(self, attempts, text):
        self.failures = 0
        faults.try_all(self, attempts)
        self.report(f"{len(attempts)} {text}, of which {self.failures} had to fail")
        if not ONLY:  # some scenes need little
            self.assertGreater(self.failures, 0.2 * len(attempts))

    def test_full_disk(self):
        attempts = []
        for scene in self.scenes:
            if isinstance(scene, Printed):
                continue
            home = scene.home("measured")
            used = pages(scene.disk(home))
            scene.run(home)
            needed = pages(scene.disk(home)) - used
            scene.drop(home)
            for extra in limits(max(LIMITS // (3 * len(self.scenes)), 1), needed):
                attempts.append((f"{scene.name}: {extra - 1} of {needed} pages are free",
                                 lambda s=scene, n=used + extra - 1: self.disk(s, max(n, 1))))
        self.try_all(attempts, "small disks")

    def test_files_that_may_not_grow(self):
        attempts = []
        for scene in self.scenes:
            sizes = [len(data) for data in scene.right.values()] or [1000]
            for size in limits(max(LIMITS // (3 * len(self.scenes)), 1), max(sizes)):
                # Modules are unpacked into files, too.
                attempts.append((f"{scene.name}: files of {size} bytes at most",
                                 lambda s=scene, n=size: self.limit(
                                     s, "EFBIG", ["prlimit", f"--fsize={n}"])))
        self.try_all(attempts, "limits of files' sizes")

    if not SANITIZED:  # they take terabytes of addresses
        def test_little_memory(self):
            attempts = []
            for number in range(LIMITS // 3):
                scene = self.scenes[number % len(self.scenes)]
                size = (80 << 20) + (500 << 20) * number // (LIMITS // 3)
                attempts.append((f"{scene.name}: {size} bytes of addresses",
                                 lambda s=scene, n=size: self.limit(
                                     s, "ENOMEM", ["prlimit", f"--as={n}"])))
            self.try_all(attempts, "limits of memory")

    def test_output_to_a_full_device(self):
        for scene in self.scenes:
            options = [word for word in ("-o", "--report") if word in scene.arguments()]
            for option in options:
                words = list(scene.arguments())
                if scene.resume is not None or words[words.index(option) + 1].endswith(".npy"):
                    continue
                with self.subTest(scene.name, option=option):
                    words[words.index(option) + 1] = "/dev/full"
                    home = scene.home("full")
                    done = faults.run([scene.command()[0], *words], cwd=home,
                                      env=scene.environment())
                    faults.check_sane(self, done)
                    self.assertEqual(done.returncode, 1)
                    self.assertRegex(done.stderr, "/dev/full: No space left on device")
                    scene.drop(home)


class Shrunk(Faults):
    """A file that is mapped becomes shorter."""

    def check_shrunk(self, path, command, first, line, environment):
        """The command maps the file after `first` from its standard input, and reads it again with
        the line behind that."""
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=environment)
        process.stdin.write(first)
        process.stdin.flush()
        maps = Path(f"/proc/{process.pid}/maps")
        while str(path) not in maps.read_text():
            self.assertIsNone(process.poll(), "it has not mapped the file")
            self.assertLess(time.monotonic() - self.begin, 60, "it has not mapped the file")
            time.sleep(0.01)
        os.truncate(path, 4096)
        try:
            _, error = process.communicate(f"{line}\n", timeout=120)
        finally:
            process.kill()
        self.assertEqual(process.returncode, 1, error)
        self.assertIn(f"clip-cli: cannot read {path}: it was cut short while it was in use", error)

    def test_model(self):
        scene = self.scenes[0]
        model = self.place / "model.pt"
        shutil.copy(MODEL, model)
        # The image tower's weights are read when the first image comes.
        self.check_shrunk(model, [BINARY, "classify", "--model", model, "--labels", "cat,dog",
                                  "--images", "-"], "", scene.images[0], scene.environment())

    def test_vectors_of_an_index(self):
        root = self.place / "album"
        # More than a page of vectors.
        for i in range(40):
            draw(root / f"{i}.png", i)
        environment = {**self.scenes[0].environment(), "XDG_DATA_HOME": str(self.place / "data")}
        words = ["--model", MODEL, "--threads", 1]
        done = faults.run([BINARY, "index", *words, root], env=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        vectors, = (self.place / "data").rglob("vectors-*.f16")
        self.check_shrunk(vectors, [BINARY, "search", *words, "--no-update", "--in", root,
                                    "--queries", "-"], "a cat\n", "a dog", environment)


def print_list():
    with tempfile.TemporaryDirectory() as folder:
        total = 0
        for scene in scenes(Path(os.path.realpath(folder)), ONLY):
            points, unreachable = points_of(scene)
            for _, call, error in points:
                print(f"{scene.name}\t{call}\t{error}\t{call.text[:150]}")
            counts = collections.Counter(call.name for _, call, _ in points)
            print(f"{scene.name}: {len(points)} calls ("
                  + ", ".join(f"{count} {name}" for name, count in counts.most_common())
                  + f"); {unreachable} out of reach")
            total += len(points)
            scene.close()
        print(f"{total} calls in all")


if __name__ == "__main__":
    if sys.argv[1:] == ["--list"]:
        print_list()
    else:
        unittest.main()
