"""A server on the loopback that behaves like the Hugging Face Hub, and a second one, on another port,
for the contents of large files, as the hub has them elsewhere. Both can be told to misbehave.
"""

import hashlib
import json
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote

from hub_common import git_digest

TOKEN = "hf_secret_of_this_test"
COMMIT = "c0ffee" * 6 + "cafe"
LARGE = 10_000  # bytes, from which contents are kept elsewhere


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        """Clients that go away, or are killed, are part of the tests."""


class Hub:
    def __init__(self):
        self.files = {}  # (repository, name): bytes
        self.revisions = {"main": COMMIT, "refs/pr/15": "ab" * 20}
        self.private = {}  # repository: (status, X-Error-Code)
        self.requests = []  # (server, method, path, headers)
        self.how = {}  # what goes wrong, by its name: see the handlers
        hub = self

        class Front(Handler):
            def answer(self, head):
                hub.answer_front(self, head)

        class Store(Handler):
            def answer(self, head):
                hub.answer_store(self)

        self.servers = [Server(("127.0.0.1", 0), kind) for kind in (Front, Store)]
        for server, name in zip(self.servers, ("front", "store")):
            server.hub, server.name = self, name
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.front, self.store = (f"http://127.0.0.1:{server.server_address[1]}"
                                  for server in self.servers)

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def put(self, repository, **files):
        for name, data in files.items():
            self.files[repository, name] = data

    def count(self, how):
        """How often this has gone wrong, this time included; never where it is not asked for."""
        if how not in self.how:
            return 0
        self.how[how] += 1
        return self.how[how]

    def answer_front(self, handler, head):
        if "busy" in self.how and self.count("busy") <= 2:
            return handler.refuse(429, {"Retry-After": self.how.get("retry_after", "1")})
        if "breaks" in self.how and self.count("breaks") <= 2:
            handler.close_connection = True
            return handler.connection.close()
        if "broken" in self.how:
            return handler.refuse(503)
        path = unquote(handler.path).lstrip("/")
        if "/resolve/" not in path:
            return handler.refuse(404)
        repository, rest = path.split("/resolve/")
        if repository == "org/renamed":
            return handler.redirect(handler.path.replace("/org/renamed/", "/org/small/"), 307)
        if repository in self.private:
            status, code = self.private[repository]
            if handler.headers.get("Authorization") != f"Bearer {TOKEN}":
                return handler.refuse(status, {"X-Error-Code": code})
        if not any(repository == known for known, _ in self.files):
            return handler.refuse(404, {"X-Error-Code": "RepoNotFound"})
        for revision, commit in [*self.revisions.items(), *((c, c) for c in self.revisions.values())]:
            if rest.startswith(revision + "/"):
                name = rest.removeprefix(revision + "/")
                break
        else:
            return handler.refuse(404, {"X-Error-Code": "RevisionNotFound"})
        headers = {"X-Repo-Commit": commit}
        data = self.files.get((repository, name))
        if data is None:
            return handler.refuse(404, {**headers, "X-Error-Code": "EntryNotFound"})
        if len(data) < LARGE:
            return handler.send({**headers, "ETag": f'"{git_digest(data)}"'}, data, head)
        digest = hashlib.sha256(data).hexdigest()
        size = str(int(self.how.get("size", len(data))))
        headers |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": size, "ETag": '"other"'}
        if "no_etag" in self.how:
            headers = {"X-Repo-Commit": commit, "ETag": '"12345"'}
        if "no_commit" in self.how:
            del headers["X-Repo-Commit"]
        return handler.redirect(f"{self.store}/{repository}/{name}", 302, headers)

    def answer_store(self, handler):
        repository, name = handler.path.lstrip("/").rsplit("/", 1)
        data = self.files[repository, name]
        if self.count("cut") and self.how["cut"] <= 2:
            return handler.send({}, data, cut=len(data) // 3)
        if "wrong" in self.how:
            data = data[:-1] + b"!"
        if "page" in self.how:
            data = b"<html>please log in</html>"
        if "endless" in self.how:
            data *= 3
        return handler.send({}, data, pause=self.how.get("pause", 0))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        self.begin(True)

    def do_GET(self):
        self.begin(False)

    def begin(self, head):
        hub = self.server.hub
        hub.requests.append((self.server.name, self.command, self.path, dict(self.headers)))
        try:
            self.answer(head)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def refuse(self, status, headers=None):
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def redirect(self, location, status, headers=None):
        self.refuse(status, {**(headers or {}), "Location": location})

    def send(self, headers, data, head=False, cut=None, pause=0):
        wanted = self.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if start >= len(data) > 0:
            return self.refuse(416)
        self.send_response(206 if start else 200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if head:
            return None
        body = data[start:] if cut is None else data[start : start + cut]
        for at in range(0, len(body), 50_000):
            self.wfile.write(body[at : at + 50_000])
            time.sleep(pause)
        if cut is not None:
            self.close_connection = True
        return None


def index_of(*shards):
    return json.dumps({"metadata": {}, "weight_map": {f"t{i}": name for i, name in
                                                      enumerate(shards)}}).encode()
