"""A PostgreSQL server for tests: one of its own, from Debian's packages, in a temporary folder, on
loopback and a socket in that folder; or the one that CLIP_TEST_DATABASE names, which is to have
pgvector (scripts/test-pgvector). Fails by name where the server is missing; nothing is skipped."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

PASSWORD = "s3cret pass'word"

# What stands in for pgvector where Debian has none: a type of the same text form, and its operator.
# It keeps texts, and has no index.
STAND_IN = r"""
CREATE TYPE vector;
CREATE FUNCTION vector_in(cstring, oid, int4) RETURNS vector LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION vector_out(vector) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE FUNCTION vector_typmod_in(cstring[]) RETURNS int4 LANGUAGE internal IMMUTABLE STRICT AS 'bpchartypmodin';
CREATE FUNCTION vector_typmod_out(int4) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'bpchartypmodout';
CREATE TYPE vector (INPUT = vector_in, OUTPUT = vector_out, TYPMOD_IN = vector_typmod_in,
                    TYPMOD_OUT = vector_typmod_out, LIKE = text);
CREATE FUNCTION numbers(vector) RETURNS float8[] LANGUAGE sql IMMUTABLE STRICT AS
  $$ SELECT translate(pg_catalog.textin(public.vector_out($1))::pg_catalog.text, '[]', '{}')::pg_catalog.float8[] $$;
CREATE FUNCTION cosine_distance(a vector, b vector) RETURNS float8 LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE x float8[] := public.numbers(a); y float8[] := public.numbers(b);
BEGIN
  IF array_length(x, 1) <> array_length(y, 1) THEN
    RAISE 'different vector dimensions % and %', array_length(x, 1), array_length(y, 1);
  END IF;
  RETURN (SELECT 1 - sum(p * q) / (sqrt(sum(p * p)) * sqrt(sum(q * q))) FROM unnest(x, y) AS u(p, q));
END $$;
CREATE OPERATOR <=> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = cosine_distance, COMMUTATOR = <=>);
"""


def programs():
    """The folder of the newest server that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found or not (found[-1] / "postgres").exists():
        sys.exit("missing PostgreSQL's server: apt-get install postgresql")
    return found[-1]


class Server:
    """Address and a fresh database; stop() ends what was started."""

    def __init__(self):
        self.folder = None
        self.stand_in = False
        if "CLIP_TEST_DATABASE" in os.environ:
            self.address = os.environ["CLIP_TEST_DATABASE"]
            return
        self.stand_in = True
        bin_folder = programs()
        self.folder = tempfile.mkdtemp(prefix="clip-pg-")
        os.chmod(self.folder, 0o755)
        data = Path(self.folder) / "data"
        data.mkdir()
        passwords = Path(self.folder) / "password"
        passwords.write_text(PASSWORD + "\n")
        # The server does not run as root.
        self.user = []
        if os.geteuid() == 0:
            names = {entry.pw_name for entry in pwd.getpwall()}
            user = "postgres" if "postgres" in names else "nobody"
            self.user = ["setpriv", f"--reuid={user}", "--clear-groups", f"--regid={pwd.getpwnam(user).pw_gid}"]
            for path in (self.folder, data, passwords):
                shutil.chown(path, user)
        subprocess.run([*self.user, bin_folder / "initdb", "-D", data, "-U", "tester", "-E", "UTF8",
                        "--locale=C", "--no-sync", "--auth-local=trust", "--auth-host=scram-sha-256",
                        f"--pwfile={passwords}"], check=True, capture_output=True, cwd=self.folder)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.control = [*self.user, bin_folder / "pg_ctl", "-D", data, "-w", "-l", f"{self.folder}/log"]
        options = (f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder} -c fsync=off "
                   "-c shared_buffers=16MB -c jit=off")
        subprocess.run([*self.control, "-o", options, "start"], check=True, cwd=self.folder,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.address = f"postgresql://tester@/postgres?host={self.folder}&port={self.port}"

    def stop(self):
        if self.folder is None:
            return
        subprocess.run([*self.control, "-m", "immediate", "stop"], check=False, cwd=self.folder,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder)

    def psql(self, script, check=True, address=None):
        """What psql prints for a script: rows unaligned, a line each."""
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
                               address or self.address], input=script, capture_output=True,
                              text=isinstance(script, str), check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"psql failed: {done.stderr}")
        return done.stdout.strip() if check else done
