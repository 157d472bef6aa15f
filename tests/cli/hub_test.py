"""Models of the Hugging Face Hub by their names: models list, pull and verify, and what is said of
names, against a server that behaves like the hub."""

import hashlib
import random
import re
import sys
import tempfile
import unittest
from pathlib import Path

from common import ROOT, json_lines, run

sys.path.append(str(ROOT / "tests/hub"))
from hub_common import VARIABLES, huggingface_hub  # noqa: E402
from hub_server import COMMIT, TOKEN, Hub  # noqa: E402

NAME = "ViT-B-32/laion2b_s34b_b79k"
REPOSITORY = "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
OPENAI = "timm/vit_base_patch32_clip_224.openai"
DATA = random.Random(3).randbytes(100_000)


class Test(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.cache = self.folder / ".cache/huggingface/hub"
        self.hub = Hub()
        self.addCleanup(self.hub.close)
        for repository in (REPOSITORY, OPENAI, "org/plain"):
            self.hub.put(repository, **{"open_clip_model.safetensors": DATA,
                                        "open_clip_config.json": b"{}"})

    def clip(self, *arguments, **variables):
        environment = {**dict.fromkeys([*VARIABLES, "CLIP_CACHE", "CLIP_MIRROR", "http_proxy"], ""),
                       "HOME": str(self.folder), "HF_ENDPOINT": self.hub.front, **variables}
        return run(*arguments, environment=environment)

    def snapshot(self, repository=REPOSITORY):
        return self.cache / f"models--{repository.replace('/', '--')}" / "snapshots" / COMMIT

    def check_failed(self, done, *words, code=1):
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)


class Pull(Test):
    def test_by_every_kind_of_name(self):
        for name in (NAME, NAME.replace("/", "::"), f"open_clip:{NAME}", f"hf:{REPOSITORY}",
                     f"hf-hub:{REPOSITORY}@main", REPOSITORY):
            done = self.clip("models", "pull", "--json", name)
            self.assertEqual(done.returncode, 0, done.stderr)
            pulled = json_lines(done.stdout)[0]
            self.assertEqual((pulled["name"], pulled["repository"], pulled["commit"], pulled["path"]),
                             (NAME, REPOSITORY, COMMIT, str(self.snapshot())))
            self.assertEqual(pulled["pulled"], name == NAME)
        path = huggingface_hub.try_to_load_from_cache(REPOSITORY, "open_clip_model.safetensors",
                                                      cache_dir=str(self.cache))
        self.assertEqual(Path(path).read_bytes(), DATA)

    def test_several_of_which_one_is_missing(self):
        done = self.clip("models", "pull", "--json", "org/none", "org/plain")
        self.assertEqual(done.returncode, 1)
        none, plain = json_lines(done.stdout)
        self.assertEqual((none["pulled"], none["error"]["code"], none["path"]),
                         (False, "not_found", None))
        self.assertTrue(plain["pulled"])

    def test_the_token_is_never_shown(self):
        self.hub.private["org/plain"] = (403, "GatedRepo")
        done = self.clip("models", "pull", "org/plain", HF_TOKEN="hf_other")
        self.check_failed(done, "licence")
        self.assertNotIn("hf_other", done.stderr)
        done = self.clip("models", "pull", "org/plain", HF_TOKEN=TOKEN)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn(TOKEN, done.stderr)

    def test_what_cannot_be_pulled(self):
        self.check_failed(self.clip("models", "pull", "ViT-B-16-SigLIP/webli"), "SigLIP image tower")
        self.check_failed(self.clip("models", "pull", "hf:timm/ViT-B-16-SigLIP"), "SigLIP")
        for name, word in (("ViT-B-32/laion2b_s34b_b79", NAME), ("hf:a/b/c", "ORG/NAME"),
                           ("./x", "is a path"), ("ViT-H-14", "ViT-H-14/dfn5b")):
            self.check_failed(self.clip("models", "pull", name), word, code=2)
        done = self.clip("models", "pull", "--from", "http://127.0.0.1:9", NAME)
        self.check_failed(done, "HF_ENDPOINT", code=2)
        self.check_failed(self.clip("models", "pull", NAME, HF_HUB_OFFLINE="1"), "HF_HUB_OFFLINE")
        self.check_failed(self.clip("models", "remove", NAME), "models--laion", code=2)
        self.assertFalse(self.cache.exists())


class Look(Test):
    def test_what_is_not_here_says_how_to_get_it(self):
        for name in (NAME, REPOSITORY):
            self.check_failed(self.clip("models", "verify", name), f"models pull {NAME}", "605 MB",
                              str(self.cache))
        self.check_failed(self.clip("models", "verify", "org/x@v1"), "models pull hf:org/x@v1")
        self.check_failed(self.clip("models", "verify", "ViT-B-32/none"), "did you mean",
                          "models list --all")

    def test_what_is_incomplete_says_what_it_lacks(self):
        self.clip("models", "pull", "org/plain")
        (self.snapshot("org/plain") / "open_clip_config.json").unlink()
        self.check_failed(self.clip("models", "verify", "org/plain"), "lacks open_clip_config.json",
                          "models pull hf:org/plain")
        self.clip("models", "pull", "org/plain")
        self.assertEqual(self.clip("models", "verify", "org/plain").returncode, 0)

    def test_verify(self):
        self.clip("models", "pull", NAME)
        done = self.clip("models", "verify", "--json", NAME)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json_lines(done.stdout)[0]
        self.assertEqual((result["folder"], result["right"]), (str(self.snapshot()), True))
        self.assertEqual(result["files"][1], {
            "file": str(self.snapshot() / "open_clip_model.safetensors"), "right": True,
            "checked_by": ["hub"], "digest": hashlib.sha256(DATA).hexdigest()})
        blob = (self.snapshot() / "open_clip_model.safetensors").resolve()
        blob.write_bytes(DATA[:-1] + b"x")
        done = self.clip("models", "verify", "--json", str(self.snapshot()))
        self.assertEqual(done.returncode, 1)
        self.assertEqual([file["right"] for file in json_lines(done.stdout)[0]["files"]],
                         [True, False])
        self.assertIn("is damaged", done.stderr)

    def test_list(self):
        self.clip("models", "pull", NAME, "ViT-B-32/openai")
        models = {model["name"]: model
                  for model in json_lines(self.clip("models", "list", "--json").stdout)}
        self.assertEqual(models[NAME]["here"], True)
        self.assertEqual(models[NAME]["path"], str(self.snapshot()))
        self.assertEqual(models[NAME]["licence"], "MIT")
        # OpenAI's names stand for the same weights on the hub, where their own file is missing.
        self.assertEqual(models["ViT-B/32"]["path"], str(self.snapshot(OPENAI)))
        everything = json_lines(self.clip("models", "list", "--all", "--json").stdout)
        self.assertEqual(len(everything), 171)
        self.assertEqual(sum("cannot_run" in model for model in everything), 101)
        speeds = [model["images_per_second"] for model in everything if "cannot_run" not in model]
        self.assertEqual(speeds, sorted(speeds, reverse=True))
        # ViT-bigG takes 110 times the operations of ViT-B/32.
        self.assertGreater(speeds[0] / max(speeds[-1], 0.01), 50)
        text = self.clip("models", "list", "--all").stdout
        self.assertIn("ViT-B-16-SigLIP/webli: SigLIP image tower", text)
        self.assertTrue(re.search(rf"^{NAME} +605 MB +151.3 M +224 px +66.6 % +[0-9.]+  yes$", text, re.M))

    def test_names_that_are_openai_s_lead_to_the_hub_s_cache(self):
        self.check_failed(self.clip("models", "verify", "ViT-B/32"), "models pull ViT-B/32")
        self.clip("models", "pull", "ViT-B-32/openai")
        for name in ("ViT-B/32", "vit-b-32", "ViT-B-32::openai"):
            done = self.clip("models", "verify", "--json", name)
            self.assertEqual(json_lines(done.stdout)[0]["folder"], str(self.snapshot(OPENAI)))

    def test_without_a_name_search_takes_the_best_model_of_the_cache(self):
        photos = self.folder / "photos"
        photos.mkdir()
        (photos / "a.png").write_bytes((ROOT / "data/demo/cat.png").read_bytes())
        # The weights are none, so that the error says whose they would be.
        for pulled, best in (("ViT-B-32/openai", OPENAI), (NAME, REPOSITORY)):
            self.clip("models", "pull", pulled)
            self.check_failed(self.clip("search", "--in", photos, "a cat"), str(self.snapshot(best)))


if __name__ == "__main__":
    unittest.main()
