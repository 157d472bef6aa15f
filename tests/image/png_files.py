"""Writes PNGs by hand, for Pillow writes only some kinds: W3C Recommendation, third edition."""

import struct
import zlib

import numpy

SIGNATURE = b"\x89PNG\r\n\x1a\n"
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
         (0, 1, 1, 2))
END = b"\0\0\0\0IEND\xaeB`\x82"


def chunk(kind, data=b"", crc=None):
    crc = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def header(size, depth, color, interlaced=0, compression=0, filters=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, color, compression, filters,
                                      interlaced))


def packed(row, depth):
    """One row of samples as bytes."""
    if depth == 16:
        return row.astype(">u2").tobytes()
    if depth == 8:
        return row.astype("uint8").tobytes()
    bits = (row[:, None] >> numpy.arange(depth - 1, -1, -1)) & 1
    return numpy.packbits(bits.astype("uint8").ravel()).tobytes()


def paeth(left, above, corner):
    guess = left + above - corner
    to_left, to_above, to_corner = abs(guess - left), abs(guess - above), abs(guess - corner)
    if to_left <= to_above and to_left <= to_corner:
        return left
    return above if to_above <= to_corner else corner


def filtered(row, above, step, kind):
    out = bytearray([kind])
    for i, value in enumerate(row):
        left = row[i - step] if i >= step else 0
        corner = above[i - step] if i >= step else 0
        guess = (0, left, above[i], (left + above[i]) // 2, paeth(left, above[i], corner))[kind]
        out.append((value - guess) & 255)
    return bytes(out)


def raw(samples, depth, interlaced=0, filters=(0, 1, 2, 3, 4), seed=1):
    """What is compressed: rows with filters taken at random; samples are [height, width, channels]."""
    random = numpy.random.default_rng(seed)
    step = max(samples.shape[2] * depth // 8, 1)
    data = b""
    for x, y, dx, dy in ADAM7 if interlaced else ((0, 0, 1, 1),):
        part = samples[y::dy, x::dx]
        if not part.size:
            continue
        above = bytes(len(packed(part[0].ravel(), depth)))
        for row in part:
            row = packed(row.ravel(), depth)
            data += filtered(row, above, step, int(random.choice(filters)))
            above = row
    return data


def data_chunks(data, pieces=1, level=6):
    whole = zlib.compress(data, level)
    size = -(-len(whole) // pieces)
    return b"".join(chunk(b"IDAT", whole[i:i + size]) for i in range(0, len(whole), size))
