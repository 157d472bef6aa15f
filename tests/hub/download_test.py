"""Downloads from a real server on the loopback that misbehaves in every way: download_test.py BINARY

Each ends with the right file under its name, or with a clear error and no file under it.
"""

import hashlib
import os
import random
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler
from pathlib import Path

BINARY = sys.argv.pop(1)
DATA = random.Random(1).randbytes(3_000_000)
DIGEST = hashlib.sha256(DATA).hexdigest()


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class Handler(BaseHTTPRequestHandler):
    """Answers by the first part of the path; notes which ranges it was asked for."""

    asked = []
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def start(self):
        """The offset that was asked for."""
        wanted = self.headers.get("Range")
        return int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0

    def send(self, data, start, length=None, pause=0.0):
        """data[start:] as a part or as a whole, but only `length` bytes of it."""
        if start >= len(data) > 0:
            return self.refuse(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        body = data[start:] if length is None else data[start : start + length]
        for at in range(0, len(body), 50_000):
            self.wfile.write(body[at : at + 50_000])
            time.sleep(pause)
        if length is not None and length < len(data) - start:
            self.close_connection = True
        return None

    def refuse(self, code):
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        what = self.path.strip("/").split("/")[0]
        start = self.start()
        Handler.asked.append(start)
        count = len(Handler.asked)
        try:
            getattr(self, f"get_{what.replace('-', '_')}")(start, count)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def get_right(self, start, count):
        self.send(DATA, start)

    def get_breaks_off(self, start, count):
        self.send(DATA, start, 1_100_000)

    def get_breaks_off_and_ignores_ranges(self, start, count):
        self.send(DATA, 0, 1_000_000 if count < 3 else None)

    def get_always_breaks_off_at_once(self, start, count):
        self.send(DATA, 0, 1_000_000)

    def get_ignores_ranges(self, start, count):
        self.send(DATA, 0)

    def get_missing(self, start, count):
        self.refuse(404)

    def get_broken(self, start, count):
        self.refuse(500)

    def get_broken_at_first(self, start, count):
        self.refuse(503) if count < 3 else self.send(DATA, start)

    def get_wrong(self, start, count):
        self.send(DATA[:-1] + b"x", start)

    def get_empty(self, start, count):
        self.send(b"", 0)

    def get_page(self, start, count):
        self.send(b"<html>please log in</html>", 0)

    def get_endless(self, start, count):
        self.send_response(200)
        self.close_connection = True
        self.end_headers()
        while True:
            self.wfile.write(DATA)

    def get_stalls(self, start, count):
        self.send_response(200)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        self.wfile.write(DATA[:1_000_000])
        time.sleep(30)

    def get_stalls_once(self, start, count):
        self.get_stalls(start, count) if count == 1 else self.send(DATA, start)

    def get_slow(self, start, count):
        self.send(DATA, start, pause=0.05)

    def get_other_range(self, start, count):
        """A part, but not the one that was asked for."""
        self.send_response(206)
        self.send_header("Content-Range", f"bytes 10-{len(DATA) - 1}/{len(DATA)}")
        self.send_header("Content-Length", str(len(DATA) - 10))
        self.end_headers()
        self.wfile.write(DATA[10:])

    def get_moved(self, start, count):
        self.send_response(302)
        self.send_header("Location", "/right/x")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def get_moved_to_a_file(self, start, count):
        self.send_response(302)
        self.send_header("Location", "file:///etc/passwd")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def get_moved_in_circles(self, start, count):
        self.send_response(302)
        self.send_header("Location", self.path)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Downloads(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(("127.0.0.1", 0), Handler)
        cls.address = f"http://127.0.0.1:{cls.server.server_address[1]}"
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "cache" / "model.pt"
        self.part = Path(f"{self.path}.part")
        Handler.asked = []

    def command(self, what, *more):
        address = what if "://" in what else f"{self.address}/{what}/model.pt"
        return [BINARY, address, str(self.path), DIGEST, *map(str, more)]

    def download(self, what, *more, prefix=()):
        variables = {key: value for key, value in os.environ.items()
                     if not key.lower().endswith("_proxy")}
        return subprocess.run([*prefix, *self.command(what, *more)], capture_output=True, text=True,
                              check=False, env=variables)

    def leave_part(self, data):
        self.path.parent.mkdir(exist_ok=True)
        self.part.write_bytes(data)

    def check_right(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(hashlib.sha256(self.path.read_bytes()).hexdigest(), DIGEST)
        self.assertEqual([path.name for path in self.path.parent.iterdir()], ["model.pt"])

    def check_failed(self, done, *words):
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertFalse(self.path.exists())
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_right(self):
        self.check_right(self.download("right"))
        self.assertEqual(Handler.asked, [0])

    def test_moved(self):
        self.check_right(self.download("moved"))

    def test_breaks_off(self):
        done = self.download("breaks-off")
        self.check_right(done)
        self.assertEqual(Handler.asked, [0, 1_100_000, 2_200_000])
        self.assertIn("again:", done.stdout)

    def test_breaks_off_and_ignores_ranges(self):
        self.check_right(self.download("breaks-off-and-ignores-ranges"))

    def test_always_breaks_off_at_the_same_place(self):
        self.check_failed(self.download("always-breaks-off-at-once"), "1000000 bytes have come",
                          "goes on from there")
        self.assertEqual(len(Handler.asked), 3)

    def test_resumes_what_an_earlier_run_left(self):
        self.leave_part(DATA[:2_000_000])
        self.check_right(self.download("right"))
        self.assertEqual(Handler.asked, [2_000_000])

    def test_resumes_from_a_server_that_ignores_ranges(self):
        self.leave_part(DATA[:2_000_000])
        self.check_right(self.download("ignores-ranges"))

    def test_what_is_left_is_whole(self):
        self.leave_part(DATA)
        self.check_right(self.download("right"))

    def test_what_is_left_is_of_another_file(self):
        self.leave_part(b"x" * 2_000_000)
        self.check_right(self.download("right"))
        self.assertEqual(Handler.asked, [2_000_000, 0])
        self.path.unlink()
        self.leave_part(b"x" * 4_000_000)
        self.check_right(self.download("right"))

    def test_another_range_than_was_asked_for(self):
        self.leave_part(DATA[:1_000_000])
        self.check_failed(self.download("other-range"), "SHA-256")
        self.assertFalse(self.part.exists())

    def test_missing(self):
        self.check_failed(self.download("missing"), "404", self.address)
        self.assertEqual(len(Handler.asked), 1)

    def test_broken(self):
        self.check_failed(self.download("broken"), "500", "3 times")
        self.assertEqual(len(Handler.asked), 3)

    def test_broken_at_first(self):
        self.check_right(self.download("broken-at-first"))

    def test_wrong_bytes(self):
        for what in ("wrong", "page", "empty"):
            self.check_failed(self.download(what), "SHA-256", DIGEST, "thrown away")
            self.assertFalse(self.part.exists())

    def test_endless(self):
        self.check_failed(self.download("endless"), "more than")

    def test_stalls(self):
        start = time.monotonic()
        done = self.download("stalls-once", 1)
        self.check_right(done)
        self.assertEqual(Handler.asked, [0, 1_000_000])
        self.assertLess(time.monotonic() - start, 20)

    def test_moved_elsewhere(self):
        self.check_failed(self.download("moved-to-a-file"), "moved-to-a-file")
        self.check_failed(self.download("moved-in-circles"), "redirect")

    def test_nobody_there(self):
        self.check_failed(self.download("http://127.0.0.1:9/model.pt"), "127.0.0.1", "3 times")
        self.check_failed(self.download("gopher://127.0.0.1/model.pt"), "gopher")

    def test_file_address(self):
        source = self.path.parent.parent / "mirror.pt"
        source.write_bytes(DATA)
        self.check_right(self.download(source.as_uri()))
        self.path.unlink()
        for left in (DATA[:1_000_000], DATA, DATA + b"x"):
            self.leave_part(left)
            self.check_right(self.download(source.as_uri()))
            self.path.unlink()
        self.check_failed(self.download(source.as_uri() + "x"), "mirror.ptx")

    def test_killed_and_gone_on(self):
        process = subprocess.Popen(self.command("slow"))
        while not self.part.exists() or self.part.stat().st_size < 500_000:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertFalse(self.path.exists())
        self.check_right(self.download("right"))
        self.assertGreaterEqual(Handler.asked[1], 500_000)

    def test_two_at_once(self):
        process = subprocess.Popen(self.command("slow"))
        while not self.part.exists() or self.part.stat().st_size == 0:
            time.sleep(0.01)
        done = self.download("right")
        self.assertEqual(done.returncode, 1)
        self.assertIn("another process", done.stderr)
        self.assertEqual(process.wait(), 0)
        self.assertEqual(self.path.read_bytes(), DATA)

    def test_full_disk(self):
        disk = self.path.parent
        disk.mkdir()
        script = 'mount -t tmpfs -o size=1m tmpfs "$0" || exit 77; "$@"; code=$?; ls "$0" >&2; exit $code'
        # Root needs no namespace of users, and gets none in a chroot.
        users = [] if os.geteuid() == 0 else ["--map-root-user"]
        done = self.download("right", prefix=["unshare", "--mount", *users, "sh", "-c", script,
                                              str(disk)])
        self.assertEqual(done.returncode, 1, f"needs unshare and mount: {done.stderr}")
        self.assertIn("No space left", done.stderr)
        self.assertEqual(done.stderr.splitlines()[1:], ["model.pt.part"])

    def test_folder_that_cannot_be_written(self):
        self.path.parent.mkdir()
        self.path.parent.chmod(0o555)
        prefix = [] if os.geteuid() else ["setpriv", "--bounding-set",
                                          "-dac_override,-dac_read_search"]
        self.check_failed(self.download("right", prefix=prefix), "Permission denied",
                          str(self.part))
        self.path.parent.chmod(0o755)
        self.path.parent.rmdir()
        self.path.parent.write_text("a file where the folder should be")
        self.check_failed(self.download("right"), str(self.path.parent))


if __name__ == "__main__":
    unittest.main()
