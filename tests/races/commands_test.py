"""Whole commands under ThreadSanitizer: decoding, caches, the index, the scan and the coprocess run
on many threads, are interrupted, and get files that cannot be read. No data race, no lock that is
taken in two orders, no thread left behind.

The sanitizer ends a program that has one with exit code 66 and says so on stderr.
"""

import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
from common import BINARY, ROOT, json_lines, need  # noqa: E402
from images import draw  # noqa: E402

need("PIL")

DEMO = ROOT / "data/demo"
LABELS = DEMO / "labels.txt"
IMAGES = 60
THREADS = 4


def environment(folder):
    variables = {key: value for key, value in os.environ.items() if key != "CLIP_MODEL"}
    return {**variables, "XDG_DATA_HOME": str(folder / "data"), "XDG_CACHE_HOME": str(folder / "c"),
            "TSAN_OPTIONS": f"second_deadlock_stack=1:suppressions={ROOT / 'tests/races.supp'}"}


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        done = subprocess.run([BINARY, "--version"], capture_output=True, text=True, check=False,
                              env={**os.environ, "TSAN_OPTIONS": "help=1"})
        if "ThreadSanitizer" not in done.stdout + done.stderr:
            sys.exit(f"{BINARY} is not built with ThreadSanitizer: cmake --preset threads")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.place = Path(folder.name)
        cls.images = cls.place / "images"
        for i in range(IMAGES):
            kind = ("png", "jpg", "webp", "gif")[i % 4]
            (cls.images / f"{i % 3}").mkdir(parents=True, exist_ok=True)
            draw(str(cls.images / f"{i % 3}" / f"{i:03d}.{kind}"), i)
        for image in sorted(DEMO.glob("*.png")):
            shutil.copy(image, cls.images)
        (cls.images / "empty.jpg").touch()
        (cls.images / "cut.png").write_bytes((DEMO / "cat.png").read_bytes()[:300])
        (cls.images / "text.webp").write_text("no image")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def start(self, command, *arguments):
        process = subprocess.Popen(
            [BINARY, command, *map(str, arguments)], stdin=subprocess.PIPE, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(self.folder))
        self.addCleanup(self.close, process)
        return process

    def close(self, process):
        for stream in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    def check(self, process, codes, stdin=""):
        stdout, stderr = process.communicate(stdin, timeout=600)
        self.assertNotIn("ThreadSanitizer", stderr)
        self.assertIn(process.returncode, codes, stderr)
        return stdout

    def run_(self, command, *arguments, codes=(0,), stdin=""):
        options = ["--model", "demo", "--threads", THREADS, "--batch", 8]
        return self.check(self.start(command, *options, *arguments), codes, stdin)

    def test_folders_are_classified_embedded_and_evaluated(self):
        # Three files of the folder cannot be read.
        out = self.run_("classify", self.images, "--labels-file", LABELS, "--json", "--report",
                        self.folder / "report.html", codes=(1,))
        self.assertGreater(len(json_lines(out)), IMAGES)
        self.run_("classify", self.images, "--labels-file", LABELS, "--json", "-o",
                  self.folder / "out.jsonl", codes=(1,))
        self.run_("classify", self.images, "--labels-file", LABELS, "--json", "-o",
                  self.folder / "out.jsonl", "--resume", codes=(1,))
        self.run_("embed", self.images, "-o", self.folder / "out.npy", codes=(1,))
        self.run_("score", self.images, "--text", "a cat", "--text", "a dog", "--json", codes=(1,))
        # Those three lie in no class's folder.
        self.run_("evaluate", self.images, "--json")

    def test_little_memory_makes_threads_wait_for_each_other(self):
        for _ in range(3):
            self.run_("classify", self.images, "--labels-file", LABELS, "--max-memory", "1MiB",
                      codes=(1,))

    def test_indexes_are_built_refreshed_and_searched(self):
        copy = self.folder / "images"
        shutil.copytree(self.images, copy)
        self.run_("index", copy, codes=(0, 1))
        hits = self.run_("search", "--in", copy, "a cat", "--top", 5, "--json", codes=(0, 1))
        self.assertEqual(len(json_lines(hits)), 5)
        for i in range(10):
            draw(str(copy / f"new{i}.png"), 1000 + i)
        os.remove(copy / "0" / "000.png")
        self.run_("search", "--in", copy, "a cat", "+", "a dog", "--json", codes=(0, 1))
        self.run_("search", "--in", copy, "--matching", "a bicycle", "--json", codes=(0, 1))
        self.run_("duplicates", copy, "--json", codes=(0, 1))

    def test_two_processes_and_one_index(self):
        copy = self.folder / "images"
        shutil.copytree(self.images, copy)
        options = ["--model", "demo", "--threads", THREADS, "--batch", 4]
        processes = [self.start("index", *options, copy), self.start("index", *options, copy),
                     self.start("search", *options, "--in", copy, "a cat")]
        for process in processes:
            self.check(process, (0, 1))

    def jobs(self, count):
        chance = random.Random(7)
        images = sorted(map(str, self.images.rglob("*.*")))
        for i in range(count):
            image = chance.choice(images)
            yield json.dumps({"id": i, **chance.choice([
                {"op": "embed", "image": image},
                {"op": "embed", "text": f"text {i % 50}"},
                {"op": "score", "image": image, "texts": [f"a {i % 20}", "a dog"]},
                {"op": "classify", "image": image, "labels": ["cat", "dog", f"label {i % 9}"]},
                {"op": "nothing"}])}) + "\n"

    def test_batch_all_at_once(self):
        answers = json_lines(self.run_("batch", codes=(1,), stdin="".join(self.jobs(600))))
        self.assertEqual([answer["id"] for answer in answers], list(range(600)))

    def test_batch_in_bursts(self):
        process = self.start("batch", "--model", "demo", "--threads", THREADS)
        chance, jobs = random.Random(3), self.jobs(400)
        while burst := list(itertools.islice(jobs, chance.randint(1, 16))):
            process.stdin.write("".join(burst))
            process.stdin.flush()
            for line in burst:
                answer = json.loads(process.stdout.readline())
                self.assertEqual(answer["id"], json.loads(line)["id"])
        self.check(process, (0, 1))

    def test_interrupted_anywhere(self):
        copy = self.folder / "images"
        shutil.copytree(self.images, copy)
        commands = [["classify", copy, "--labels-file", LABELS], ["index", copy],
                    ["embed", copy, "-o", self.folder / "e.npy"], ["batch"]]
        chance = random.Random(5)
        for command in commands * 4:
            process = self.start(command[0], "--model", "demo", "--threads", THREADS, *command[1:])
            if command[0] == "batch":
                feeder = threading.Thread(target=self.feed, args=(process,), daemon=True)
                feeder.start()
            time.sleep(chance.uniform(0.2, 1.5))
            process.send_signal(signal.SIGINT)
            if command[0] == "batch":
                process.stdout.read()
                feeder.join()
            self.check(process, (0, 1, -signal.SIGINT), None)

    def feed(self, process):
        with contextlib.suppress(BrokenPipeError):  # it is interrupted, as it should be
            for line in self.jobs(2000):
                process.stdin.write(line)


if __name__ == "__main__":
    unittest.main()
