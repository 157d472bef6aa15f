"""The store of published models: names, the files in the cache folder, and downloads."""

import hashlib
import http.server
import os
import shutil
import tempfile
import threading
import unittest
import zipfile
from pathlib import Path

from common import MODELS, json_lines, photographs, run

PUBLISHED = ["RN50", "RN101", "RN50x4", "RN50x16", "RN50x64", "ViT-B/32", "ViT-B/16", "ViT-L/14",
             "ViT-L/14@336px"]


def stored_records(path):
    """Of each record of an archive that is not empty: its name without the root folder, where its
    bytes begin in the file, and how many they are."""
    data = path.read_bytes()
    for info in zipfile.ZipFile(path).infolist():
        header = info.header_offset  # of 30 bytes, a name and extra fields (APPNOTE.TXT, 4.3.7)
        name, extra = (int.from_bytes(data[header + at:header + at + 2], "little")
                       for at in (26, 28))
        if info.compress_size > 0:
            yield info.filename.split("/", 1)[1], header + 30 + name + extra, info.compress_size


class CacheFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.cache = self.folder / "cache"

    def clip(self, *arguments, **variables):
        return run(*arguments, environment={"CLIP_CACHE": str(self.cache), "CLIP_MIRROR": "",
                                            "HF_HUB_CACHE": str(self.folder / "hub"), **variables})

    def put(self, file="ViT-B-32.pt"):
        """A small model under the name of a published one."""
        self.cache.mkdir(exist_ok=True)
        shutil.copy(MODELS / "published-tiny.pt", self.cache / file)
        return str(self.cache / file)


class Store(CacheFolder):
    def test_list(self):
        models = json_lines(self.clip("models", "list", "--json", "--all").stdout)
        published = [model["name"] for model in models if model.get("sha256")]
        self.assertEqual(sorted(published), sorted(PUBLISHED))
        self.assertFalse(any(model["here"] for model in models if "here" in model))
        path = self.put()
        models = json_lines(self.clip("models", "list", "--json").stdout)
        here = [model for model in models if model["here"]]
        self.assertEqual([(model["name"], model["path"]) for model in here], [("ViT-B/32", path)])
        self.assertEqual((here[0]["image_size"], here[0]["imagenet_top1"]), (224, 63.2))
        text = self.clip("models", "list").stdout
        self.assertRegex(text, r"ViT-B/32 +354 MB +151.3 M +224 px +63.2 % +[0-9.]+  yes")
        self.assertRegex(text, r"ViT-L/14@336px +934 MB +427.9 M +336 px +76.2 % +[0-9.]+  no")

    def test_the_cache_is_where_openai_s_package_has_it(self):
        done = run("models", "list", "--json",
                   environment={"HOME": str(self.folder), "CLIP_CACHE": ""})
        paths = {model["name"]: model["path"] for model in json_lines(done.stdout)}
        self.assertEqual(paths["ViT-B/32"], str(self.folder / ".cache/clip/ViT-B-32.pt"))

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
        self.assertEqual(done.stderr, "clip-cli: the model is ViT-B/32; --model names another\n")
        done = self.clip("score", "-q", "--json", photographs()[0], "a cat")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_name_that_is_not_there_says_how_to_get_it(self):
        done = self.clip("score", "--model", "vit-l-14-336", photographs()[0], "a cat")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("models pull ViT-L/14@336px", done.stderr)
        self.assertIn(str(self.cache), done.stderr)

    def test_a_model_that_is_here_is_listed_though_few_would_choose_it(self):
        names = [model["name"] for model in json_lines(self.clip("models", "list", "--json").stdout)]
        self.assertEqual(len(names), 12)
        self.assertNotIn("RN50x4", names)
        self.put("RN50x4.pt")
        listed = json_lines(self.clip("models", "list", "--json").stdout)
        self.assertIn("RN50x4", [model["name"] for model in listed])

    def test_an_unknown_name_suggests_the_nearest(self):
        for name, near in (("ViT-B/33", "ViT-B/32"), ("RN50x46", "RN50x4")):
            done = self.clip("score", "--model", name, photographs()[0], "a cat")
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"did you mean {near}?", done.stderr)
            for command in ("pull", "remove"):
                done = self.clip("models", command, name)
                self.assertEqual(done.returncode, 2)
                self.assertIn(near, done.stderr)
        done = self.clip("models", "remove", "nothing-like-it")
        self.assertEqual(done.returncode, 2)
        self.assertNotIn("did you mean", done.stderr)
        done = self.clip("score", "--model", "/no/such/model.pt", photographs()[0], "a cat")
        self.assertIn("/no/such/model.pt: No such file", done.stderr)

    def test_verify(self):
        path = self.put()
        for name in ("ViT-B/32", path):
            done = self.clip("models", "verify", name)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("is not ViT-B/32 as published", done.stderr)
        self.assertEqual(self.clip("models", "verify", self.folder / "none.pt").returncode, 1)

    def test_verify_a_file_that_goes_by_no_published_name(self):
        path = MODELS / "tiny.pt"
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        done = self.clip("models", "verify", path)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, f"every record of {path} is whole; it is none of the "
                                      f"published files: its SHA-256 is {digest}\n")
        done = self.clip("models", "verify", "--json", path)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(json_lines(done.stdout), [
            {"file": str(path), "sha256": digest, "published": None, "right": True,
             "checked_by": ["checksums"], "records": len(zipfile.ZipFile(path).namelist()), "damaged": []}])

    def test_verify_finds_a_flipped_bit_in_any_record(self):
        for model in ("tiny.pt", "published-tiny-rn.pt"):
            path = self.folder / model
            good = (MODELS / model).read_bytes()
            path.write_bytes(good)
            records = {name: (begin, size) for name, begin, size in stored_records(path)}
            # A record at a time, though not each of many alike; and all of them at once.
            alone = ["data.pkl", "constants.pkl", "version", *list(records)[::12]]
            for damaged in ([*([name] for name in alone), list(records)]):
                bad = bytearray(good)
                for name in damaged:
                    begin, size = records[name]
                    bad[begin + size // 2] ^= 1 << len(name) % 8
                path.write_bytes(bad)
                done = self.clip("models", "verify", "--json", path)
                self.assertEqual(done.returncode, 1, damaged)
                self.assertIn(min(damaged), done.stderr)
                result = json_lines(done.stdout)[0]
                self.assertEqual((result["right"], sorted(result["damaged"])),
                                 (False, sorted(damaged)))

    def test_verify_files_that_are_damaged_elsewhere(self):
        path = self.folder / "model.pt"
        good = (MODELS / "tiny.pt").read_bytes()
        for bad in (good[: len(good) // 2], good[:-30], good[:100], b"PK\3\4", b"no model"):
            path.write_bytes(bad)
            done = self.clip("models", "verify", path)
            self.assertEqual((done.returncode, done.stdout), (1, ""), len(bad))
            self.assertIn(str(path), done.stderr)
            result = json_lines(self.clip("models", "verify", "--json", path).stdout)[0]
            self.assertEqual((result["right"], result["records"]), (False, 0))
            self.assertEqual(set(result["error"]), {"code", "message"})

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

    def test_remove_as_json(self):
        path = self.put()
        done = self.clip("models", "remove", "--json", "vit-b-32")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(json_lines(done.stdout),
                         [{"name": "ViT-B/32", "path": path, "removed": True}])
        done = self.clip("models", "remove", "--json", "vit-b-32")
        self.assertEqual(done.returncode, 1)
        result = json_lines(done.stdout)[0]
        self.assertEqual((result["removed"], result["error"]["code"]), (False, "not_found"))

    def test_check_compares_the_engines(self):
        for model in ("published-tiny.pt", "tiny-rn.pt"):
            done = self.clip("models", "self-test", "--json", MODELS / model)
            self.assertEqual(done.returncode, 0, done.stderr)
            check = json_lines(done.stdout)[0]
            self.assertTrue(check["passed"])
            self.assertLess(check["difference"], 0.001)
            self.assertGreater(check["difference"], 0)  # two engines, not one twice
        done = self.clip("models", "self-test", MODELS / "tiny.pt", "--image", photographs()[0])
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
        done = self.pull("RN50", "vit-b-32", "--json", "--from", self.address)
        self.assertEqual(done.returncode, 1)
        results = json_lines(done.stdout)
        self.assertEqual([(result["name"], result["pulled"]) for result in results],
                         [("RN50", False), ("ViT-B/32", False)])
        for result in results:
            self.assertIn("404", result["error"]["message"])
            self.assertEqual(Path(result["path"]).parent, self.cache)

    def test_a_wrong_file_in_the_cache_is_replaced_only_by_a_right_one(self):
        path = Path(self.put())
        before = path.read_bytes()
        done = self.pull("vit-b-32", "--from", self.address)
        self.assertEqual(done.returncode, 1)
        self.assertIn("is replaced", done.stderr)
        self.assertEqual(path.read_bytes(), before)

    def test_without_a_mirror_three_hosts_are_asked_in_turn(self):
        # A proxy that refuses to lead to any of them, and notes who was asked for.
        asked = []

        class Proxy(http.server.BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def do_CONNECT(self):
                asked.append(self.path)
                self.send_error(403)

        proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
        self.addCleanup(proxy.server_close)
        self.addCleanup(proxy.shutdown)
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        # LeakSanitizer of LLVM 14 reads the thread-local memory of OpenSSL after its thread has gone.
        done = self.clip("models", "pull", "RN50", no_proxy="", NO_PROXY="",
                         https_proxy=f"http://127.0.0.1:{proxy.server_address[1]}",
                         ASAN_OPTIONS="intercept_tls_get_addr=0")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        hosts = ["openaipublic.azureedge.net:443", "openaipublic.blob.core.windows.net:443",
                 "huggingface.co:443"]
        self.assertEqual(list(dict.fromkeys(asked)), hosts)
        for host in hosts:
            self.assertIn(f"https://{host.removesuffix(':443')}/", done.stderr.splitlines()[-1])

    def test_file_addresses_and_folders(self):
        (self.folder / "www/RN50.pt").write_bytes(b"not the model")
        done = self.pull("RN50", "--from", (self.folder / "www").as_uri())
        self.assertEqual(done.returncode, 1)
        self.assertIn("SHA-256", done.stderr)


if __name__ == "__main__":
    unittest.main()
