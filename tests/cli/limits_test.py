"""Limits of control groups, in real ones: groups in groups, whose outer one limits. Where no groups
can be made, which takes root and a mount that may be written, the test says so and tests that the
program runs; test_base tests the same on a tree of files."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from common import BINARY, MODELS, ROOT

from PIL import Image

TINY = MODELS / "published-tiny.pt"
IN_GROUP = 'echo $$ > "$0/cgroup.procs" && exec "$@"'


def mounts():
    """Where version 2 and each controller of version 1 is mounted."""
    found = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, (kind, _, options) = line.split(" - ")[0].split(), line.split(" - ")[1].split()[:3]
        if kind == "cgroup":
            found.update({name: Path(fields[4]) for name in options.split(",")})
        elif kind == "cgroup2":
            found["unified"] = Path(fields[4])
    return found


class Groups(unittest.TestCase):
    def group(self, controller, limits):
        """A group two below a new one that has the limits; None where none can be made."""
        folders = mounts()
        old = folders.get(controller)
        top = old or folders.get("unified")
        if top is None:
            return None
        outer = top / f"clip-cli-test-{os.getpid()}"
        made = [outer, outer / "a", outer / "a/b"]
        try:
            for folder in made:
                folder.mkdir()
                self.addCleanup(folder.rmdir)
                if old is None and folder is not made[-1]:
                    (folder / "cgroup.subtree_control").write_text(f"+{controller}")
            for name, value in limits["old" if old else "new"].items():
                (outer / name).write_text(value)
        except OSError as error:
            print(f"no groups of {controller} can be made here: {error}")
            return None
        return made[-1]

    def run_in(self, group, *arguments):
        words = [BINARY, *map(str, arguments)]
        if group is not None:
            words = ["sh", "-c", IN_GROUP, str(group), *words]
        return subprocess.run(words, capture_output=True, text=True, check=False, env={
            name: value for name, value in os.environ.items()
            if name not in ("OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK")})

    def test_processors(self):
        group = self.group("cpu", {"old": {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "100000"},
                                   "new": {"cpu.max": "100000 100000"}})
        done = self.run_in(group, "benchmark", "--json", "--model", TINY, "--seconds", "0", "--batch", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        expected = len(os.sched_getaffinity(0)) if group is None else 1
        self.assertLessEqual(json.loads(done.stdout)["threads"], expected)

    def test_memory(self):
        limit = "314572800"  # 300 MiB: half of it is for images
        group = self.group("memory", {"old": {"memory.limit_in_bytes": limit},
                                      "new": {"memory.max": limit}})
        with tempfile.TemporaryDirectory() as folder:
            image = Path(folder) / "large.png"
            Image.new("RGB", (9000, 8000), (1, 2, 3)).save(image)
            done = self.run_in(group, "score", "--model", ROOT / "data/demo/demo-model.pt", image, "a cat")
        if group is None:
            self.assertEqual(done.returncode, 0, done.stderr)
            return
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("--max-memory", done.stderr)
        self.assertIn("the limit is 150", done.stderr)


if __name__ == "__main__":
    unittest.main()
