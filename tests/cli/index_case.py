"""What the tests of `index` and `search` share: a folder of images, and a place for indexes."""

import json
import os
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from common import BINARY, MODELS, json_lines
from images import draw

TINY = MODELS / "tiny.pt"
OTHER = MODELS / "published-tiny.pt"
THIRD = MODELS / "published-tiny-rn.pt"


def call(*arguments, data=None, prefix=(), cwd=None, binary=BINARY, stdin=None):
    """Runs clip-cli with indexes kept in `data`. Names that are no UTF-8 are as os.fsdecode gives
    them."""
    variables = {key: value for key, value in os.environ.items() if key != "CLIP_MODEL"}
    if data is not None:
        variables["XDG_DATA_HOME"] = str(data)
    return subprocess.run([*prefix, binary, *map(str, arguments)], input=stdin, cwd=cwd,
                          capture_output=True, encoding="utf-8", errors="surrogateescape",
                          env=variables, check=False)


class IndexCase(unittest.TestCase):
    """`self.root`: the folder of images; `self.data`: where its index is kept."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.data, self.root = self.folder / "data", self.folder / "photos"
        self.root.mkdir()

    def draw(self, *names, first=0):
        """Images of their own by these names, below the root; gives the paths."""
        paths = [self.root / name for name in names]
        for seed, path in enumerate(paths, first):
            path.parent.mkdir(parents=True, exist_ok=True)
            draw(path, seed)
        return paths

    def call(self, *arguments, code=0, **options):
        done = call(*arguments, data=self.data, **options)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def index(self, *arguments, code=0, model=TINY, root=None, at_once=False, **options):
        """Refreshes the index; gives the report. A file that has changed just now may change again
        within the clock's step, so that the next refresh looks at it once more: unless `at_once`,
        this waits until all are older."""
        if not at_once:
            time.sleep(0.06)
        done = self.call("index", "--json", "--model", model, *arguments, root or self.root,
                         code=code, **options)
        report = json.loads(done.stdout)
        report["stderr"] = done.stderr
        return report

    def search(self, *arguments, model=TINY, root=None, **options):
        """The hits of a search, as --json prints them."""
        chosen = [] if model is None else ["--model", model]
        return json_lines(self.call("search", "--json", *chosen, "--in", root or self.root,
                                    *arguments, **options).stdout)

    def status(self, root=None):
        return json.loads(self.call("index", "--status", "--json", root or self.root).stdout)

    def found(self, *arguments, root=None, model=TINY):
        """The paths of all images that a search finds, relative to the folder, as they are."""
        root = root or self.root
        done = self.call("search", "--no-update", "-0", "--top", 1000000, "--model", model, "--in",
                         root, "anything", *arguments)
        paths = done.stdout.split("\0")
        self.assertEqual(paths.pop(), "")
        return [os.path.relpath(path, root) for path in paths]

    def check_whole(self, *expected, root=None):
        """The index is right, and has each of these files once, and no other."""
        self.assertEqual(sorted(self.found(root=root)), sorted(map(str, expected)))
        self.call("index", "--verify", root or self.root)

    def check_report(self, report, **expected):
        """The counts of a report: those that are not named are 0."""
        counts = ("added", "changed", "renamed", "copied", "deleted", "failed", "kept", "embedded")
        self.assertEqual({key: report[key] for key in counts},
                         {**dict.fromkeys(counts, 0), **expected})
