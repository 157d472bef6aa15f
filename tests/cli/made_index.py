"""Indexes of given vectors, for what looks into an index: without the images, which would all have
to be embedded.

The program itself makes the index, of one image that the model reads, so its tables and the header
of its vector file are the program's. Then the rows are put in place of that image's.
"""

import os
import sqlite3
import subprocess
import zlib
from pathlib import Path

from common import BINARY, need

numpy = need("numpy")
need("PIL")
from PIL import Image  # noqa: E402 (after the check that it is there)

ROW_BYTES = 64  # rows are padded to a whole number of these
HEADER = 64


def name_of(row):
    return f"image {row:07d}.jpg"


def rounded(vectors):
    """The vectors as an index keeps them, in float16, as float32."""
    return vectors.astype("float16").astype("float32")


def random_vectors(count, dim, seed=0):
    """Vectors of length 1 in random directions."""
    vectors = numpy.random.default_rng(seed).standard_normal((count, dim), dtype="float32")
    return vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)


def make_index(folder, model, parts, name=name_of, binary=BINARY):
    """Makes an index in `folder`, which is made, whose vectors of the model are the rows of the
    arrays `parts`. Gives their number.

    The images are not there, so search it with --no-update: a refresh would forget them.
    """
    folder = Path(folder)
    folder.mkdir(parents=True)
    seed = folder / "seed.png"
    Image.new("RGB", (8, 8), "green").save(seed)
    subprocess.run([binary, "index", "--quiet", "--here", "--model", model, folder], check=True)
    seed.unlink()
    kept = folder / ".clip-cli"
    [path] = kept.glob("vectors-*.f16")
    database = sqlite3.connect(kept / "index.sqlite")
    [[model_id, dim]] = database.execute("SELECT id, dim FROM models")
    [[folder_id]] = database.execute("SELECT id FROM folders WHERE path = x''")
    for table in ("files", "embeddings", "contents"):
        database.execute(f"DELETE FROM {table}")
    stride = -(-dim * 2 // ROW_BYTES) * ROW_BYTES // 2
    count = 0
    with open(path, "r+b") as file:
        file.truncate(HEADER)
        file.seek(HEADER)
        for part in parts:
            if part.shape[1] != dim:
                raise ValueError(f"the model's vectors have {dim} numbers, not {part.shape[1]}")
            rows = numpy.zeros((len(part), stride), "float16")
            rows[:, :dim] = part
            file.write(rows.tobytes())
            numbers = range(count, count + len(part))
            database.executemany("INSERT INTO contents(id, key) VALUES(?, ?)",
                                 ((row + 1, os.urandom(32)) for row in numbers))
            database.executemany(
                "INSERT INTO files(folder, name, size, modified, content) VALUES(?, ?, 1, 1, ?)",
                ((folder_id, os.fsencode(name(row)), row + 1) for row in numbers))
            database.executemany(
                "INSERT INTO embeddings(model, content, row, checksum) VALUES(?, ?, ?, ?)",
                ((model_id, row + 1, row, zlib.crc32(values))
                 for row, values in zip(numbers, rows)))
            count += len(part)
    database.execute("UPDATE models SET rows = ?", [count])
    database.commit()
    database.close()
    return count
