"""The hub's cache as we and as Python's huggingface_hub find things in it: hub_cache_test.py BINARY

Caches are made at random: with links, without, with broken ones, partial, with refs that lead
nowhere. Every file of every revision must be found, or not, by both alike.
"""

import hashlib
import os
import random
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from hub_common import ROOT, clean_environment, git_digest, huggingface_hub, run

BINARY = sys.argv.pop(1)
FILES = ["open_clip_model.safetensors", "open_clip_pytorch_model.bin", "open_clip_config.json",
         "model.safetensors", "config.json", "preprocessor_config.json"]
REVISIONS = ["main", "v1.0", "refs/pr/15", "refs/pr/16"]
NO_EXIST = huggingface_hub._CACHED_NO_EXIST


class Cache:
    """A cache that is written as huggingface_hub writes it."""

    def __init__(self, folder, repository):
        self.folder = Path(folder)
        self.repository = repository
        self.root = self.folder / ("models--" + repository.replace("/", "--"))

    def ref(self, revision, commit):
        path = self.root / "refs" / revision
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(commit)

    def put(self, commit, name, data, links=True):
        place = self.root / "snapshots" / commit / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if not links:
            place.write_bytes(data)
            return place
        digest = git_digest(data) if name.endswith(".json") else hashlib.sha256(data).hexdigest()
        blob = self.root / "blobs" / digest
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(data)
        place.symlink_to(os.path.relpath(blob, place.parent))
        return place

    def missing(self, commit, name):
        path = self.root / ".no_exist" / commit / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    def python_finds(self, revision, name):
        found = huggingface_hub.try_to_load_from_cache(
            self.repository, name, cache_dir=str(self.folder), revision=revision)
        return "missing" if found is NO_EXIST else "unknown" if found is None else f"here {found}"


class Test(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.cache = Cache(self.folder, "org/name")
        self.commit = "0123456789abcdef" * 2 + "01234567"

    def run_tool(self, *arguments, **variables):
        done = run(BINARY, *arguments, HF_HUB_CACHE=str(self.folder), **variables)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split("\n")[:-1]

    def check_alike(self, cache, revision, names=FILES):
        ours = self.run_tool("find", cache.repository, revision, *names)
        # A broken link is told apart by us, and not there for Python.
        ours = ["unknown" if line == "broken" else line for line in ours]
        self.assertEqual(ours, [cache.python_finds(revision, name) for name in names], revision)

    def model(self, repository="org/name", revision="main"):
        state, folder, weights, configs, missing = self.run_tool("model", repository, revision)
        return state, folder, weights.split(), configs.split(), missing


class Finding(Test):
    def test_random_caches(self):
        chance = random.Random(15)
        found = set()
        for number in range(40):
            cache = Cache(self.folder, f"org/random{number}")
            commits = [f"{chance.getrandbits(160):040x}" for _ in range(3)]
            for revision in REVISIONS:
                if chance.random() < 0.7:
                    cache.ref(revision, chance.choice([*commits, "f" * 40, "", commits[0] + "\n"]))
            for commit in commits[: chance.randrange(4)]:
                for name in FILES:
                    kind = chance.randrange(5)
                    if kind == 0:
                        cache.missing(commit, name)
                    elif kind < 3:
                        cache.put(commit, name, name.encode() + commit.encode(), links=kind == 1)
                    elif kind == 3:
                        cache.put(commit, name, name.encode()).unlink()
                        (cache.root / "snapshots" / commit / name).symlink_to("../../blobs/gone")
            for revision in [*REVISIONS, *commits, "nothing"]:
                self.check_alike(cache, revision)
                found |= {cache.python_finds(revision, name).split(" ")[0] for name in FILES}
        self.assertEqual(found, {"here", "missing", "unknown"})

    def test_refs_that_lead_out_of_the_cache(self):
        self.cache.put(self.commit, "passwd", b"x")
        for ref in ("../" + self.commit, "..", ".", "/etc", "a/b"):
            self.cache.ref("main", ref)
            self.assertEqual(self.run_tool("find", "org/name", "main", "passwd"), ["unknown"])

    def test_a_broken_link_is_told_apart(self):
        self.cache.ref("main", self.commit)
        self.cache.put(self.commit, "model.safetensors", b"x").resolve().unlink()
        self.check_alike(self.cache, "main")
        self.assertEqual(self.run_tool("find", "org/name", "main", "model.safetensors"), ["broken"])
        state, _, _, _, missing = self.model()
        self.assertEqual((state, missing), ("partial", "the blob of model.safetensors"))

    def test_another_snapshot_is_never_taken(self):
        self.cache.ref("main", "f" * 40)
        self.cache.put(self.commit, "model.safetensors", b"x")
        self.check_alike(self.cache, "main")
        self.assertEqual(self.model()[0], "none")
        self.assertEqual(self.model(revision=self.commit)[0], "partial")  # no config.json

    def test_nothing_is_written(self):
        self.cache.ref("main", self.commit)
        self.cache.put(self.commit, "model.safetensors", b"x")
        before = sorted((str(path), path.lstat().st_mtime_ns) for path in self.folder.rglob("*"))
        self.model()
        self.model("org/other")
        after = sorted((str(path), path.lstat().st_mtime_ns) for path in self.folder.rglob("*"))
        self.assertEqual(before, after)


class Models(Test):
    def setUp(self):
        super().setUp()
        self.cache.ref("main", self.commit)
        self.snapshot = str(self.cache.root / "snapshots" / self.commit)

    def test_the_best_weights(self):
        self.cache.put(self.commit, "config.json", b"{}")
        for name in ("pytorch_model.bin", "model.safetensors"):
            self.cache.put(self.commit, name, name.encode())
            self.assertEqual(self.model(), ("whole", self.snapshot, [name], ["config.json"], ""))
        self.cache.put(self.commit, "open_clip_pytorch_model.bin", b"x")
        self.assertEqual(self.model()[4], "open_clip_config.json")
        self.cache.put(self.commit, "open_clip_config.json", b"{}")
        for name in ("open_clip_pytorch_model.bin", "open_clip_model.safetensors"):
            self.assertEqual(self.model()[2], [name])
            if name.endswith("bin"):
                self.cache.put(self.commit, "open_clip_model.safetensors", b"y")

    def test_shards(self):
        self.cache.put(self.commit, "config.json", b"{}")
        index = b'{"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}'
        self.cache.put(self.commit, "model.safetensors.index.json", index, links=False)
        self.cache.put(self.commit, "model-2-of-2.safetensors", b"x")
        self.assertEqual(self.model()[::4], ("partial", "model-1-of-2.safetensors"))
        self.cache.put(self.commit, "model-1-of-2.safetensors", b"y")
        self.assertEqual(self.model()[2], ["model-1-of-2.safetensors", "model-2-of-2.safetensors"])
        path = Path(self.snapshot, "model.safetensors.index.json")
        for bad in (b'{"weight_map": {"a": "../../../x.safetensors"}}', b"{}", b"[]", b"nonsense",
                    b'{"weight_map": {"a": 1}}', b'{"weight_map": {"a": "/etc/passwd"}}',
                    b'{"weight_map": {"a": ".x.bin"}}', b'{"weight_map": {"a": "x.py"}}', b"[" * 10**6):
            path.write_bytes(bad)
            done = run(BINARY, "model", "org/name", "main", HF_HUB_CACHE=str(self.folder))
            self.assertEqual(done.returncode, 1, bad[:50])
            self.assertIn("model.safetensors.index.json", done.stderr)

    def test_timm_keeps_an_image_tower_under_the_same_names(self):
        cache = Cache(self.folder, "timm/vit_base_patch32_clip_224.openai")
        cache.ref("main", self.commit)
        for name in ("model.safetensors", "config.json"):
            cache.put(self.commit, name, name.encode())
        state, _, weights, _, missing = self.model(cache.repository)
        self.assertEqual((state, weights), ("partial", []))
        self.assertIn("open_clip_model.safetensors", missing)
        cache.put(self.commit, "open_clip_model.safetensors", b"x")
        # The catalog knows what open_clip_config.json would say: open_clip does not fetch it.
        self.assertEqual(self.model(cache.repository)[:3:2], ("whole", ["open_clip_model.safetensors"]))


class Folders(unittest.TestCase):
    def test_where_the_cache_is(self):
        with tempfile.TemporaryDirectory() as home:
            cases = [{}, {"HF_HUB_CACHE": "/a/b"}, {"HF_HUB_CACHE": "~/x"}, {"HF_HUB_CACHE": "~root/x"},
                     {"HF_HUB_CACHE": "~nobodyatall/x"}, {"HF_HUB_CACHE": "$HOME/${USERX}/$NONE/x$"},
                     {"HUGGINGFACE_HUB_CACHE": "~/old"}, {"HF_HOME": "~/home"},
                     {"HF_HOME": "${HOME}/$USERX"}, {"XDG_CACHE_HOME": "/xdg"},
                     {"XDG_CACHE_HOME": "~/xdg"}, {"HF_HOME": "/h", "XDG_CACHE_HOME": "/xdg"},
                     {"HF_HUB_CACHE": "/a", "HUGGINGFACE_HUB_CACHE": "/b", "HF_HOME": "/c"},
                     {"HUGGINGFACE_HUB_CACHE": "/b", "HF_HOME": "/c"}, {"HF_HUB_CACHE": "relative"},
                     {"HF_HUB_CACHE": "${unclosed/x"}, {"HF_HUB_CACHE": "a$$HOME/${}/$"}]
            for case in cases:
                variables = {"HOME": home, "USERX": "someone", **case}
                python = subprocess.run(
                    ["/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable,
                     "-c", "from huggingface_hub import constants; print(constants.HF_HUB_CACHE)"],
                    capture_output=True, text=True, check=True,
                    env=clean_environment(PYTHONPATH=str(ROOT / "build/python-packages"), **variables))
                ours = run(BINARY, "folder", **variables)
                self.assertEqual(ours.stdout, python.stdout, case)


if __name__ == "__main__":
    unittest.main()
