"""Folders and files as strangers have them: pipes and devices called .jpg, what vanishes or changes
while it is read, what may not be read, errors of the disk, names of any bytes, and very many files.
Nothing hangs or ends a run: one error line for each bad image, and the rest is done.

CLIP_TEST_FILES [20000]: how many files the test of many has; 1000000 takes minutes."""

import errno
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

from common import BINARY, MODELS
from images import draw

TINY = MODELS / "tiny.pt"
MANY = int(os.environ.get("CLIP_TEST_FILES", "20000"))
LIMIT = 60  # seconds, of runs that take one: what takes longer hangs
NOBODY = 65534

for program, package in (("strace", "strace"), ("setpriv", "util-linux")):
    if shutil.which(program) is None:
        sys.exit(f"missing {program}: apt-get install {package}")


class FolderCase(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp()).resolve()
        self.addCleanup(shutil.rmtree, self.folder)
        self.photos = self.folder / "photos"
        self.photos.mkdir()

    def start(self, *arguments, prefix=(), **options):
        variables = {name: value for name, value in os.environ.items() if name != "CLIP_MODEL"}
        variables.update(XDG_DATA_HOME=str(self.folder / "data"), CLIP_MODEL=str(TINY))
        return subprocess.Popen([*prefix, BINARY, *map(os.fspath, arguments)], env=variables,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
                                errors="surrogateescape", **options)

    def end(self, process):
        try:
            output, errors = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.fail(f"{process.args} hangs")
        return process.returncode, output, errors

    def call(self, *arguments, **options):
        return self.end(self.start(*arguments, **options))

    def check_run(self, command, done, good, bad, folder=None):
        """That a run gave a result for each of `good`, an error for each of `bad` (a name: words of
        its message), a line each, and for nothing else."""
        code, output, errors = done
        self.assertEqual(code, 1 if bad else 0, errors)
        results = [json.loads(line) for line in output.split("\n") if line]
        found, failed = set(), {}
        for result in results:
            name = Path(result["image"]).name
            if "error" in result:
                failed[name] = result["error"]["message"]
            else:
                found.add(name)
        self.assertEqual(len(results), len(good) + len(bad), output)
        self.assertEqual((found, set(failed)), (set(good), set(bad)), command)
        lines = [line for line in errors.splitlines() if "cannot " in line]
        if command != "batch":
            self.assertEqual(len(lines), len(bad), errors)
        for name, words in bad.items():
            self.assertIn(words, failed[name])
            self.assertIn(name, failed[name])


class OddFiles(FolderCase):
    """What is no regular file, under the name of an image."""

    # What is said of those that are named themselves; in folders only the last four are images.
    MESSAGES = {"pipe.jpg": "nobody has opened the pipe", "socket.jpg": "it is a socket",
                "zero.jpg": "it is a device", "null.jpg": "it is a device",
                "tty.jpg": "it is a device", "memory.jpg": "Input/output error",
                "nowhere.jpg": "No such file", "loop.jpg": "Too many levels",
                "sparse.jpg": "unsupported image format"}
    IN_FOLDERS = ("memory.jpg", "nowhere.jpg", "loop.jpg", "sparse.jpg")

    def setUp(self):
        super().setUp()
        draw(self.photos / "a.png", 1)
        draw(self.photos / "z.png", 2)
        os.mkfifo(self.photos / "pipe.jpg")
        with socket.socket(socket.AF_UNIX) as made:
            here = os.getcwd()
            os.chdir(self.photos)  # names of sockets are short
            made.bind("socket.jpg")
            os.chdir(here)
        for name, target in (("zero", "/dev/zero"), ("null", "/dev/null"), ("tty", "/dev/ptmx"),
                             ("memory", "/proc/self/mem"), ("nowhere", "gone"),
                             ("loop", "loop.jpg")):
            (self.photos / f"{name}.jpg").symlink_to(target)
        with open(self.photos / "sparse.jpg", "wb") as file:
            file.truncate(3 << 30)  # nothing of it is read but its beginning
        # Folders that lead back, and one that is called like an image.
        (self.photos / "deep").mkdir()
        (self.photos / "deep/up").symlink_to("..")
        (self.photos / "self").symlink_to(".")
        (self.photos / "folder.jpg").mkdir()
        draw(self.photos / "folder.jpg/inner.png", 3)
        draw(self.photos / "named.png", 4)
        os.rename(self.photos / "named.png", os.fsencode(self.photos) + b"/\xff\xfe.png")
        self.good = ["a.png", "z.png", "inner.png"]
        self.bad = {name: self.MESSAGES[name] for name in self.IN_FOLDERS}

    def limit_memory(self):
        if "CLIP_TEST_SANITIZED" in os.environ:
            return  # AddressSanitizer maps terabytes
        resource.setrlimit(resource.RLIMIT_AS, (3 << 29, 3 << 29))

    def test_in_folders(self):
        for command in (["classify", "--json", "--labels", "a,b"], ["embed", "--json"],
                        ["score", "--json", "--text", "a"]):
            with self.subTest(command[0]):
                code, output, errors = self.call(*command, self.photos,
                                                 preexec_fn=self.limit_memory)
                lines = [json.loads(line) for line in output.split("\n") if line]
                names = [line for line in lines if "image_hex" in line]
                self.assertEqual(len(names), 1)
                self.assertIn("fffe2e706e67", names[0]["image_hex"])
                rest = "\n".join(json.dumps(line) for line in lines if "image_hex" not in line)
                self.check_run(command[0], (code, rest, errors), self.good, self.bad)

    def test_evaluate(self):
        classes = self.folder / "classes"
        classes.mkdir()
        self.photos.rename(classes / "cat")
        code, output, errors = self.call("evaluate", "--json", classes)
        self.assertEqual(code, 1, errors)
        result = json.loads(output)
        self.assertEqual(result["images"], len(self.good) + 1)
        self.assertEqual(len([line for line in errors.splitlines() if "cannot " in line]),
                         len(self.bad), errors)

    def test_index_and_search(self):
        code, output, errors = self.call("index", "--json", self.photos)
        self.assertEqual(code, 1, errors)
        report = json.loads(output)
        self.assertEqual(report["embedded"], len(self.good) + 1)
        for name in self.bad:
            lines = [line for line in errors.splitlines() if f"/{name}" in line]
            self.assertEqual(len(lines), 1, errors)
        code, output, errors = self.call("search", "--in", self.photos, "-l", "a cat")
        self.assertEqual(len(output.splitlines()), len(self.good) + 1)

    def test_by_name(self):
        names = ["a.png", *self.MESSAGES, "z.png"]
        paths = [self.photos / name for name in names]
        listed = self.folder / "list"
        listed.write_text("".join(f"{path}\n" for path in paths))
        jobs = self.folder / "jobs"
        jobs.write_text("".join(json.dumps({"op": "embed", "image": str(path)}) + "\n"
                                for path in paths))
        runs = {"classify": ["classify", "--json", "--labels", "a,b", *paths],
                "embed": ["embed", "--json", "--images", listed], "batch": ["batch", jobs]}
        # At once: each waits for a writer of the pipe for ten seconds.
        started = {command: self.start(*arguments, preexec_fn=self.limit_memory)
                   for command, arguments in runs.items()}
        for command, process in started.items():
            with self.subTest(command):
                code, output, errors = self.end(process)
                if command == "batch":
                    answers = [json.loads(line) for line in output.split("\n") if line]
                    self.assertEqual(len(answers), len(names))
                    for name, answer in zip(names, answers):
                        self.assertEqual("error" in answer, name in self.MESSAGES, answer)
                        if name in self.MESSAGES:
                            self.assertIn(self.MESSAGES[name], answer["error"]["message"])
                    continue
                self.check_run(command, (code, output, errors), ["a.png", "z.png"], self.MESSAGES)


class Pipes(FolderCase):
    def embedding(self, *arguments, **options):
        code, output, errors = self.call("embed", "--json", *arguments, **options)
        self.assertEqual(code, 0, errors)
        return json.loads(output)["embedding"]

    def test_a_pipe_that_is_named_is_read(self):
        image = self.photos / "a.png"
        draw(image, 1)
        wanted = self.embedding(image)
        # <(command) of a shell, whose command has ended or has not.
        shell = f'exec "$0" embed --json <(sleep 0.3; cat "$1"; sleep 0.2)'
        done = subprocess.run(["bash", "-c", shell, BINARY, image], capture_output=True, text=True,
                              env={**os.environ, "CLIP_MODEL": str(TINY)}, timeout=LIMIT,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["embedding"], wanted)
        with open(image, "rb") as file:
            self.assertEqual(self.embedding("/dev/stdin", stdin=file), wanted)
        # A named one, whose writer comes late, goes by the byte, and stops in between.
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)

        def write():
            time.sleep(0.5)
            data = image.read_bytes()
            with open(pipe, "wb", buffering=0) as file:
                for i in range(100):
                    file.write(data[i:i + 1])
                time.sleep(0.5)
                file.write(data[100:])

        writer = threading.Thread(target=write)
        writer.start()
        self.assertEqual(self.embedding(pipe), wanted)
        writer.join()

    def test_several_pipes_of_score(self):
        draw(self.photos / "a.png", 1)
        draw(self.photos / "b.png", 2)
        shell = 'exec "$0" score --json <(cat "$1") <(cat "$2") "a cat" "a dog"'
        done = subprocess.run(
            ["bash", "-c", shell, BINARY, self.photos / "a.png", self.photos / "b.png"],
            capture_output=True, text=True, env={**os.environ, "CLIP_MODEL": str(TINY)},
            timeout=LIMIT, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        piped = [json.loads(line)["scores"] for line in done.stdout.splitlines()]
        _, output, _ = self.call("score", "--json", self.photos / "a.png", self.photos / "b.png",
                                 "a cat", "a dog")
        self.assertEqual(piped, [json.loads(line)["scores"] for line in output.splitlines()])

    def test_an_empty_pipe(self):
        done = subprocess.run(["bash", "-c", 'exec "$0" embed <(true)', BINARY],
                              capture_output=True, text=True, timeout=LIMIT, check=False,
                              env={**os.environ, "CLIP_MODEL": str(TINY)})
        self.assertEqual(done.returncode, 1)
        self.assertIn("it is empty", done.stderr)

    def test_an_interrupt_ends_the_wait(self):
        draw(self.photos / "a.png", 1)
        pipe = self.photos / "pipe"
        os.mkfifo(pipe)
        process = self.start("embed", "--json", self.photos / "a.png", pipe)
        # The first result, or the pipe, which is opened then, shows that the run has begun.
        with open(pipe, "wb"):
            process.send_signal(signal.SIGINT)
            began = time.monotonic()
            code, output, errors = self.end(process)
            self.assertLess(time.monotonic() - began, 30)
        self.assertNotEqual(code, 0)
        self.assertIn("interrupted", errors)


class Changing(FolderCase):
    """Files that are no longer what they were when the folder was listed: every open of them is
    held up by strace, while the test changes them."""

    DELAY = 0.7

    def change(self, name):
        path = self.photos / name
        kind = name.split(".")[0]
        data = path.read_bytes()
        if kind == "appended":
            with open(path, "ab") as file:
                file.write(b"more")
            return
        if kind == "halved":
            os.truncate(path, len(data) // 2)
            return
        if kind == "emptied":
            os.truncate(path, 0)
            return
        path.unlink()
        if kind == "folder":
            path.mkdir()
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "device":
            path.symlink_to("/dev/zero")
        elif kind == "text":
            path.write_text("no image")

    def test_between_listing_and_reading(self):
        messages = {"appended": None, "device": "it is a device", "emptied": "it is empty",
                    "folder": "it is a folder", "gone": "No such file", "halved": "cut short",
                    "pipe": "it is a pipe", "text": "unsupported image format"}
        names = [f"{kind}.png" for kind in messages]
        for seed, name in enumerate(names):
            draw(self.photos / name, seed)
        log = self.folder / "log"
        paths = [option for name in names for option in ("-P", str(self.photos / name))]
        process = self.start(
            "embed", "--json", "--threads", "1", self.photos,
            prefix=["strace", "-f", "-o", log, "-e", "trace=openat", *paths, "-e",
                    f"inject=openat:delay_enter={int(1e6 * self.DELAY)}"])
        seen = ""
        changed = set()
        while process.poll() is None and len(changed) < len(names):
            seen = log.read_text() if log.exists() else ""
            for name in names:
                if f"/{name}\"" in seen and name not in changed:
                    self.change(name)
                    changed.add(name)
            time.sleep(0.01)
        bad = {f"{kind}.png": words for kind, words in messages.items() if words is not None}
        self.check_run("embed", self.end(process), ["appended.png"], bad)
        self.assertEqual(len(changed), len(names))

    def test_errors_of_the_system(self):
        names = ["a.png", "b.png", "c.png"]
        for seed, name in enumerate(names):
            draw(self.photos / name, seed)
        for inject, words in (("openat:error=ESTALE", os.strerror(errno.ESTALE)),
                              ("openat:error=EACCES", os.strerror(errno.EACCES)),
                              ("read:error=EIO", os.strerror(errno.EIO)),
                              ("read:error=ESTALE", os.strerror(errno.ESTALE)),
                              ("read:error=EINTR:when=1..3", None),
                              ("openat:delay_enter=300000", None),
                              ("read:delay_enter=300000", None)):
            with self.subTest(inject):
                call = inject.split(":", maxsplit=1)[0]
                done = self.call("embed", "--json", self.photos, prefix=[
                    "strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-P",
                    str(self.photos / "b.png"), "-e", f"inject={inject}"])
                bad = {} if words is None else {"b.png": words}
                self.check_run("embed", done, [name for name in names if name not in bad], bad)


class Unreadable(FolderCase):
    def test_folders_and_files_without_permission(self):
        for name in ("a.png", "secret.png", "dark/b.png", "closed/c.png", "open/d.png"):
            (self.photos / name).parent.mkdir(exist_ok=True)
            draw(self.photos / name, len(name))
        # Of `closed` the names cannot be read, and of `dark` nothing but the names.
        modes = {"secret.png": 0, "dark": 0o444, "closed": 0o111}
        for name, mode in modes.items():
            (self.photos / name).chmod(mode)
        self.folder.chmod(0o755)
        prefix = []
        if os.geteuid() == 0:
            prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        done = self.call("embed", "--json", self.photos, prefix=prefix)
        for name in modes:
            (self.photos / name).chmod(0o755)
        denied = os.strerror(errno.EACCES)
        self.check_run("embed", done, ["a.png", "d.png"],
                       {"secret.png": denied, "b.png": denied, "closed": denied})


class Many(FolderCase):
    def peak(self, *arguments):
        """Of a run that does everything: the MiB that it took at most, and its output."""
        process = self.start(*arguments)
        found = []
        reader = threading.Thread(target=lambda: found.append(process.communicate()))
        reader.start()
        # What wait4() says is at least what this process takes.
        highest = 0
        while process.poll() is None:
            try:
                status = Path(f"/proc/{process.pid}/status").read_text()
            except OSError:
                break
            for line in status.splitlines():
                if line.startswith("VmHWM"):
                    highest = max(highest, int(line.split()[1]))
            time.sleep(0.005)
        reader.join()
        output, errors = found[0]
        self.assertEqual(process.returncode, 0, errors)
        return highest / 1024, output

    def fill(self, folder, count, link=None):
        """Files, half of them in one folder and half in folders of a thousand; gives the names."""
        for i in range(count):
            place = folder / "flat" if i % 2 else folder / f"{i // 2000:04d}"
            if i < 2 or i % 2000 == 0:
                place.mkdir(parents=True, exist_ok=True)
            if link is not None:
                os.link(link, place / f"{i:07d}.png")
            else:
                os.close(os.open(place / f"{i:07d}.txt", os.O_CREAT | os.O_WRONLY, 0o600))

    def test_files_that_are_no_images(self):
        few, many = self.folder / "few", self.folder / "many"
        for folder, count in ((few, MANY // 20), (many, MANY)):
            self.fill(folder, count)
            draw(folder / "image.png", 1)
        for command in (["classify", "--json", "--labels", "a,b"], ["embed", "--json"],
                        ["index", "--json"]):
            with self.subTest(command[0]):
                began = time.monotonic()
                base, _ = self.peak(*command, few)
                middle = time.monotonic()
                peak, output = self.peak(*command, many)
                print(f"{command[0]}: {MANY} files take {peak - base:.1f} MiB more than "
                      f"{MANY // 20}, and {time.monotonic() - middle:.1f} s instead of "
                      f"{middle - began:.1f}", file=sys.stderr)
                self.assertEqual(len(output.splitlines()), 1)
                # The names of the largest folder are held, 24 bytes and some for each.
                self.assertLess(peak - base, 16 + 64e-6 * MANY)

    def test_many_names_of_one_image(self):
        image = self.folder / "image.png"
        draw(image, 1)
        count = min(MANY, 30000)  # a file has no more names than its file system allows
        self.fill(self.photos, count, link=image)
        alone = self.folder / "alone"
        alone.mkdir()
        draw(alone / "image.png", 1)
        base, _ = self.peak("index", "--json", alone)
        peak, output = self.peak("index", "--json", self.photos)
        report = json.loads(output)
        self.assertEqual(report["embedded"], 1)
        self.assertLess(peak - base, 64)


if __name__ == "__main__":
    unittest.main()
