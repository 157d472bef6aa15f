"""Pulls from a real server on the loopback that behaves like the hub, and misbehaves in every way:
hub_pull_test.py BINARY. Each ends with the cache that Python's huggingface_hub reads, or with a clear
error and no file under its name.
"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from hub_common import clean_environment, git_digest, huggingface_hub, run
from hub_server import COMMIT, TOKEN, Hub, index_of

BINARY = sys.argv.pop(1)
DATA = random.Random(7).randbytes(700_000)
DIGEST = hashlib.sha256(DATA).hexdigest()
CONFIG = b'{"model_cfg": {}}'


class Test(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.cache = self.folder / "cache"
        self.hub = Hub()
        self.addCleanup(self.hub.close)
        self.hub.put("org/small", **{"open_clip_model.safetensors": DATA,
                                     "open_clip_config.json": CONFIG, "README.md": b"no part",
                                     "pytorch_model.bin": b"x" * 50_000})
        self.root = self.cache / "models--org--small"
        self.blob = self.root / "blobs" / DIGEST

    def variables(self, **more):
        return {"HF_HUB_CACHE": str(self.cache), "HF_ENDPOINT": self.hub.front + "/",
                "HOME": str(self.folder), **more}

    def pull(self, repository="org/small", revision="main", *more, prefix=(), **variables):
        return run(BINARY, "pull", repository, revision, *more, prefix=prefix,
                   **self.variables(**variables))

    def python_finds(self, name, repository="org/small", revision="main"):
        """What Python takes from the cache, offline."""
        path = huggingface_hub.hf_hub_download(repository, name, revision=revision,
                                               cache_dir=str(self.cache), local_files_only=True)
        self.assertEqual(path, huggingface_hub.try_to_load_from_cache(
            repository, name, revision=revision, cache_dir=str(self.cache)))
        return path

    def check_right(self, done, repository="org/small", revision="main", how="fetched"):
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.split("\n")
        self.assertEqual(lines[-2], how)
        for name in lines[-3].split():
            path = Path(self.python_finds(name, repository, revision))
            self.assertEqual(str(path.parent), lines[-4])
            self.assertEqual(path.read_bytes(), self.hub.files[repository, name])
        leftover = [path for path in self.cache.rglob("*")
                    if path.suffix in (".incomplete", ".tmp", ".part")]
        self.assertEqual(leftover, [])
        return lines[-3].split()

    def check_failed(self, done, *words):
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertNotIn(TOKEN, done.stderr + done.stdout)
        # Neither a blob under its name that is not whole, nor a ref to what is not complete.
        for blob in self.cache.rglob("blobs/*"):
            if blob.suffix != ".incomplete":
                data = blob.read_bytes()
                self.assertIn(blob.name, (hashlib.sha256(data).hexdigest(), git_digest(data)))
        self.assertEqual([path for path in self.cache.rglob("refs/*") if path.is_file()], [])


class Right(Test):
    def test_layout(self):
        names = self.check_right(self.pull())
        self.assertEqual(names, ["open_clip_config.json", "open_clip_model.safetensors"])
        self.assertEqual(sorted(path.name for path in (self.root / "blobs").iterdir()),
                         sorted([DIGEST, git_digest(CONFIG)]))
        self.assertEqual((self.root / "refs/main").read_text(), COMMIT)
        snapshot = self.root / "snapshots" / COMMIT
        self.assertEqual(os.readlink(snapshot / "open_clip_model.safetensors"),
                         f"../../blobs/{DIGEST}")
        self.assertTrue((self.root / ".no_exist" / COMMIT / "config.json").is_file())
        scan = huggingface_hub.scan_cache_dir(str(self.cache))
        self.assertEqual((len(scan.repos), scan.warnings), (1, []))
        self.assertEqual(list(scan.repos)[0].size_on_disk, len(DATA) + len(CONFIG))
        # What is not needed is not fetched.
        self.assertFalse(any("README" in path or "pytorch_model" in path
                             for _, _, path, _ in self.hub.requests))

    def test_python_goes_on_from_our_cache_online(self):
        self.check_right(self.pull())
        before = len([request for request in self.hub.requests if request[0] == "store"])
        python = subprocess.run(
            ["/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable, "-c",
             "import huggingface_hub as h; print(h.hf_hub_download('org/small', "
             "'open_clip_model.safetensors'))"], capture_output=True, text=True, check=False,
            env=clean_environment(PYTHONPATH=":".join(sys.path), HF_HUB_DISABLE_XET="1",
                                  **self.variables()))
        self.assertEqual(python.returncode, 0, python.stderr)
        self.assertEqual(python.stdout.strip(), self.python_finds("open_clip_model.safetensors"))
        after = len([request for request in self.hub.requests if request[0] == "store"])
        self.assertEqual(before, after)

    def test_again_fetches_nothing(self):
        self.check_right(self.pull())
        self.hub.requests.clear()
        self.check_right(self.pull(), how="here")
        self.assertEqual({method for _, method, _, _ in self.hub.requests}, {"HEAD"})

    def test_a_damaged_blob_is_replaced(self):
        self.check_right(self.pull())
        self.blob.write_bytes(DATA[:-1] + b"?")
        done = self.pull()
        self.check_right(done)
        self.assertIn("is damaged", done.stdout)

    def test_revisions(self):
        self.check_right(self.pull(revision="refs/pr/15"), revision="refs/pr/15")
        self.assertEqual((self.root / "refs/refs/pr/15").read_text(), "ab" * 20)
        self.assertTrue(any("/resolve/refs%2Fpr%2F15/" in path
                            for _, _, path, _ in self.hub.requests))
        done = self.pull(revision=COMMIT)  # the same blobs
        self.check_right(done, revision=COMMIT, how="here")
        self.assertFalse((self.root / "refs" / COMMIT).exists())

    def test_without_symlinks(self):
        self.check_right(self.pull(HF_HUB_DISABLE_SYMLINKS="1"))
        place = self.root / "snapshots" / COMMIT / "open_clip_model.safetensors"
        self.assertFalse(place.is_symlink())
        self.assertFalse(self.blob.exists())
        self.check_right(self.pull(HF_HUB_DISABLE_SYMLINKS="1"), how="here")
        # Blobs that are here already may be another snapshot's too, and are copied.
        self.check_right(self.pull(revision="refs/pr/15"), revision="refs/pr/15")
        self.check_right(self.pull(revision="refs/pr/15", HF_HUB_DISABLE_SYMLINKS="1"),
                         revision="refs/pr/15", how="here")

    def test_a_repository_with_a_new_name(self):
        done = self.pull("org/renamed")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.python_finds("open_clip_model.safetensors", "org/renamed")

    def test_shards(self):
        shards = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
        self.hub.put("org/large", **{"model.safetensors.index.json": index_of(*shards, shards[0]),
                                     shards[0]: DATA, shards[1]: DATA[::-1], "config.json": b"{}",
                                     "pytorch_model.bin": DATA})
        names = self.check_right(self.pull("org/large"), "org/large")
        self.assertEqual(names, ["config.json", "model.safetensors.index.json", *shards])

    def test_timm(self):
        self.hub.put("timm/x_clip.openai", **{"open_clip_pytorch_model.bin": DATA, "config.json": b"1",
                                              "open_clip_config.json": b"{}",
                                              "model.safetensors": DATA[::-1]})
        names = self.check_right(self.pull("timm/x_clip.openai"), "timm/x_clip.openai")
        self.assertEqual(names, ["open_clip_config.json", "open_clip_pytorch_model.bin"])

    def test_token(self):
        self.hub.private["org/small"] = (401, "RepoNotFound")
        self.check_failed(self.pull(), "private", "HF_TOKEN", "org/small")
        home = self.folder / "home"
        home.mkdir()
        (home / "token").write_text(TOKEN + "\n")
        for variables in ({"HF_TOKEN": TOKEN}, {"HF_HOME": str(home)}):
            self.hub.requests.clear()
            self.check_right(self.pull(**variables), how="fetched" if "HF_TOKEN" in variables else "here")
            for server, _, _, headers in self.hub.requests:
                sent = headers.get("Authorization")
                self.assertEqual(sent, f"Bearer {TOKEN}" if server == "front" else None)
        self.assertTrue(self.blob.exists())


class Interrupted(Test):
    def test_connections_that_break(self):
        self.hub.how["breaks"] = 0
        self.check_right(self.pull())

    def test_a_body_that_breaks_off(self):
        self.hub.how["cut"] = 0
        done = self.pull()
        self.check_right(done)
        third = len(DATA) // 3
        ranges = [headers.get("Range") for server, _, _, headers in self.hub.requests
                  if server == "store"]
        self.assertEqual(ranges, [None, f"bytes={third}-", f"bytes={2 * third}-"])

    def test_goes_on_from_what_was_left(self):
        self.blob.parent.mkdir(parents=True)
        Path(f"{self.blob}.incomplete").write_bytes(DATA[:500_000])
        self.check_right(self.pull())
        self.assertIn("bytes=500000-", [headers.get("Range") for _, _, _, headers in
                                        self.hub.requests])

    def test_what_was_left_is_of_another_file(self):
        for left in (b"x" * 100_000, b"x" * len(DATA), b"x" * 2 * len(DATA)):
            self.blob.parent.mkdir(parents=True, exist_ok=True)
            Path(f"{self.blob}.incomplete").write_bytes(left)
            self.blob.unlink(missing_ok=True)
            self.check_right(self.pull())

    def test_busy(self):
        self.hub.how["busy"] = 0
        start = time.monotonic()
        done = self.pull()
        self.check_right(done)
        self.assertGreater(time.monotonic() - start, 2)
        self.assertIn("429", done.stdout)

    def test_too_busy(self):
        self.hub.how |= {"busy": 0, "retry_after": "3000"}
        self.check_failed(self.pull(), "429", "3000 seconds")
        self.assertEqual(len(self.hub.requests), 1)

    def test_killed_in_the_middle(self):
        self.hub.how["pause"] = 0.1
        process = subprocess.Popen([BINARY, "pull", "org/small", "main"],
                                   stdout=subprocess.DEVNULL,
                                   env=clean_environment(**self.variables()))
        part = Path(f"{self.blob}.incomplete")
        while not part.exists() or part.stat().st_size < 200_000:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertFalse(self.blob.exists())
        self.assertFalse((self.root / "refs/main").exists())
        self.assertIsNone(huggingface_hub.try_to_load_from_cache(
            "org/small", "open_clip_model.safetensors", cache_dir=str(self.cache)))
        self.hub.how.clear()
        self.check_right(self.pull())

    def test_two_at_once(self):
        self.hub.how["pause"] = 0.1
        command = [BINARY, "pull", "org/small", "main"]
        processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      text=True, env=clean_environment(**self.variables()))
                     for _ in range(3)]
        outputs = [process.communicate() for process in processes]
        self.assertEqual([process.returncode for process in processes], [0, 0, 0], outputs)
        self.assertEqual(self.blob.read_bytes(), DATA)
        gets = [path for server, method, path, _ in self.hub.requests if server == "store"]
        self.assertEqual(len(gets), 1)
        self.python_finds("open_clip_model.safetensors")

    def test_waits_for_python(self):
        path = self.cache / ".locks/models--org--small" / f"{DIGEST}.lock"
        path.parent.mkdir(parents=True)
        from filelock import FileLock  # as huggingface_hub locks
        with FileLock(path):
            process = subprocess.Popen([BINARY, "pull", "org/small", "main"], text=True,
                                       stdout=subprocess.PIPE,
                                       env=clean_environment(**self.variables()))
            self.assertIn("another process", process.stdout.readline())
            self.assertFalse(self.blob.exists())
            self.assertIsNone(process.poll())
        process.communicate()
        self.assertEqual(process.returncode, 0)
        self.assertEqual(self.blob.read_bytes(), DATA)

    def test_full_disk(self):
        self.cache.mkdir()
        script = ('mount -t tmpfs -o size=500k tmpfs "$0" || exit 77; "$@"; code=$?; '
                  'find "$0" -type f -path "*blobs*" >&2; exit $code')
        users = [] if os.geteuid() == 0 else ["--map-root-user"]
        done = self.pull(prefix=["unshare", "--mount", *users, "sh", "-c", script, str(self.cache)])
        self.assertEqual(done.returncode, 1, f"needs unshare and mount: {done.stderr}")
        self.assertIn("No space left", done.stderr)
        files = sorted(Path(line).name for line in done.stderr.splitlines()[1:])
        self.assertEqual(files, sorted([git_digest(CONFIG), f"{DIGEST}.incomplete"]))


class Refused(Test):
    def test_missing(self):
        self.check_failed(self.pull("org/none"), "no repository", "org/none")
        self.check_failed(self.pull(revision="v9"), "no revision v9")
        self.hub.put("org/empty", **{"README.md": b"x"})
        self.check_failed(self.pull("org/empty"), "none of the weight files",
                          "open_clip_model.safetensors")

    def test_access(self):
        self.hub.private["org/small"] = (401, "GatedRepo")
        self.check_failed(self.pull(), "licence", f"{self.hub.front}/org/small", "HF_TOKEN")
        self.hub.private["org/small"] = (403, "GatedRepo")
        self.check_failed(self.pull(HF_TOKEN="hf_other"), "licence", "no access")
        self.hub.private["org/small"] = (401, "")
        done = self.pull(HF_TOKEN="hf_other")
        self.check_failed(done, "not accepted")
        self.assertNotIn("hf_other", done.stderr)

    def test_wrong_contents(self):
        for how in ("wrong", "page"):
            self.hub.how = {how: 0}
            self.check_failed(self.pull(), "SHA-256", DIGEST, "thrown away")
        self.hub.how = {"endless": 0}
        self.check_failed(self.pull(), "more than the file can have")

    def test_lying_sizes(self):
        for size in (len(DATA) + 1, 10**9):
            self.hub.how = {"size": size}
            self.check_failed(self.pull(), f"expected {DIGEST} of {size} bytes")
        self.hub.how = {"size": 1000}
        self.check_failed(self.pull(), "more than the file can have")
        self.hub.how = {"size": 10**15}
        self.check_failed(self.pull(), "at most")
        self.hub.how = {"size": 0}
        self.check_failed(self.pull(), "at least 1")

    def test_no_hub(self):
        self.hub.how = {"no_etag": 0}
        self.check_failed(self.pull(), "ETag")
        self.hub.how = {"broken": 0}
        self.check_failed(self.pull(), "503", "3 times")
        self.check_failed(self.pull(HF_ENDPOINT="http://127.0.0.1:9"), "127.0.0.1:9", "3 times")
        self.check_failed(self.pull(HF_ENDPOINT="file:///etc"), "neither http nor https")

    def test_hostile_index(self):
        for name in ("../../../x.safetensors", "/tmp/x.safetensors", "a/b.safetensors", ".x.bin",
                     "x.py", "", "x" * 300 + ".bin", "x.safetensors\0"):
            self.hub.put("org/evil", **{"model.safetensors.index.json": index_of(name)})
            self.check_failed(self.pull("org/evil"), "expected weights beside it")
        self.hub.put("org/evil", **{"model.safetensors.index.json": b"[1]"})
        self.check_failed(self.pull("org/evil"), "no index")
        self.hub.put("org/evil", **{"model.safetensors.index.json": index_of("a.safetensors")})
        self.check_failed(self.pull("org/evil"), "a.safetensors", "does not have")

    def test_offline(self):
        for variables in ({"HF_HUB_OFFLINE": "1"}, {"TRANSFORMERS_OFFLINE": "yes"}):
            self.check_failed(self.pull(**variables), "OFFLINE")
        self.assertEqual(self.hub.requests, [])
        self.check_right(self.pull(HF_HUB_OFFLINE="0", TRANSFORMERS_OFFLINE="1"))

    def test_folder_that_cannot_be_written(self):
        self.cache.mkdir()
        self.cache.chmod(0o555)
        prefix = [] if os.geteuid() else ["setpriv", "--bounding-set",
                                          "-dac_override,-dac_read_search"]
        self.check_failed(self.pull(prefix=prefix), "Permission denied", str(self.cache))
        self.cache.chmod(0o755)


if __name__ == "__main__":
    unittest.main()
