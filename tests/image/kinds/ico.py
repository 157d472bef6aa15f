"""ICO and CUR: which image is taken, and the kinds that one may be of."""

import io
import struct

from images import Image, numpy, photograph
from kind import Case


def png(image, **options):
    data = io.BytesIO()
    image.save(data, "png", **options)
    return data.getvalue()


def entry(width, height, body, bits=32, colors=0):
    return {"width": width, "height": height, "bits": bits, "colors": colors, "body": body}


def icon(entries, kind=1, size=None, reserved=0):
    """`size`: what the directory says of the bodies' sizes, where that is not the truth."""
    at = 6 + 16 * len(entries)
    directory, bodies = struct.pack("<HHH", 0, kind, len(entries)), b""
    for one in entries:
        directory += struct.pack("<BBBBHHII", one["width"] % 256, one["height"] % 256, one["colors"],
                                 reserved, 1, one["bits"],
                                 len(one["body"]) if size is None else size, at + len(bodies))
        bodies += one["body"]
    return directory + bodies


def pack(samples, bits):
    """Rows of whole numbers, the lowest first, filled up to 32 bits."""
    height, width = samples.shape
    if bits < 8:
        per = 8 // bits
        padded = numpy.zeros((height, -(-width // per) * per), dtype="uint32")
        padded[:, :width] = samples
        data = sum(padded[:, i::per] << (8 - bits * (i + 1)) for i in range(per)).astype("uint8")
    else:
        data = numpy.stack([samples >> shift & 255 for shift in range(0, bits, 8)], axis=-1)
        data = data.astype("uint8").reshape(height, -1)
    data = numpy.pad(data, ((0, 0), (0, -data.shape[1] % 4)))
    return data[::-1].tobytes()


def dib(samples, bits, palette=(), mask=None, header=40, top_down=False, colors=0):
    height, width = samples.shape
    data = struct.pack("<IiiHHIIiiII", header, width, 2 * height * (-1 if top_down else 1), 1, bits,
                       0, 0, 0, 0, colors, 0).ljust(header, b"\0")
    data += b"".join(bytes([blue, green, red, 0]) for red, green, blue in palette)
    data += pack(samples[::-1] if top_down else samples, bits)
    return data if mask is None else data + pack(mask.astype("uint32"), 1)


def make(folder):  # pylint: disable=too-many-locals,too-many-statements
    def case(name, data, **more):
        path = folder / name
        path.write_bytes(data)
        return Case(path, **more)

    photo = photograph("coffee.png").resize((200, 200))
    side = 61

    def sized(side_x, side_y=None):
        return photo.resize((side_x, side_y or side_x))

    # What Pillow writes
    rgba = photo.copy()
    rgba.putalpha(photo.convert("L"))
    for name, image in (("rgb", photo), ("rgba", rgba), ("gray", photo.convert("L")),
                        ("palette", photo.quantize(30)), ("bilevel", photo.convert("1"))):
        for form in ("png", "bmp"):
            path = folder / f"pillow-{name}-{form}.ico"
            image.save(path, bitmap_format=form, sizes=[(16, 16), (48, 48), (128, 128)])
            yield Case(path)
    for name in ("rgb", "gray", "bilevel"):
        image = {"rgb": photo, "gray": photo.convert("L"), "bilevel": photo.convert("1")}[name]
        path = folder / f"pillow-full-{name}.ico"
        image.save(path, bitmap_format="bmp", sizes=[(200, 200)])
        yield Case(path)
    photo.resize((256, 256)).save(folder / "pillow-256.ico", sizes=[(256, 256)])
    yield Case(folder / "pillow-256.ico")

    # Bitmaps of every depth
    small = sized(side)
    rgb = numpy.asarray(small).astype("uint32")
    gray = numpy.asarray(small.convert("L")).astype("uint32")
    p24 = rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2]
    p32 = p24 | gray << 24
    p16 = (rgb[..., 0] >> 3) << 10 | (rgb[..., 1] >> 3) << 5 | rgb[..., 2] >> 3
    mask = (numpy.hypot(*numpy.mgrid[-30:31, -30:31]) > 28).astype("uint32")
    palettes, indices = {}, {}
    for colors in (2, 16, 256):
        quantized = small.quantize(colors, dither=Image.Dither.NONE)
        flat = quantized.getpalette()
        palettes[colors] = [tuple(flat[3 * i:3 * i + 3]) for i in range(len(flat) // 3)]
        palettes[colors] += [(0, 0, 0)] * (colors - len(palettes[colors]))
        indices[colors] = numpy.asarray(quantized).astype("uint32")
    bodies = {1: dib(indices[2], 1, palettes[2], mask), 4: dib(indices[16], 4, palettes[16], mask),
              8: dib(indices[256], 8, palettes[256], mask), 16: dib(p16, 16, mask=mask),
              24: dib(p24, 24, mask=mask), 32: dib(p32, 32, mask=mask)}
    for bits, body in bodies.items():
        yield case(f"bits-{bits}.ico", icon([entry(side, side, body, bits)]))
        yield case(f"bits-{bits}.cur", icon([entry(side, side, body, bits)], kind=2))
    for bits in (1, 4, 8, 24, 32):
        yield case(f"bits-{bits}-not-told.ico", icon([entry(side, side, bodies[bits], 0)]))
    yield case("bits-24-told-32.ico", icon([entry(side, side, bodies[24] + bytes(9000), 32)]))
    yield case("bits-32-told-24.ico", icon([entry(side, side, bodies[32], 24)]))
    yield case("alpha-0.ico", icon([entry(side, side, dib(p24, 32, mask=mask), 32)]))
    yield case("bits-32-no-mask.ico", icon([entry(side, side, dib(p32, 32), 32)]))
    yield case("top-down.ico", icon([entry(side, side, dib(p24, 24, mask=mask, top_down=True), 24)]))
    yield case("header-v5.ico", icon([entry(side, side, dib(p24, 24, mask=mask, header=124), 24)]))
    yield case("few-colors.ico",
               icon([entry(side, side, dib(indices[16], 8, palettes[16], mask, colors=16), 8)]))
    yield case("black-white.ico",
               icon([entry(side, side, dib(gray // 128, 1, [(0, 0, 0), (255, 255, 255)], mask), 1)]))
    for width in (1, 31, 32, 33, 64):
        part = p24[:20, :width] if width < side else numpy.tile(p24, 2)[:20, :width]
        hole = (numpy.indices(part.shape).sum(axis=0) % 5 == 0).astype("uint32")
        yield case(f"width-{width}.ico", icon([entry(width, 20, dib(part, 24, mask=hole), 24)]))

    # PNGs of every mode
    for name, image in (("rgb", small), ("rgba", rgba.resize((side, side))),
                        ("gray", small.convert("L")), ("palette", small.quantize(50)),
                        ("bilevel", small.convert("1")),
                        ("la", rgba.convert("LA").resize((side, side)))):
        yield case(f"png-{name}.ico", icon([entry(side, side, png(image))]))
    exif = Image.Exif()
    exif[0x112] = 6
    yield case("png-turned.ico", icon([entry(side, 40, png(sized(side, 40), exif=exif))]))
    yield case("png-of-another-size.ico", icon([entry(16, 16, png(small))]))
    yield case("png-cursor.cur", icon([entry(side, side, png(small))], kind=2), expected=small,
               reason="Pillow looks for a bitmap in every cursor; Windows takes PNGs too")

    # Which one
    def flat(width, height, level, bits):
        samples = numpy.full((height, width), level, dtype="uint32")
        empty = numpy.zeros((height, width), dtype="uint32")
        if bits <= 8:
            palette = [(i * 7 % 256, i, 255 - i) for i in range(1 << bits)]
            return entry(width, height, dib(samples % (1 << bits), bits, palette, empty), bits)
        return entry(width, height, dib(samples * 0x010203, bits, mask=empty), bits)

    orders = {"growing": [flat(16, 16, 1, 24), flat(32, 32, 2, 24), flat(48, 48, 3, 24)],
              "shrinking": [flat(48, 48, 3, 24), flat(32, 32, 2, 24), flat(16, 16, 1, 24)],
              "same-size": [flat(32, 32, 1, 4), flat(32, 32, 2, 24), flat(32, 32, 3, 8)],
              "same-depth": [flat(32, 32, 1, 24), flat(32, 32, 2, 24), flat(32, 32, 3, 24)],
              "same-area": [flat(16, 64, 1, 24), flat(64, 16, 2, 24), flat(32, 32, 3, 24)],
              "area-and-depth": [flat(16, 64, 1, 24), flat(64, 16, 2, 8), flat(32, 32, 3, 4)],
              "with-a-png": [flat(32, 32, 1, 24), entry(32, 32, png(sized(32)), 32)],
              "png-first": [entry(32, 32, png(sized(32)), 24), flat(32, 32, 1, 24)],
              "with-256": [flat(200, 200, 1, 8), entry(256, 256, png(sized(256)), 32)]}
    for name, entries in orders.items():
        yield case(f"{name}.ico", icon(entries))
        if "png" not in name and "256" not in name:
            yield case(f"{name}.cur", icon(entries, kind=2))
    for name, colors in (("2", (2, 0)), ("16", (16, 2)), ("0", (0, 16)), ("1", (1, 2)), ("17", (17, 16))):
        both = [flat(32, 32, 1, 4), flat(32, 32, 2, 8)]
        for one, count in zip(both, colors):
            one.update(bits=0, colors=count)
        yield case(f"by-colors-{name}.ico", icon(both))
    yield case("reserved-255.ico", icon([flat(32, 32, 5, 24)], reserved=255))

    # Damage
    yield case("cut-directory.ico", icon(orders["growing"])[:30])
    yield case("cut-pixels.ico", icon([entry(side, side, bodies[24], 24)])[:-3000])
    yield case("cut-mask.ico", icon([entry(side, side, bodies[24], 24)])[:-40])
    yield case("size-0.ico", icon([entry(side, side, bodies[24], 24)], size=0))
    yield case("size-short.ico", icon([entry(side, side, bodies[24], 24)], size=9000))
    yield case("size-long.ico", icon([entry(side, side, bodies[24], 24)], size=1 << 31))
    yield case("cut-png.ico", icon([entry(side, side, png(small)[:3000])]))
    yield case("none.ico", struct.pack("<HHH", 0, 1, 0) + bytes(30))
    yield case("cut-cursor.cur", icon([entry(side, side, bodies[24], 24)], kind=2)[:-9000])
