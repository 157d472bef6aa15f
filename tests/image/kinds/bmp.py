"""BMP of every depth, header and compression. Most are written by hand: no tool writes them."""

import random
import struct
import subprocess

from images import Image, numpy, photograph
from kind import Case

CORE, SHORT_OS2, INFO, V2, V3, LONG_OS2, V4, V5 = 12, 16, 40, 52, 56, 64, 108, 124
RGB, RLE8, RLE4, FIELDS = 0, 1, 2, 3


def header(size, width, height, bits, compression=RGB, colors=0, masks=()):
    if size == CORE:
        return struct.pack("<IHHHH", CORE, width, height, 1, bits)
    if size == SHORT_OS2:
        return struct.pack("<IIiHH", size, width, height, 1, bits)
    data = struct.pack("<IIiHHIIiiII", size, width, height, 1, bits, compression, 0, 2835, 2835,
                       colors, 0)
    inside = {INFO: 0, V2: 3, V3: 4, LONG_OS2: 0, V4: 4, V5: 4}[size]
    data += b"".join(struct.pack("<I", mask) for mask in masks[:inside])
    data = data.ljust(size, b"\0")
    if inside == 0 and compression == FIELDS:
        data += b"".join(struct.pack("<I", mask) for mask in masks[:3])
    return data


def file(dib, pixels, palette=b"", offset=None):
    """`dib`: the header; `offset`: what the file header says, where that is not the truth."""
    start = 14 + len(dib) + len(palette)
    return (b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0,
                                start if offset is None else offset) + dib + palette + pixels)


def rows(samples, bits, bottom_up=True):
    """`samples`: whole numbers [height, width], each a pixel."""
    height, width = samples.shape
    if bits < 8:
        per = 8 // bits
        padded = numpy.zeros((height, -(-width // per) * per), dtype="uint32")
        padded[:, :width] = samples
        data = numpy.zeros((height, padded.shape[1] // per), dtype="uint8")
        for i in range(per):
            data |= (padded[:, i::per] << (8 - bits * (i + 1))).astype("uint8")
    else:
        data = numpy.stack([samples >> shift & 255 for shift in range(0, bits, 8)], axis=-1)
        data = data.astype("uint8").reshape(height, -1)
    data = numpy.pad(data, ((0, 0), (0, -data.shape[1] % 4)), constant_values=0x5a)
    return (data[::-1] if bottom_up else data).tobytes()


def palette_bytes(palette, entry=4):
    return b"".join(bytes([blue, green, red]) + b"\0" * (entry - 3) for red, green, blue in palette)


def image_of(indices, palette, mode="P"):
    """What a palette image is, for those that Pillow cannot open."""
    image = Image.fromarray(indices.astype("uint8"), mode="P")
    image.putpalette([level for color in palette for level in color])
    return image.convert(mode) if mode != "P" else image


def rle_runs(row, nibbles):
    """One line as runs of a value."""
    data, at = b"", 0
    while at < len(row):
        end = at
        while end < len(row) and row[end] == row[at] and end - at < 255:
            end += 1
        value = int(row[at])
        data += bytes([end - at, value * 17 if nibbles else value])
        at = end
    return data


def rle_absolute(row, nibbles, length):
    """One line as absolute runs of at most `length` pixels, its last ones as runs of a value."""
    data, at = b"", 0
    while len(row) - at >= 3:
        part = [int(value) for value in row[at:at + length]]
        if len(part) < 3:
            break
        body = (bytes(a << 4 | b for a, b in zip(part[::2], part[1::2] + [0])) if nibbles
                else bytes(part))
        data += bytes([0, len(part)]) + body + b"\0" * (len(body) % 2)
        at += len(part)
    return data + rle_runs(row[at:], nibbles)


END_OF_LINE, END = b"\0\0", b"\0\1"
DELTA = "Pillow 9.4 takes what follows a delta for its numbers"


def unpacked(data, width, height, nibbles):
    """What run lengths stand for, as Pillow's decoder means it: indices [height, width]."""
    out, column, at = [], 0, 0
    while len(out) < width * height and data[at:at + 2] != END:
        first, second = data[at:at + 2]
        at += 2
        if first:
            count = min(first, max(width - column, 0))
            out += ([second >> 4, second & 15] * count)[:count] if nibbles else [second] * count
            column += count
        elif second == 0:
            out += [0] * (-len(out) % width)
            column = 0
        elif second == 2:
            out += [0] * (data[at] + width * data[at + 1])
            column = len(out) % width
            at += 2
        else:
            count = (second + 1) // 2 if nibbles else second
            part = data[at:at + count]
            out += ([half for byte in part for half in (byte >> 4, byte & 15)][:second] if nibbles
                    else part)
            column += second
            at += count + count % 2
    out = (out + [0] * (width * height))[:width * height]
    return numpy.array(out, dtype="uint8").reshape(height, width)[::-1]


def make(folder):  # pylint: disable=too-many-locals,too-many-statements
    def case(name, data, **more):
        path = folder / name
        path.write_bytes(data)
        return Case(path, **more)

    photo = photograph().resize((131, 97))
    rgb = numpy.asarray(photo).astype("uint32")
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    height, width = red.shape
    gray = numpy.asarray(photo.convert("L")).astype("uint32")
    alpha = numpy.linspace(0, 255, width).astype("uint32")[None, :] + numpy.zeros_like(gray)
    quantized = {n: photo.quantize(n, dither=Image.Dither.NONE) for n in (2, 13, 16, 200, 256)}
    palettes = {n: [tuple(image.getpalette()[3 * i:3 * i + 3]) for i in range(n)]
                for n, image in quantized.items()}
    indices = {n: numpy.asarray(image).astype("uint32") for n, image in quantized.items()}

    # What Pillow and ImageMagick write
    for name, image in (("pillow-rgb", photo), ("pillow-gray", photo.convert("L")),
                        ("pillow-palette", quantized[200]), ("pillow-bilevel", photo.convert("1")),
                        ("pillow-rgba", Image.merge("RGBA", [*photo.split(), photo.convert("L")]))):
        image.save(folder / f"{name}.bmp")
        yield Case(folder / f"{name}.bmp")
        image.save(folder / f"{name}.dib")
        yield Case(folder / f"{name}.dib")
    photo.save(folder / "source.png")
    for name, options in (
            ("bmp3", ["BMP3:"]), ("bmp2", ["BMP2:"]), ("bmp4", ["BMP:"]),
            ("bmp3-rle", ["-colors", "90", "-type", "Palette", "-compress", "RLE", "BMP3:"]),
            ("bmp3-palette", ["-colors", "90", "-type", "Palette", "BMP3:"]),
            ("bmp2-palette", ["-colors", "256", "-type", "Palette", "BMP2:"]),
            ("bmp3-bilevel", ["-monochrome", "BMP3:"]),
            ("bmp4-alpha", ["-alpha", "set", "-channel", "A", "-evaluate", "set", "40%", "BMP:"]),
            ("bmp-565", ["-define", "bmp:subtype=RGB565", "BMP:"]),
            ("bmp-555", ["-define", "bmp:subtype=RGB555", "BMP:"])):
        path = folder / f"magick-{name}.bmp"
        subprocess.run(["convert", str(folder / "source.png"), *options[:-1],
                        options[-1] + str(path)], check=True)
        yield Case(path)

    # Depths and headers
    masks = {"555": (0x7c00, 0x3e0, 0x1f, 0), "565": (0xf800, 0x7e0, 0x1f, 0)}
    p555 = (red >> 3) << 10 | (green >> 3) << 5 | blue >> 3
    p565 = (red >> 3) << 11 | (green >> 2) << 5 | blue >> 3
    p24 = red << 16 | green << 8 | blue
    p32 = p24 | alpha << 24
    for size, name in ((CORE, "core"), (INFO, "info"), (LONG_OS2, "os2"), (V4, "v4"), (V5, "v5")):
        entry = 3 if size == CORE else 4
        for bits, colors in ((1, 2), (4, 16), (8, 256)):
            yield case(f"{name}-{bits}.bmp",
                       file(header(size, width, height, bits), rows(indices[colors], bits),
                            palette_bytes(palettes[colors], entry)))
        for bits, pixels in ((16, p555), (24, p24), (32, p32)):
            yield case(f"{name}-{bits}.bmp",
                       file(header(size, width, height, bits), rows(pixels, bits)))
    for size, name in ((SHORT_OS2, "os2-short"), (V2, "v2"), (V3, "v3")):
        yield case(f"{name}-24.bmp", file(header(size, width, height, 24), rows(p24, 24)),
                   expected=photo, reason=f"Pillow 9.4 does not know headers of {size} bytes")
    for name, size in (("v2", V2), ("v3", V3)):
        same = numpy.asarray(photo) >> numpy.uint8(3)
        expected = Image.fromarray((same.astype("uint32") * 255 // 31).astype("uint8"))
        yield case(f"{name}-555-fields.bmp",
                   file(header(size, width, height, 16, FIELDS, masks=masks["555"]),
                        rows(p555, 16)),
                   expected=expected, reason=f"Pillow 9.4 does not know headers of {size} bytes")

    # Bit fields
    for name, bits, fields, pixels in (
            ("555", 16, masks["555"], p555), ("565", 16, masks["565"], p565),
            ("888", 24, (0xff0000, 0xff00, 0xff, 0), p24),
            ("bgrx", 32, (0xff0000, 0xff00, 0xff, 0), p32),
            ("xbgr", 32, (0xff000000, 0xff0000, 0xff00, 0), p24 << 8),
            ("zero", 32, (0, 0, 0, 0), p32)):
        for size, header_name in ((INFO, "info"), (V4, "v4"), (V5, "v5")):
            yield case(f"fields-{name}-{header_name}.bmp",
                       file(header(size, width, height, bits, FIELDS, masks=fields),
                            rows(pixels, bits)))
    for name, fields, pixels in (
            ("abgr", (0xff000000, 0xff0000, 0xff00, 0xff), p24 << 8 | alpha),
            ("rgba", (0xff, 0xff00, 0xff0000, 0xff000000), red | green << 8 | blue << 16 | alpha << 24),
            ("bgra", (0xff0000, 0xff00, 0xff, 0xff000000), p32)):
        yield case(f"fields-{name}-v4.bmp",
                   file(header(V4, width, height, 32, FIELDS, masks=fields), rows(pixels, 32)))
    for name, bits, fields in (("444", 16, (0xf00, 0xf0, 0xf, 0)),
                               ("bgr565", 16, (0x1f, 0x7e0, 0xf800, 0)),
                               ("101010", 32, (0x3ff00000, 0xffc00, 0x3ff, 0)),
                               ("rgbx", 32, (0xff, 0xff00, 0xff0000, 0)),
                               ("8", 8, (0xe0, 0x1c, 0x3, 0))):
        yield case(f"fields-{name}-v4.bmp",
                   file(header(V4, width, height, bits, FIELDS, masks=fields),
                        rows(p24 & ((1 << bits) - 1), bits)),
                   refused="bit fields", reason="Pillow refuses these masks")
    # Order of rows, and where the pixels are
    for bits, pixels, palette in ((24, p24, b""), (8, indices[256], palette_bytes(palettes[256])),
                                  (4, indices[16], palette_bytes(palettes[16]))):
        yield case(f"top-down-{bits}.bmp",
                   file(header(INFO, width, -height, bits), rows(pixels, bits, False), palette))
    yield case("offset-zero.bmp",
               file(header(INFO, width, height, 8), rows(indices[256], 8),
                    palette_bytes(palettes[256]), offset=0))
    yield case("offset-of-palette.bmp",
               file(header(INFO, width, height, 8), rows(indices[256], 8),
                    palette_bytes(palettes[256]), offset=54))
    yield case("gap.bmp",
               file(header(INFO, width, height, 24), b"\x77" * 1000 + rows(p24, 24), offset=1054))
    for name, size in (("dib-core", CORE), ("dib-os2", LONG_OS2), ("dib-v5", V5)):
        yield case(f"{name}.dib", header(size, width, height, 24) + rows(p24, 24))
    yield case("padding-missing.bmp",
               file(header(INFO, width, height, 24), rows(p24, 24)[:-(-3 * width % 4)]))

    # Palettes
    yield case("short-palette.bmp",
               file(header(INFO, width, height, 8, colors=13), rows(indices[256] % 13, 8),
                    palette_bytes(palettes[13])))
    yield case("index-out-of-range.bmp",
               file(header(INFO, width, height, 8, colors=13), rows(indices[256], 8),
                    palette_bytes(palettes[13])))
    yield case("index-out-of-range-4.bmp",
               file(header(INFO, width, height, 4, colors=13), rows(indices[16], 4),
                    palette_bytes(palettes[13])))
    ramp = [(i, i, i) for i in range(256)]
    yield case("gray-ramp-100.bmp",
               file(header(INFO, width, height, 8, colors=100), rows(gray % 100, 8),
                    palette_bytes(ramp[:100])))
    yield case("gray-not-ramp.bmp",
               file(header(INFO, width, height, 8), rows(gray, 8), palette_bytes(ramp[::-1])))
    yield case("white-first.bmp",
               file(header(INFO, width, height, 1), rows(indices[2], 1),
                    palette_bytes([(255, 255, 255), (0, 0, 0)])))
    yield case("black-first.bmp",
               file(header(INFO, width, height, 1), rows(indices[2], 1),
                    palette_bytes([(0, 0, 0), (255, 255, 255)])))
    bilevel = Image.fromarray((indices[2] * 255).astype("uint8")).convert("1")
    for bits in (4, 8):
        yield case(f"black-white-{bits}.bmp",
                   file(header(INFO, width, height, bits, colors=2), rows(indices[2], bits),
                        palette_bytes([(0, 0, 0), (255, 255, 255)])),
                   expected=bilevel, reason="Pillow reads these bytes as if each held 8 pixels")
    yield case("gray-16-levels.bmp",
               file(header(INFO, width, height, 4, colors=16), rows(indices[16], 4),
                    palette_bytes(ramp[:16])),
               expected=Image.fromarray(indices[16].astype("uint8")),
               reason="Pillow takes a dark ramp of 16 levels for gray and cannot unpack it then")
    yield case("oversized-palette.bmp",
               file(header(INFO, width, height, 8, colors=300), rows(indices[256], 8),
                    palette_bytes(palettes[256] + [(1, 2, 3)] * 44)),
               expected=image_of(indices[256], palettes[256]),
               reason="Pillow refuses palettes of more than 256 colours")

    # Run lengths
    for bits, kind, colors in ((8, RLE8, 200), (4, RLE4, 16)):
        picture, palette = indices[colors][::-1], palette_bytes(palettes[colors])
        nibbles = kind == RLE4
        flat = picture // 4 * 4
        dib = header(INFO, width, height, bits, kind, colors=colors)

        def rle(name, data, dib=dib, palette=palette, bits=bits, **more):
            return case(f"rle{bits}-{name}.bmp", file(dib, data, palette), **more)

        def rle_with_deltas(name, data, colors=colors, nibbles=nibbles):
            expected = image_of(unpacked(data, width, height, nibbles), palettes[colors])
            return rle(name, data, expected=expected, reason=DELTA)  # pylint: disable=W0640

        yield rle("runs", b"".join(rle_runs(row, nibbles) + END_OF_LINE for row in flat) + END)
        yield rle("no-end", b"".join(rle_runs(row, nibbles) + END_OF_LINE for row in flat))
        yield rle("last-line-open",
                  b"".join(rle_runs(row, nibbles) + END_OF_LINE for row in flat)[:-2] + END)
        for length in (4, 6, 130, 252):
            yield rle(f"absolute-{length}",
                      b"".join(rle_absolute(row, nibbles, length) + END_OF_LINE
                               for row in picture[:, :130]) + END,
                      dib=header(INFO, 130, height, bits, kind, colors=colors))
        odd = b"".join(rle_absolute(row, nibbles, 7) + END_OF_LINE for row in picture) + END
        if nibbles:
            yield rle("absolute-odd", odd, expected=image_of(picture[::-1], palettes[colors]),
                      reason="Pillow reads half a byte too few of a run of 2n + 1 pixels and takes "
                             "what is left of it for commands")
        else:
            yield rle("absolute-odd", odd)
        yield rle("overflow",
                  b"".join(rle_runs(row, nibbles) + bytes([200, 0x21]) + END_OF_LINE
                           for row in flat) + END)
        yield rle("overflow-absolute",
                  b"".join(rle_runs(row[:120], nibbles) + rle_absolute(row[40:60], nibbles, 20)
                           + bytes([9, 0x12]) + END_OF_LINE for row in flat[:60])
                  + b"".join(rle_runs(row, nibbles) + END_OF_LINE for row in flat) + END)
        yield rle("early-ends-of-lines",
                  b"".join(rle_runs(row[:20 + 5 * (y % 7)], nibbles) + END_OF_LINE
                           for y, row in enumerate(flat)) + END)
        yield rle_with_deltas("deltas",
                  b"".join(rle_runs(row[:30], nibbles) + bytes([0, 2, 11, 0])
                           + rle_runs(row[41:90], nibbles) + END_OF_LINE
                           + (bytes([0, 2, 3, 1]) + rle_runs(row[3:50], nibbles) + END_OF_LINE
                              if y % 5 == 0 else b"")
                           for y, row in enumerate(flat)) + END)
        yield rle_with_deltas("delta-over-the-end",
                  b"".join(rle_runs(row, nibbles) + END_OF_LINE for row in flat[:40])
                  + bytes([0, 2, 200, 200]))
        yield rle("no-ends-of-lines",
                  b"".join(rle_runs(row, nibbles) + END_OF_LINE * (y % 3 == 2)
                           for y, row in enumerate(flat)) + 70 * END_OF_LINE
                  + bytes([7, 3]) * 13000)
        half = numpy.zeros_like(picture)
        half[:50] = flat[:50]
        yield rle("early-end",
                  b"".join(rle_runs(row, nibbles) + END_OF_LINE for row in flat[:50]) + END,
                  expected=image_of(half[::-1], palettes[colors]),
                  reason="Pillow refuses an image that ends with its mark before the last row")
        yield rle("cut", b"".join(rle_runs(row, nibbles) + END_OF_LINE for row in flat)[:-900])
        yield rle("cut-in-a-run", b"".join(rle_runs(row, nibbles) + END_OF_LINE
                                           for row in flat)[:1001])
        yield rle("top-down", b"".join(rle_runs(row, nibbles) + END_OF_LINE for row in flat) + END,
                  dib=header(INFO, width, -height, bits, kind, colors=colors))
        yield rle("os2", b"".join(rle_runs(row, nibbles) + END_OF_LINE for row in flat) + END,
                  dib=header(LONG_OS2, width, height, bits, kind, colors=colors))
        yield rle("gray", b"".join(rle_runs(row, nibbles) + END_OF_LINE for row in flat) + END,
                  palette=palette_bytes(ramp[:colors]))
        yield rle("short-palette", b"".join(rle_runs(row, nibbles) + END_OF_LINE for row in flat)
                  + END, dib=header(INFO, width, height, bits, kind, colors=7),
                  palette=palette_bytes(palettes[13][:7]))
        # Random commands, which Pillow's and our decoder must take alike.
        source = random.Random(bits)
        for i in range(12):
            data, deltas = b"", i % 2 == 1
            while len(data) < 6000:
                command = source.randrange(8)
                if command == 0:
                    data += END_OF_LINE
                elif command == 1 and deltas:
                    data += bytes([0, 2, source.randrange(40), source.randrange(2)])
                elif command == 2:
                    length = source.randrange(4, 40) & ~1
                    count = length // 2 if nibbles else length
                    data += bytes([0, length]) + source.randbytes(count) + b"\0" * (count % 2)
                else:
                    data += bytes([source.randrange(1, 60), source.randrange(256)])
            if deltas:
                yield rle_with_deltas(f"random-{i}", data + bytes([0, 2, 0, 200]))
            else:
                yield rle(f"random-{i}", data + 200 * (END_OF_LINE + bytes([131, 0])))

    # Refusals
    yield case("jpeg-inside.bmp", file(header(INFO, width, height, 24, 4), rows(p24, 24)),
               refused="compression", reason="Pillow refuses compression 4")
    yield case("alpha-fields.bmp", file(header(V4, width, height, 32, 6), rows(p32, 32)),
               refused="compression", reason="Pillow refuses compression 6")
    yield case("rle24.bmp", file(header(LONG_OS2, width, height, 24, 4), rows(p24, 24)),
               refused="compression", reason="Pillow refuses compression 4")
    for name, data in (("cut-24", file(header(INFO, width, height, 24), rows(p24, 24)[:-2000])),
                       ("cut-one", file(header(INFO, width, height, 24), rows(p24, 24)[:-4])),
                       ("cut-8", file(header(INFO, width, height, 8), rows(indices[256], 8)[:-300],
                                      palette_bytes(palettes[256])))):
        yield case(f"{name}.bmp", data)
    for side in (1, 7, 8, 9, 31, 32, 33):
        for bits, colors in ((1, 2), (4, 16)):
            yield case(f"width-{side}-{bits}.bmp",
                       file(header(INFO, side, 5, bits), rows(indices[colors][:5, 20:20 + side], bits),
                            palette_bytes(palettes[colors])))
