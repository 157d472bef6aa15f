"""Parquet files as readers that are not ours give them: DuckDB, which takes any query, and
hyparquet. Fails by name where they are not installed; nothing is skipped."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READERS = ROOT / "build/parquet-readers"

if not (READERS / "complete").exists():
    sys.exit("missing DuckDB and hyparquet: scripts/install-parquet-readers")
if shutil.which("node") is None:
    sys.exit("missing node: apt-get install nodejs")


def _read(*arguments):
    done = subprocess.run(["node", ROOT / "tests/support/read_parquet.mjs", READERS, *arguments],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"read_parquet.mjs failed: {done.stderr}")
    # Not splitlines: texts may hold other line breaks than the one that ends a line of JSON.
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def duckdb(query):
    """The rows of a query, a dictionary each; whole numbers of 64 bits are texts."""
    return _read("query", query)


def hyparquet(*files):
    """The rows of files, one after the other, likewise."""
    return _read("hyparquet", *map(str, files))
