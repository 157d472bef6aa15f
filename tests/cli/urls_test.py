"""Images by URL, and on standard input: a server on the loopback that behaves and misbehaves."""

import base64
import http.server
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse
from pathlib import Path

from common import BINARY, MODELS, ROOT, json_lines, run

MODEL = MODELS / "tiny.pt"
CAT = ROOT / "data/demo/cat.png"
PROMPTS = ["a cat", "a dog"]


class Handler(http.server.BaseHTTPRequestHandler):
    asked = []

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", size=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if size is None else size))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        Handler.asked.append(self.path)
        cat = CAT.read_bytes()
        name = self.path.partition("?")[0].strip("/")
        if name == "cat.png":
            self.answer(200, cat)
        elif name == "moved":
            self.answer(302, b"text of the redirect", Location="/cat.png")
        elif name == "to-file":
            self.answer(302, Location=CAT.as_uri())
        elif name == "around":
            self.answer(302, Location="/around")
        elif name == "cut":
            self.answer(200, cat[:100], size=len(cat))
        elif name == "huge":
            self.answer(200, b"x" * 1000, size=300 << 20)
        elif name == "empty":
            self.answer(200)
        elif name == "page":
            self.answer(200, b"<!DOCTYPE html><html>no image</html>")
        elif name == "endless":
            self.send_response(200)
            self.end_headers()
            for _ in range(600):
                try:
                    self.wfile.write(b"x")
                    self.wfile.flush()
                except OSError:
                    return
                time.sleep(0.1)
        else:
            self.answer(404, b"nothing here")


class Urls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        cls.server.daemon_threads = True
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.base = f"http://127.0.0.1:{cls.server.server_port}"
        cls.expected = cls.scores(str(CAT))

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()

    @staticmethod
    def score(*arguments, stdin=None):
        return run("score", "--json", "-m", MODEL, *arguments, stdin=stdin)

    @classmethod
    def scores(cls, image):
        done = cls.score(image, *PROMPTS)
        assert done.returncode == 0, done.stderr
        return [pair["score"] for pair in json_lines(done.stdout)[0]["scores"]]

    def check_refused(self, image, *messages):
        done = self.score(image, *PROMPTS)
        self.assertEqual(done.returncode, 1, image)
        for message in messages:
            self.assertIn(message, done.stderr)
        # Results go on behind it.
        done = self.score("--image", image, "--image", CAT, *PROMPTS)
        self.assertEqual(["error" in result and bool(result["error"])
                          for result in json_lines(done.stdout)], [True, False])

    def test_fetched(self):
        self.assertEqual(self.scores(f"{self.base}/cat.png"), self.expected)
        self.assertEqual(self.scores(f"{self.base}/moved?size=large"), self.expected)
        self.assertEqual(self.scores(f"{self.base.upper()}/cat.png"), self.expected)
        result = json_lines(self.score(f"{self.base}/cat.png", *PROMPTS).stdout)[0]
        self.assertEqual(result["image"], f"{self.base}/cat.png")

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            odd = Path(folder) / "50% of ü #1?.png"
            odd.write_bytes(CAT.read_bytes())
            for url in (odd.as_uri(), "file://localhost" + urllib.parse.quote(str(odd)),
                        "file:" + urllib.parse.quote(str(odd))):
                self.assertEqual(self.scores(url), self.expected, url)
        self.check_refused("file://elsewhere/cat.png", "another machine, elsewhere")
        self.check_refused("file:///missing.png", "/missing.png")
        self.check_refused("file:///tmp/a%00.png", "NUL")

    def test_data(self):
        data = CAT.read_bytes()
        text = base64.b64encode(data).decode()
        for url in (f"data:image/png;base64,{text}", f"data:;base64,{text.rstrip('=')}",
                    f"DATA:image/png;charset=x;BASE64,{text[:40]}\n {text[40:]}",
                    "data:image/png;base64," + base64.urlsafe_b64encode(data).decode(),
                    "data:image/png;base64," + urllib.parse.quote(text, safe=""),
                    "data:image/png," + urllib.parse.quote(data, safe="")):
            with tempfile.NamedTemporaryFile("w", suffix=".txt") as listed:
                listed.write(url.replace("\n", ""))
                listed.flush()
                done = self.score("--images", listed.name, "--text", PROMPTS[0], "--text", PROMPTS[1])
            result = json_lines(done.stdout)[0]
            self.assertEqual([pair["score"] for pair in result["scores"]], self.expected, url[:60])
            self.assertLessEqual(len(result["image"]), 51)
        self.check_refused("data:image/png;base64,????", "no base64")
        self.check_refused("data:image/png;base64,AAAAA", "no base64")
        self.check_refused("data:image/png;base64,", "cannot use data:image/png;base64,")
        self.check_refused("data:text/html,<html>", "unsupported image format")

    def test_a_prompt_that_begins_like_a_url(self):
        done = self.score(CAT, "data: a bar chart, blue", "file this away")
        self.assertEqual(len(json_lines(done.stdout)[0]["scores"]), 2)

    def test_refused(self):
        self.check_refused(f"{self.base}/missing.png", "cannot fetch", "404")
        self.check_refused(f"{self.base}/to-file", "cannot fetch")
        self.check_refused(f"{self.base}/around", "redirects")
        self.check_refused(f"{self.base}/cut", "cannot fetch")
        self.check_refused(f"{self.base}/huge", "larger than 256 MiB")
        self.check_refused(f"{self.base}/empty", "empty")
        self.check_refused(f"{self.base}/page", "unsupported image format")
        self.check_refused("http://127.0.0.1:1/cat.png", "cannot fetch")

    def test_an_interrupt_ends_a_transfer(self):
        with subprocess.Popen([BINARY, "score", "-m", MODEL, f"{self.base}/endless", "a cat"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            while not any(path == "/endless" for path in Handler.asked):
                time.sleep(0.05)
            start = time.monotonic()
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)
            self.assertLess(time.monotonic() - start, 15)
        self.assertNotEqual(process.returncode, 0)

    def test_classify_a_list(self):
        done = run("classify", "-m", MODEL, "-", "--labels", "cat,dog", "--json",
                   stdin=f"{self.base}/cat.png\n{CAT}\n{CAT.as_uri()}\n")
        rankings = [result["ranking"] for result in json_lines(done.stdout)]
        self.assertEqual(len(rankings), 3)
        for other in rankings[1:]:
            self.assertEqual([each["label"] for each in other],
                             [each["label"] for each in rankings[0]])
            self.assert_close([each["score"] for each in other],
                              [each["score"] for each in rankings[0]])

    def test_batch_asks_for_permission(self):
        jobs = "".join(f'{{"id":{i},"op":"score","image":"{url}","texts":["a cat","a dog"]}}\n'
                       for i, url in enumerate((
                           f"{self.base}/cat.png", CAT.as_uri(),
                           "data:;base64," + base64.b64encode(CAT.read_bytes()).decode())))
        Handler.asked.clear()
        answers = json_lines(run("batch", "-m", MODEL, stdin=jobs).stdout)
        self.assertEqual([answer.get("error", {}).get("code") for answer in answers],
                         ["bad_image", "bad_image", None])
        self.assertIn("--allow-urls", answers[0]["error"]["message"])
        self.assertEqual(Handler.asked, [])
        answers = json_lines(run("batch", "-m", MODEL, "--allow-urls", stdin=jobs).stdout)
        for answer in answers:
            self.assert_close([pair["score"] for pair in answer["scores"]], self.expected)

    def assert_close(self, scores, expected):
        """Images that are embedded together may differ in the last bits from one that is alone."""
        self.assertEqual(len(scores), len(expected))
        for score, wanted in zip(scores, expected):
            self.assertAlmostEqual(score, wanted, delta=1e-4)

    def test_standard_input(self):
        def piped(*arguments, data=CAT.read_bytes()):
            return subprocess.run([BINARY, *map(str, arguments)], input=data, capture_output=True,
                                  check=False)

        done = piped("score", "--json", "-m", MODEL, "--image", "-", *PROMPTS)
        result = json_lines(done.stdout.decode())[0]
        self.assertEqual([pair["score"] for pair in result["scores"]], self.expected)
        self.assertEqual(result["image"], "-")
        done = piped("classify", "--json", "-m", MODEL, "--image", "-", "--labels", "cat,dog")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = piped("score", "-m", MODEL, "--image", "-", *PROMPTS, data=b"")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"standard input", done.stderr)
        self.assertIn(b"empty", done.stderr)
        for twice in (("--image", "-", "--images", "-"), ("--image", "-", "--image", "-"),
                      ("--image", "-", "--texts", "-")):
            self.assertEqual(piped("score", "-m", MODEL, *twice).returncode, 2, twice)


if __name__ == "__main__":
    unittest.main()
