"""The store of published models: names, what is there, and fetching what is not."""

import http.server
import os
import shutil
import tempfile
import threading
import unittest
from pathlib import Path

from common import MODELS, json_lines, photographs, run

PUBLISHED = ["RN50", "RN101", "RN50x4", "RN50x16", "RN50x64", "ViT-B/32", "ViT-B/16", "ViT-L/14",
             "ViT-L/14@336px"]


class CacheFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.cache = self.folder / "cache"

    def clip(self, *arguments, **variables):
        return run(*arguments, environment={"CLIP_CACHE": str(self.cache), "CLIP_MIRROR": "",
                                            **variables})

    def put(self, file="ViT-B-32.pt"):
        """A small model under the name of a published one."""
        self.cache.mkdir(exist_ok=True)
        shutil.copy(MODELS / "published-tiny.pt", self.cache / file)
        return str(self.cache / file)


class Store(CacheFolder):
    def test_list(self):
        models = json_lines(self.clip("models", "list", "--json").stdout)
        self.assertEqual([model["name"] for model in models], PUBLISHED)
        self.assertFalse(any(model["here"] for model in models))
        path = self.put()
        models = json_lines(self.clip("models", "list", "--json").stdout)
        here = [model for model in models if model["here"]]
        self.assertEqual([(model["name"], model["path"]) for model in here], [("ViT-B/32", path)])
        self.assertEqual((here[0]["image_size"], here[0]["imagenet_top1"]), (224, 63.2))
        text = self.clip("models", "list").stdout
        self.assertRegex(text, r"ViT-B/32 +354 MB +151.3 M +224 px +63.2 %  yes")
        self.assertRegex(text, r"ViT-L/14@336px +934 MB +427.9 M +336 px +76.2 %  no")

    def test_the_cache_is_where_openai_s_package_has_it(self):
        done = run("models", "list", "--json",
                   environment={"HOME": str(self.folder), "CLIP_CACHE": ""})
        self.assertEqual(json_lines(done.stdout)[5]["path"],
                         str(self.folder / ".cache/clip/ViT-B-32.pt"))

    def test_a_model_by_its_name(self):
        path = self.put()
        for name in ("ViT-B/32", "vit-b-32", "ViT_B_32", "ViT-B-32.pt", path):
            done = self.clip("score", "--json", "--model", name, photographs()[0], "a cat")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json_lines(done.stdout)[0]["model"], path)
        done = self.clip("score", "--json", photographs()[0], "a cat", CLIP_MODEL="vit-b-32")
        self.assertEqual(json_lines(done.stdout)[0]["model"], path)

    def test_without_a_name_it_is_vit_b_32_if_that_is_there(self):
        path = self.put()
        done = self.clip("score", "--json", photographs()[0], "a cat")
        self.assertEqual(json_lines(done.stdout)[0]["model"], path)
        self.assertEqual(done.stderr, "")

    def test_a_name_that_is_not_there_says_how_to_get_it(self):
        done = self.clip("score", "--model", "vit-l-14-336", photographs()[0], "a cat")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("models pull ViT-L/14@336px", done.stderr)
        self.assertIn(str(self.cache), done.stderr)

    def test_an_unknown_name_suggests_the_nearest(self):
        for name, near in (("ViT-B/33", "ViT-B/32"), ("RN50x46", "RN50x4")):
            done = self.clip("score", "--model", name, photographs()[0], "a cat")
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"did you mean {near}?", done.stderr)
            for command in ("pull", "remove"):
                done = self.clip("models", command, name)
                self.assertEqual(done.returncode, 2)
                self.assertIn(near, done.stderr)
        done = self.clip("score", "--model", "/no/such/model.pt", photographs()[0], "a cat")
        self.assertIn("/no/such/model.pt: No such file", done.stderr)

    def test_verify(self):
        path = self.put()
        for name in ("ViT-B/32", path):
            done = self.clip("models", "verify", name)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("is not ViT-B/32 as published", done.stderr)
        done = self.clip("models", "verify", "--json", MODELS / "tiny.pt")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(json_lines(done.stdout)[0]["published"], None)
        self.assertEqual(self.clip("models", "verify", self.folder / "none.pt").returncode, 1)

    def test_remove(self):
        self.put()
        (self.cache / "ViT-B-32.pt.part").write_bytes(b"half")
        self.put("RN50.pt")
        done = self.clip("models", "remove", "vit-b-32")
        self.assertEqual(done.returncode, 0)
        self.assertEqual([path.name for path in self.cache.iterdir()], ["RN50.pt"])
        done = self.clip("models", "remove", "vit-b-32")
        self.assertEqual(done.returncode, 1)
        self.assertIn("is not here", done.stderr)

    def test_check_compares_the_engines(self):
        for model in ("published-tiny.pt", "tiny-rn.pt"):
            done = self.clip("models", "check", "--json", MODELS / model)
            self.assertEqual(done.returncode, 0, done.stderr)
            check = json_lines(done.stdout)[0]
            self.assertTrue(check["passed"])
            self.assertLess(check["difference"], 0.001)
            self.assertGreater(check["difference"], 0)  # two engines, not one twice
        done = self.clip("models", "check", MODELS / "tiny.pt", "--picture", photographs()[0])
        self.assertEqual(done.returncode, 1)
        self.assertIn("ViT-B/32 alone", done.stderr)


class Pull(CacheFolder):
    """The library's own test has the right files; the published ones cannot be had here, so the
    command is held to never taking a wrong one."""

    def setUp(self):
        super().setUp()
        www = self.folder / "www"
        www.mkdir()

        class Quiet(http.server.SimpleHTTPRequestHandler):
            requests = []

            def __init__(self, *arguments, **options):
                super().__init__(*arguments, directory=str(www), **options)

            def log_message(self, *arguments):
                pass

            def do_GET(self):
                Quiet.requests.append(self.path)
                super().do_GET()

        self.requests = Quiet.requests
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"

    def pull(self, *arguments, **variables):
        clean = {name: "" for name in os.environ if name.lower().endswith("_proxy")}
        return self.clip("models", "pull", *arguments, **clean, **variables)

    def test_wrong_bytes_never_get_the_name(self):
        (self.folder / "www/ViT-B-32.pt").write_bytes(b"not the model")
        for arguments, variables in ((["--from", self.address], {}),
                                     (["--from", f"{self.address}/ViT-B-32.pt"], {}),
                                     ([], {"CLIP_MIRROR": f"{self.address}/"})):
            done = self.pull("vit-b-32", *arguments, **variables)
            self.assertEqual(done.returncode, 1)
            self.assertIn("SHA-256", done.stderr)
            self.assertEqual(list(self.cache.iterdir()), [])
        self.assertTrue(any(path.startswith("/40d36571") for path in self.requests))
        self.assertIn("/ViT-B-32.pt", self.requests)

    def test_what_is_not_there(self):
        done = self.pull("RN50", "vit-b-32", "--from", self.address)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count("404"), 2, done.stderr)
        self.assertNotIn("\r", done.stderr)

    def test_a_wrong_file_in_the_cache_is_replaced_only_by_a_right_one(self):
        path = Path(self.put())
        before = path.read_bytes()
        done = self.pull("vit-b-32", "--from", self.address)
        self.assertEqual(done.returncode, 1)
        self.assertIn("is replaced", done.stderr)
        self.assertEqual(path.read_bytes(), before)

    def test_file_addresses_and_folders(self):
        (self.folder / "www/RN50.pt").write_bytes(b"not the model")
        done = self.pull("RN50", "--from", (self.folder / "www").as_uri())
        self.assertEqual(done.returncode, 1)
        self.assertIn("SHA-256", done.stderr)


if __name__ == "__main__":
    unittest.main()
