"""Embeddings in PostgreSQL: psql fills tables with what embed writes, and search finds there what it
finds in an index. CLIP_TEST_DATABASE names a server that has pgvector; without it the test starts
one, and pgvector's type is a stand-in (postgres_server.py)."""

import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
import unittest
from pathlib import Path

from common import BINARY, json_lines, need, run
from images import draw
from postgres_server import PASSWORD, Server

numpy = need("numpy")

MODEL = ["--model", "demo"]
# Names that COPY has to escape, and some that SQL would like to run.
ODD_NAMES = ["a\tb.png", "new\nline.png", "back\\slash.png", "\\N.png", "\\..png", "'; DROP TABLE images; --.png",
             'quo"te.png', "café.png", "cr\rback.png", "[1,2].png"]


class Database(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = Path(temporary.name)
        os.environ["XDG_DATA_HOME"] = str(cls.folder / "data")
        photos = cls.folder / "photos"
        photos.mkdir()
        for seed in range(60):
            draw(photos / f"{seed:03}.png", seed)
        for seed, name in enumerate(ODD_NAMES):
            draw(photos / name, 100 + seed)
        (photos / "bad.jpg").write_text("no image")
        os.chdir(cls.folder)
        if cls.server.stand_in:
            from postgres_server import STAND_IN
            cls.server.psql(STAND_IN)
        cls.fill("images")
        cls.fill("arrays", "--vector-type", "array")
        done = run("embed", *MODEL, "photos", "--batch", "1", "-o", "photos.npy", "-q")
        assert done.returncode == 1, done.stderr
        cls.lines = json_lines(Path("photos.jsonl").read_text())
        cls.vectors = numpy.load("photos.npy")

    @classmethod
    def ddl(cls, table, *arguments):
        script = run("embed", "--ddl", "--table", table, *MODEL, *arguments).stdout
        # The stand-in is no extension.
        return script.replace("CREATE EXTENSION IF NOT EXISTS vector;\n", "") if cls.server.stand_in else script

    @classmethod
    def fill(cls, table, *arguments):
        """As people do it: embed ... | psql"""
        cls.server.psql(f"DROP TABLE IF EXISTS {table};")
        cls.server.psql(cls.ddl(table, *arguments))
        command = ('"$0" embed photos --model demo --batch 1 -q --format pgvector --table "$1" "${@:3}" | '
                   'psql -X -q "$2"; echo "${PIPESTATUS[*]}"')
        done = subprocess.run(["bash", "-c", command, BINARY, table, cls.server.address, *arguments],
                              capture_output=True, text=True, check=True)
        assert done.stdout == "1 0\n", (done.stdout, done.stderr)  # one image is bad

    def search(self, *arguments, table="images", code=0, address=None, environment=None):
        done = run("search", *MODEL, "--database", address or self.server.address, "--table", table,
                   *arguments, environment=environment)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def fails(self, words, *arguments, code=1, **options):
        done = self.search(*arguments, code=code, **options)
        self.assertEqual(done.stdout, "")
        self.assertIn(words, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        return done.stderr

    # --- what psql has taken ---

    def test_rows_are_those_of_the_array(self):
        expected = {line["image"]: row for line, row in zip(self.lines, self.vectors)
                    if "error" not in line}
        self.assertEqual(len(expected), 70)
        for table in ("images", "arrays"):
            rows = json.loads(self.server.psql(
                f"SELECT json_agg(json_build_array(path, embedding::text)) FROM {table}"))
            self.assertEqual({path for path, _ in rows}, set(expected))
            for path, text in rows:
                row = numpy.array([float(number) for number in text.strip("[]{}").split(",")], "float32")
                numpy.testing.assert_array_equal(row, expected[path])

    def test_texts(self):
        Path("texts.txt").write_text("a cat\na dog\\t and a \\. cat\n\n")
        self.server.psql("DROP TABLE IF EXISTS texts;")
        self.server.psql(self.ddl("texts", "--texts", "texts.txt"))
        self.server.psql(run("embed", *MODEL, "--texts", "texts.txt", "--format", "pgvector", "--table",
                             "texts").stdout)
        self.assertEqual(self.server.psql("SELECT text FROM texts ORDER BY text"),
                         "a cat\na dog\\t and a \\. cat")

    def test_captions(self):
        caption = "tab\t, line\n, \\N, 'quotes' \U0001f408"
        sample = {"url": "http://a/\\", "nul": "a\0b", "escaped": "\\u0000", "width": 3}
        with tarfile.open("captions.tar", "w") as tar:
            for name, content in (("0.png", Path("photos/000.png").read_bytes()), ("0.txt", caption.encode()),
                                  ("0.json", json.dumps(sample).encode()), ("0.cls", b"7"),
                                  ("1.png", Path("photos/001.png").read_bytes()), ("1.json", b"{broken")):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        self.server.psql("DROP TABLE IF EXISTS captions;")
        self.server.psql(self.ddl("captions", "--captions"))
        self.server.psql(run("embed", *MODEL, "captions.tar", "--format", "pgvector", "--table", "captions",
                             "--captions").stdout)
        rows = json.loads(self.server.psql("SELECT json_agg(json_build_array(path, caption, class, metadata) "
                                           "ORDER BY path) FROM captions"))
        self.assertEqual(rows, [["captions.tar/0.png", caption, "7", {**sample, "nul": "a\ufffdb"}],
                                ["captions.tar/1.png", None, None, "{broken"]])

    def test_an_odd_table(self):
        odd = '"odd ""table""; DROP TABLE images; --"'
        self.server.psql(f"DROP TABLE IF EXISTS public.{odd};")
        self.server.psql(self.ddl(f"public.{odd}"))
        self.server.psql(run("embed", *MODEL, "photos/000.png", "--format", "pgvector", "--table",
                             f"public.{odd}").stdout)
        found = json_lines(self.search("--json", "red", table=f"public.{odd}").stdout)
        self.assertEqual([hit["image"] for hit in found], ["photos/000.png"])

    def test_a_name_that_is_not_utf8_has_no_row(self):
        Path("latin").mkdir(exist_ok=True)
        shutil.copy("photos/000.png", b"latin/caf\xe9.png")
        shutil.copy("photos/001.png", "latin/plain.png")
        done = run("embed", *MODEL, "latin", "--format", "pgvector")
        self.assertEqual(done.returncode, 1)
        self.assertIn("its name is not UTF-8", done.stderr)
        self.assertEqual([line.split("\t")[0] for line in done.stdout.splitlines()[4:-2]],
                         ["latin/plain.png"])

    def test_rows_are_never_run_as_statements(self):
        """Where the table is missing, psql stops, whatever the names of files say."""
        script = run("embed", *MODEL, "photos", "--format", "pgvector", "--table", "missing").stdout
        script = script.replace("photos/000.png", "; CREATE TABLE pwned(); --")
        done = subprocess.run(["psql", "-X", self.server.address], input=script, capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn('relation "missing" does not exist', done.stderr)
        self.assertEqual(self.server.psql("SELECT to_regclass('pwned') IS NULL"), "t")

    def test_a_run_that_is_killed_adds_no_rows(self):
        self.server.psql("DROP TABLE IF EXISTS killed;")
        self.server.psql(self.ddl("killed"))
        script = run("embed", *MODEL, "photos", "--format", "pgvector", "--table", "killed").stdout
        for cut in (script[:len(script) // 2], script[:-len("COMMIT;\n")], script[:-len("\\.\nCOMMIT;\n")]):
            self.server.psql(cut, check=False)
            self.assertEqual(self.server.psql("SELECT count(*) FROM killed"), "0")
        self.server.psql(script)
        self.assertEqual(self.server.psql("SELECT count(*) FROM killed"), "70")

    def test_without_the_extension(self):
        if not self.server.stand_in:
            return self.assertEqual(self.server.psql("SELECT count(*) FROM pg_extension WHERE extname = 'vector'"), "1")
        script = run("embed", "--ddl", "--table", "no_extension", *MODEL).stdout
        done = self.server.psql(script, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn('extension "vector" is not available', done.stderr)
        self.assertEqual(self.server.psql("SELECT to_regclass('no_extension') IS NULL"), "t")

    # --- what search finds ---

    def test_the_hits_are_those_of_an_index(self):
        for query in (["a red car"], ["night", "+", "2:snow", "-", "green"], ["--like", "photos/007.png"]):
            expected = json_lines(run("search", *MODEL, "--in", "photos", "--json", "--top", "25", "-q", *query).stdout)
            self.assertEqual(len(expected), 25)
            for table in ("images", "arrays"):
                found = json_lines(self.search("--json", "--top", "25", *query, table=table).stdout)
                self.assertEqual([hit["rank"] for hit in found], list(range(1, 26)))
                by_name = {hit["image"]: hit["score"] for hit in found}
                for hit in expected[:20]:  # an index keeps float16: neighbours may change places
                    self.assertAlmostEqual(by_name[hit["image"]], hit["score"], delta=0.05)
                scores = [hit["score"] for hit in found]
                self.assertEqual(scores, sorted(scores, reverse=True))

    def test_scores_are_cosines(self):
        job = json.dumps({"op": "embed", "text": "a red car"})
        text = numpy.array(json.loads(run("batch", *MODEL, stdin=job).stdout)["embedding"])
        cosines = {line["image"]: float(row.astype("float64") @ text)
                   for line, row in zip(self.lines, self.vectors) if "error" not in line}
        best = sorted(cosines, key=lambda name: -cosines[name])
        for table in ("images", "arrays"):
            found = json_lines(self.search("--json", "--top", "70", "a red car", table=table).stdout)
            self.assertEqual([hit["image"] for hit in found][:10], best[:10])
            self.assertEqual(len(found), 70)
            for hit in found:
                self.assertAlmostEqual(hit["score"], 100 * cosines[hit["image"]], delta=1e-3)

    def test_min_score(self):
        every = json_lines(self.search("--json", "--top", "70", "a cat").stdout)
        limit = every[20]["score"]
        some = json_lines(self.search("--json", "--top", "70", "--min-score", limit, "a cat").stdout)
        self.assertEqual(len(some), 21)
        self.assertIn("as high as --min-score", self.search("--min-score", "101", "a cat").stderr)

    def test_formats(self):
        expected = [hit["image"] for hit in json_lines(self.search("--json", "a cat").stdout)]
        self.assertEqual(self.search("-0", "a cat").stdout.split("\0")[:-1], expected)
        self.assertEqual(self.search("-l", "--top", "1", "a cat").stdout, expected[0] + "\n")
        table = self.search("--tsv", "a cat").stdout.splitlines()
        self.assertEqual(table[0], "rank\tscore\timage")
        self.assertEqual(len(table), 11)
        self.search("a cat", "--report", "hits.html", "-o", "hits.jsonl")
        self.assertEqual([hit["image"] for hit in json_lines(Path("hits.jsonl").read_text())], expected)
        self.assertIn("data:image/jpeg;base64,", Path("hits.html").read_text())
        Path("queries.txt").write_text("a cat\na dog\n")
        answers = json_lines(self.search("--queries", "queries.txt").stdout)
        self.assertEqual([answer["query"] for answer in answers], ["a cat", "a dog"])
        self.assertEqual([hit["image"] for hit in answers[0]["hits"]], expected)
        done = self.search("a cat", "--sort-into", "sorted", "--top", "2")
        self.assertEqual(len(list(Path("sorted").rglob("*.png"))), 2, done.stderr)

    def test_queries_are_no_sql(self):
        hits = json_lines(self.search("--json", "'; DROP TABLE images; --", "--top", "3").stdout)
        self.assertEqual(len(hits), 3)
        self.assertEqual(self.server.psql("SELECT count(*) FROM images"), "70")

    def test_columns_and_schemas(self):
        self.server.psql('DROP VIEW IF EXISTS "My view"; CREATE VIEW "My view" AS '
                         'SELECT row_number() OVER () AS "Id", embedding AS "V e c" FROM images;')
        hits = json_lines(self.search("--json", "a cat", "--key", "Id", "--column", "V e c", table="My view").stdout)
        self.assertEqual(len({int(hit["image"]) for hit in hits}), 10)
        # The type and its operator are found wherever they lie.
        hidden = {"PGOPTIONS": "-c search_path=pg_catalog"}
        hits = json_lines(self.search("--json", "a cat", table="public.images", environment=hidden).stdout)
        self.assertEqual(len(hits), 10)
        self.fails("has no table images", "a cat", environment=hidden)

    def test_rows_without_a_vector_are_no_hits(self):
        zeros = ",".join(["0"] * self.vectors.shape[1])
        for table, text in (("images", f"[{zeros}]"), ("arrays", f"{{{zeros}}}")):
            self.server.psql(f"DROP TABLE IF EXISTS sparse; CREATE TABLE sparse AS SELECT path, embedding FROM {table} "
                             f"LIMIT 3; INSERT INTO sparse VALUES ('null', NULL), ('zero', '{text}');")
            if self.server.stand_in and table == "images":
                self.server.psql("DELETE FROM sparse WHERE path = 'zero'")  # it divides by zero
            hits = json_lines(self.search("--json", "a cat", table="sparse").stdout)
            self.assertEqual(len(hits), 3)
            self.assertFalse({hit["image"] for hit in hits} & {"null", "zero"})

    def test_pgvector_itself(self):
        """halfvec, and an index that must give more hits than the 40 that it looks at by default."""
        if self.server.stand_in:
            return
        self.fill("halves", "--vector-type", "halfvec")
        expected = json_lines(self.search("--json", "--top", "5", "a cat").stdout)
        found = json_lines(self.search("--json", "--top", "5", "a cat", table="halves").stdout)
        for one, other in zip(expected, found):
            self.assertAlmostEqual(one["score"], other["score"], delta=0.05)
        script = self.ddl("images")
        index = re.search(r"^-- (CREATE INDEX .*;)$", script, re.MULTILINE).group(1)
        self.server.psql("DROP TABLE IF EXISTS many; CREATE TABLE many AS SELECT path || n AS path, embedding "
                         "FROM images, generate_series(1, 50) n; " + index.replace('"images"', "many"))
        plan = self.server.psql("EXPLAIN SELECT path FROM many ORDER BY embedding <=> "
                                "(SELECT embedding FROM images LIMIT 1) LIMIT 200")
        self.assertIn("Index Scan using", plan)
        self.assertEqual(len(json_lines(self.search("--json", "--top", "200", "a cat", table="many").stdout)), 200)
        self.assertEqual(len(json_lines(self.search("--json", "--top", "1500", "a cat", table="many").stdout)), 1500)

    # --- what can be wrong ---

    def test_what_is_not_there(self):
        self.fails("has no table nonesuch", "a cat", table="nonesuch")
        self.fails("the table images has no column other; it has path, embedding", "a cat", "--column", "other")
        self.fails("the table images has no column id; it has", "a cat", "--key", "id")
        self.fails("images.path is of the type text; vectors are of pgvector's types", "a cat", "--column", "path")
        self.fails("no table's name", "a cat", table="a.b.c", code=2)
        self.fails("no name in a database", "a cat", "--column", "x" * 64, code=2)

    def test_another_dimension(self):
        self.server.psql("DROP TABLE IF EXISTS short, short_arrays; CREATE TABLE short(path text, embedding vector(3)); "
                         "INSERT INTO short VALUES ('a', '[1,2,3]'); CREATE TABLE short_arrays(path text, embedding real[]);"
                         "INSERT INTO short_arrays VALUES ('a', '{1,2,3}')")
        for table in ("short", "short_arrays"):
            words = f"has {self.vectors.shape[1]} numbers, and those of {table}.embedding have 3"
            self.fails(words, "a cat", table=table)
        self.server.psql("ALTER TABLE short ALTER embedding TYPE vector")
        self.fails("different vector dimensions 3 and", "a cat", table="short")

    def test_another_model(self):
        self.server.psql("DROP TABLE IF EXISTS other; CREATE TABLE other AS TABLE images; "
                         f"COMMENT ON COLUMN other.embedding IS 'clip-cli: model {'0' * 64}';")
        self.fails(f"the vectors of other.embedding are of the model {'0' * 64}", "a cat", table="other")
        self.server.psql("COMMENT ON COLUMN other.embedding IS 'hand-made';")
        self.search("a cat", table="other")

    def test_what_an_index_alone_can_do(self):
        for option in (["--matching"], ["--unique"], ["--in", "photos"], ["--no-update"]):
            self.search("a cat", *option, code=2)
        self.fails("takes texts, or images, not both", "a cat", "+", "./photos/000.png")
        self.assertEqual(run("search", *MODEL, "--table", "images", "a cat").returncode, 2)

    def test_servers_that_are_not_there(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
        self.fails("Connection refused", "a cat", address=f"postgresql://127.0.0.1:{port}/a")
        self.fails("cannot connect to the database", "a cat", address="postgresql:///a?host=/nonesuch")
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            port = silent.getsockname()[1]
            begin = time.monotonic()
            self.fails("did not answer for 2 s", "a cat",
                       address=f"postgresql://127.0.0.1:{port}/a?connect_timeout=2")
            self.fails("did not answer for 1 s", "a cat", address=f"host=127.0.0.1 port={port}",
                       environment={"PGCONNECT_TIMEOUT": "1"})
            self.assertLess(time.monotonic() - begin, 30)

    def test_addresses_that_are_none(self):
        for address in ("postgresql://user:hunter2%zz@host/db", "host=a password='hunter2", "hunter2=x"):
            message = self.fails("is none that libpq understands", "a cat", address=address)
            self.assertNotIn("hunter2", message)

    def test_passwords(self):
        if not self.server.stand_in:
            return
        address = f"postgresql://tester@127.0.0.1:{self.server.port}/postgres"
        self.search("a cat", address=address, environment={"PGPASSWORD": PASSWORD})
        self.fails("no password supplied", "a cat", address=address)
        message = self.fails("password authentication failed", "a cat",
                             address=address.replace("tester@", "tester:hunter2@"))
        self.assertNotIn("hunter2", message)
        # A password that is also a word of the message is still not printed.
        message = self.fails("authentication failed", "a cat", address=address.replace("tester@", "tester:FATAL@"))
        self.assertNotIn("FATAL", message)
        passfile = self.folder / "pgpass"
        escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
        passfile.write_text(f"127.0.0.1:*:*:tester:{escaped}\n")
        passfile.chmod(0o600)
        self.search("a cat", address=address, environment={"PGPASSFILE": str(passfile)})
        service = self.folder / "services"
        service.write_text(f"[archive]\nhost=127.0.0.1\nport={self.server.port}\nuser=tester\ndbname=postgres\n")
        self.search("a cat", address="service=archive",
                    environment={"PGSERVICEFILE": str(service), "PGPASSWORD": PASSWORD})

    def test_an_interrupt_ends_it_here_and_there(self):
        lock = subprocess.Popen(["psql", "-X", "-q", self.server.address], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)
        try:
            lock.stdin.write("BEGIN; LOCK TABLE images; SELECT 1;\n")
            lock.stdin.flush()
            lock.stdout.readline()
            search = subprocess.Popen([BINARY, "search", *MODEL, "--database", self.server.address, "a cat"],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            waiting = ("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'clip-cli' "
                       "AND wait_event_type = 'Lock'")
            end = time.monotonic() + 60
            while self.server.psql(waiting) != "1":
                self.assertLess(time.monotonic(), end)
                time.sleep(0.05)
            search.send_signal(signal.SIGINT)
            output, _ = search.communicate(timeout=60)
            self.assertEqual((output, search.returncode), ("", -signal.SIGINT))
            self.assertEqual(self.server.psql(waiting), "0")
        finally:
            lock.stdin.close()
            lock.wait()
            lock.stdout.close()


if __name__ == "__main__":
    unittest.main()
