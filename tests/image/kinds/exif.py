"""EXIF orientations of every type of number, in both byte orders, and damaged, in JPEG, PNG and WebP."""

import io
import struct

from exif_block import TYPES, block, entry
from images import Image, photograph
from kind import Case
from png_files import chunk as png_chunk

SIZE = (40, 24)
BYTE_ORDERS = {"little": "<", "big": ">"}


def saved(kind, **options):
    file = io.BytesIO()
    photograph("chelsea.png").resize(SIZE).save(file, kind, icc_profile=None, **options)
    return file.getvalue()


def jpeg(*exif, prefix=b"Exif\0\0"):
    plain = saved("JPEG")
    segments = b"".join(b"\xff\xe1" + struct.pack(">H", len(prefix + data) + 2) + prefix + data
                        for data in exif)
    return plain[:2] + segments + plain[2:]


def png(exif):
    plain = saved("PNG")
    return plain[:33] + png_chunk(b"eXIf", exif) + plain[33:]


def webp(exif):
    pixels = saved("WEBP", lossless=True)[12:]
    data = b"VP8X" + struct.pack("<II", 10, 8) + struct.pack("<I", SIZE[0] - 1)[:3]
    data += struct.pack("<I", SIZE[1] - 1)[:3] + pixels
    data += b"EXIF" + struct.pack("<I", len(exif)) + exif + b"\0" * (len(exif) % 2)
    return b"RIFF" + struct.pack("<I", len(data) + 4) + b"WEBP" + data


CONTAINERS = {"jpg": jpeg, "png": png, "webp": webp}


def blocks():
    """Pillow reads them all: {name: EXIF data}."""
    found = {}
    for order, sign in BYTE_ORDERS.items():
        for name in TYPES:
            found[f"{name}-{order}"] = block(6, name, sign)
            found[f"{name}-{order}-three"] = block(8, name, sign, count=3)
        for value in (0, 9):
            found[f"value-{value}-{order}"] = block(value, "short", sign)
        found[f"minus-{order}"] = block(-6, "sshort", sign)
        make = entry(sign, 0x10f, "ascii", 4, b"cat\0", 0)
        width = entry(sign, 0x100, "long", 1, struct.pack(sign + "L", 7), 0)
        other = entry(sign, 0x112, "short", 1, struct.pack(sign + "H", 3), 0)
        lost = entry(sign, 0x10f, "ascii", 99, bytes(99), 5000)
        strange = struct.pack(sign + "HHLL", 0x9999, 77, 1 << 31, 5000)
        empty = entry(sign, 0x112, "short", 0, b"", 0)
        for name, entries in (("others", (make, width)), ("twice", (other,)), ("lost", (lost,)),
                              ("strange", (strange,)), ("empty", (empty,))):
            found[f"{name}-before-{order}"] = block(6, "short", sign, before=entries)
            found[f"{name}-behind-{order}"] = block(6, "short", sign, after=entries)
        whole = block(6, "short", sign, after=(make, width))
        for length in (10, 21, 22, 33, 34, 40, len(whole) - 2):
            found[f"cut-{length}-{order}"] = whole[:length]
        found[f"count-0-{order}"] = block(6, "short", sign, count=0)
        found[f"count-huge-{order}"] = (block(6, "short", sign)[:14] + b"\xff\xff\xff\xff" +
                                        block(6, "short", sign)[18:])
        found[f"directory-outside-{order}"] = whole[:4] + b"\xff\xff\xff\xff" + whole[8:]
        found[f"directory-in-header-{order}"] = whole[:4] + bytes(4) + whole[8:]
    for name, order, magic in (("swapped-little", "<", b"II\0*"), ("swapped-big", ">", b"MM*\0"),
                               ("big-tiff-big", ">", b"MM\0+")):
        found[f"magic-{name}"] = block(6, "short", order, magic=magic)
    found["empty"] = b""
    return found


def refused_blocks():
    return {"magic": block(6, magic=b"II!!"), "byte-order": block(6, magic=b"IM*\0"),
            "big-tiff": block(6, magic=b"II+\0"), "short-header": b"II*\0\x08", "text": b"no EXIF data"}


def make(folder):
    for extension, container in CONTAINERS.items():
        for name, exif in blocks().items():
            path = folder / f"{name}.{extension}"
            path.write_bytes(container(exif))
            yield Case(path)
        for name, exif in refused_blocks().items():
            path = folder / f"no-exif-{name}.{extension}"
            path.write_bytes(container(exif))
            plain = Image.open(io.BytesIO(container(block(1)))).convert("RGB")
            yield Case(path, expected=plain,
                       reason="EXIF data that cannot be read turn nothing; Pillow fails on them")
    for name, data in (("twice", jpeg(block(6), block(3))),
                       ("prefix-one-nul", jpeg(block(6), prefix=b"Exif\0")),
                       ("prefix-none", jpeg(block(6), prefix=b"Exif")),
                       ("prefix-lower-case", jpeg(block(6), prefix=b"exif\0\0"))):
        path = folder / f"{name}.jpg"
        path.write_bytes(data)
        yield Case(path)
