"""Blocks of EXIF data with an orientation in any type, and other ways to say it."""

import struct

# Of TIFF 6.0 and BigTIFF: the number of a type, and how struct packs it.
TYPES = {"byte": (1, "B"), "ascii": (2, "B"), "short": (3, "H"), "long": (4, "L"),
         "rational": (5, "LL"), "sbyte": (6, "b"), "undefined": (7, "B"), "sshort": (8, "h"),
         "slong": (9, "l"), "srational": (10, "ll"), "float": (11, "f"), "double": (12, "d"),
         "ifd": (13, "L"), "unknown": (14, "L"), "long8": (16, "Q")}


def values(name, orientation):
    if name == "ascii":
        return (48 + orientation,)
    return (2 * orientation, 2) if TYPES[name][1] in ("LL", "ll") else (orientation,)


def entry(order, tag, name, count, data, offset):
    number = TYPES[name][0]
    place = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack(order + "L", offset)
    return struct.pack(order + "HHL", tag, number, count) + place


def block(orientation=6, name="short", order="<", count=1, magic=None, prefix=b"", before=(),
          after=()):
    """`before` and `after`: whole entries, as bytes, around the orientation."""
    data = struct.pack(order + TYPES[name][1], *values(name, orientation)) * count
    entries = len(before) + len(after) + 1
    offset = 8 + 2 + 12 * entries + 4
    magic = magic or (b"II*\0" if order == "<" else b"MM\0*")
    out = magic + struct.pack(order + "LH", 8, entries) + b"".join(before)
    out += entry(order, 0x112, name, count, data, offset) + b"".join(after) + bytes(4)
    return prefix + out + (data if len(data) > 4 else b"")


def raw_profile(exif, kind="exif", width=72):
    """As ImageMagick keeps a profile in a text chunk."""
    digits = exif.hex()
    lines = [digits[i:i + width] for i in range(0, len(digits), width)]
    return "\n".join(["", kind, f"{len(exif):8d}", *lines, ""]).encode()


def xmp(text='tiff:Orientation="6"'):
    inside = text if text.startswith("<") else ""
    attribute = "" if inside else text
    return (f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-'
            f'rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/'
            f'1.0/" {attribute}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta>').encode()
