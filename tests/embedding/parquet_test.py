#!/usr/bin/env python3
"""Parquet files as DuckDB and hyparquet read them: parquet_test.py WRITE_PARQUET"""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support")]
from parquet_readers import duckdb, hyparquet  # noqa: E402

WRITE = sys.argv.pop(1)


class Parquet(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.file = str(Path(self.folder.name) / "a.parquet")

    def written(self, rows, group_bytes, seed=1):
        """The rows that were written."""
        done = subprocess.run([WRITE, self.file, str(rows), str(group_bytes), str(seed)],
                              capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_rows_of_many_groups(self):
        for rows, group_bytes in ((1, 1 << 20), (8, 1 << 20), (9, 1), (1000, 1 << 20), (5000, 3000)):
            expected = self.written(rows, group_bytes, seed=rows)
            self.assertEqual(len(expected), rows)
            self.assertEqual(duckdb(f"SELECT * FROM '{self.file}'"), expected)
            self.assertEqual(hyparquet(self.file), expected)

    def test_groups_are_bounded(self):
        self.written(5000, 10000)
        sizes = duckdb("SELECT row_group_id AS id, sum(total_uncompressed_size)::INT AS bytes "
                       f"FROM parquet_metadata('{self.file}') GROUP BY ALL ORDER BY ALL")
        self.assertGreater(len(sizes), 20)
        self.assertLess(max(group["bytes"] for group in sizes), 10000)

    def test_no_rows(self):
        self.assertEqual(self.written(0, 1 << 20), [])
        self.assertEqual(duckdb(f"SELECT * FROM '{self.file}'"), [])
        self.assertEqual(hyparquet(self.file), [])
        columns = duckdb(f"DESCRIBE SELECT * FROM '{self.file}'")
        self.assertEqual([(column["column_name"], column["column_type"]) for column in columns],
                         [("always", "VARCHAR"), ("text", "VARCHAR"), ("whole", "BIGINT"),
                          ("number", "DOUBLE"), ("flag", "BOOLEAN"), ("never", "VARCHAR")])

    def test_facts(self):
        self.written(3, 1 << 20)
        facts = duckdb("SELECT decode(key) AS key, decode(value) AS value "
                       f"FROM parquet_kv_metadata('{self.file}')")
        self.assertEqual(facts, [{"key": "model", "value": "b0f5"}, {"key": "empty", "value": ""}])


if __name__ == "__main__":
    unittest.main()
