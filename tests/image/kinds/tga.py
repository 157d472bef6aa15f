"""TGA of all types, depths, palettes and origins, run lengths included."""

import random
import struct
import subprocess

from images import Image, numpy, photograph
from kind import Case

NAMES = {0: "bottom-left", 0x10: "bottom-right", 0x20: "top-left", 0x30: "top-right"}


def header(kind, width, height, bits, flags=0, palette=None, first=0, entry_bits=0, ident=b""):
    count = 0 if palette is None else len(palette) * 8 // (-(-entry_bits // 8) * 8)
    return struct.pack("<BBBHHBHHHHBB", len(ident), palette is not None, kind, first, count,
                       entry_bits, 0, 0, width, height, bits, flags) + ident + (palette or b"")


def turned(pixels, flags):
    """Rows as the file has them, of an array [height, width, bytes]."""
    if not flags & 0x20:
        pixels = pixels[::-1]
    return pixels[:, ::-1] if flags & 0x10 else pixels


def packets(pixels, source, crossing=""):
    """Run lengths. `crossing`: which packets go over the ends of rows, "literals" or "all"."""
    height, width, _ = pixels.shape
    flat = [bytes(pixel) for pixel in pixels.reshape(height * width, -1)]
    data, at = b"", 0
    while at < len(flat):
        row_end = at - at % width + width
        end = at
        limit = min(len(flat) if crossing == "all" else row_end, at + 128)
        while end < limit and flat[end] == flat[at]:
            end += 1
        if end - at > 1:
            data += bytes([127 + end - at]) + flat[at]
        else:
            limit = min(len(flat) if crossing else row_end, at + source.randrange(1, 129))
            while end < limit and flat[end] != flat[end - 1]:
                end += 1
            data += bytes([end - at - 1]) + b"".join(flat[at:end])
        at = end
    return data


def make(folder):  # pylint: disable=too-many-locals,too-many-statements
    def case(name, data, **more):
        path = folder / name
        path.write_bytes(data)
        return Case(path, **more)

    source = random.Random(7)
    photo = photograph("coffee.png").resize((121, 83))
    rgb = numpy.asarray(photo)
    height, width, _ = rgb.shape
    gray = numpy.asarray(photo.convert("L"))[..., None]
    alpha = numpy.broadcast_to(numpy.linspace(0, 255, width).astype("uint8")[None, :, None],
                               gray.shape)
    bgr = rgb[..., ::-1]
    wide = rgb.astype("uint16")
    p16 = ((wide[..., 0] >> 3) << 10 | (wide[..., 1] >> 3) << 5 | wide[..., 2] >> 3) | 0x8000
    p16 = numpy.stack([p16 & 255, p16 >> 8], axis=-1).astype("uint8")
    quantized = photo.quantize(200, dither=Image.Dither.NONE)
    index = numpy.asarray(quantized)[..., None]
    colors = numpy.asarray(quantized.getpalette()).reshape(-1, 3)[:200].astype("uint8")
    palette = colors[:, ::-1].tobytes()
    narrow = colors.astype("uint16") >> 3
    palette16 = (narrow[:, 0] << 10 | narrow[:, 1] << 5 | narrow[:, 2]).astype("<u2").tobytes()
    palette32 = numpy.concatenate([colors[:, ::-1], colors[:, :1]], axis=1).tobytes()

    # What Pillow and ImageMagick write
    rgba = photo.copy()
    rgba.putalpha(Image.fromarray(alpha[..., 0]))
    for name, image in (("rgb", photo), ("rgba", rgba), ("gray", photo.convert("L")),
                        ("la", rgba.convert("LA")), ("palette", quantized),
                        ("bilevel", photo.convert("1"))):
        for rle in ((False, True) if name != "bilevel" else (False,)):
            for orientation in (1, -1):
                path = folder / f"pillow-{name}-{'rle' if rle else 'raw'}-{orientation}.tga"
                image.save(path, rle=rle, orientation=orientation, id_section=b"a name")
                yield Case(path)
    photo.save(folder / "source.png")
    for name, options in (("rgb", []), ("rle", ["-compress", "RLE"]),
                          ("palette", ["-colors", "60", "-type", "Palette"]),
                          ("gray", ["-colorspace", "gray"]),
                          ("alpha", ["-alpha", "set", "-channel", "A", "-evaluate", "set", "40%"])):
        path = folder / f"magick-{name}.tga"
        subprocess.run(["convert", str(folder / "source.png"), *options, str(path)], check=True)
        yield Case(path)

    # Every kind from every corner, raw and with packets
    kinds = {"gray-8": (3, 8, gray), "gray-16": (3, 16, numpy.concatenate([gray, alpha], axis=2)),
             "color-16": (2, 16, p16), "color-24": (2, 24, bgr),
             "color-32": (2, 32, numpy.concatenate([bgr, alpha], axis=2))}
    for name, (kind, bits, pixels) in kinds.items():
        for flags, corner in NAMES.items():
            as_stored = turned(pixels, flags)
            flags |= 8 if bits == 32 else 0
            yield case(f"{name}-{corner}.tga",
                       header(kind, width, height, bits, flags) + as_stored.tobytes())
            flat = as_stored // 32 * 32  # so that there are runs
            yield case(f"{name}-{corner}-rle.tga",
                       header(kind + 8, width, height, bits, flags) + packets(flat, source))
    for flags, corner in NAMES.items():
        as_stored = turned(index, flags)
        head = {"flags": flags, "palette": palette, "entry_bits": 24}
        yield case(f"palette-{corner}.tga", header(1, width, height, 8, **head) + as_stored.tobytes())
        yield case(f"palette-{corner}-rle.tga",
                   header(9, width, height, 8, **head) + packets(as_stored, source))
    for first in (0, 1, 50):
        yield case(f"palette-first-{first}.tga",
                   header(1, width, height, 8, palette=palette, first=first, entry_bits=24)
                   + index.tobytes())
        yield case(f"palette-16-first-{first}.tga",
                   header(1, width, height, 8, palette=palette16, first=first, entry_bits=16)
                   + index.tobytes())
    yield case("palette-short.tga",
               header(1, width, height, 8, palette=palette[:90], entry_bits=24) + index.tobytes())
    yield case("palette-none.tga", header(1, width, height, 8) + index.tobytes())
    expected = Image.fromarray(colors[index[::-1, :, 0]])
    narrowed = Image.fromarray((narrow * 255 // 31).astype("uint8")[index[::-1, :, 0]])

    def nearest(image):
        """So that it is resized as a palette image is."""
        pixels = numpy.asarray(image).reshape(-1, 3)
        all_colors, places = numpy.unique(pixels, axis=0, return_inverse=True)
        made = Image.fromarray(places.reshape(height, width).astype("uint8"), mode="P")
        made.putpalette(all_colors.ravel().tolist())
        return made

    yield case("palette-32.tga",
               header(1, width, height, 8, palette=palette32, entry_bits=32) + index.tobytes(),
               expected=nearest(expected), reason="Pillow 9.4 cannot unpack a palette of 32 bits")
    yield case("palette-15.tga",
               header(1, width, height, 8, palette=palette16, entry_bits=15) + index.tobytes(),
               expected=nearest(narrowed),
               reason="Pillow takes a palette of 15 bits a colour for the pixels")
    yield case("palette-too-long.tga",
               header(1, width, height, 8, palette=palette * 2, entry_bits=24) + index.tobytes(),
               expected=nearest(expected), reason="Pillow refuses palettes of more than 256 colours")
    yield case("color-with-palette.tga",
               header(2, width, height, 24, palette=palette, entry_bits=24) + bgr[::-1].tobytes(),
               expected=photo, reason="Pillow gives the palette to an image that has no use for it")
    low = p16 & numpy.array([255, 127], dtype="uint8")
    shown = ((wide >> 3) * 255 // 31).astype("uint8")
    yield case("color-15.tga", header(2, width, height, 15) + low[::-1].tobytes(),
               expected=Image.fromarray(shown), reason="Pillow does not know 15 bits a pixel")

    bits = numpy.packbits(gray[..., 0] > 100, axis=1)
    for flags, corner in NAMES.items():
        yield case(f"bilevel-{corner}.tga", header(3, width, height, 1, flags) + bits.tobytes())

    # Identification, packets, what follows
    for length in (1, 100, 255):
        yield case(f"id-{length}.tga",
                   header(2, width, height, 24, ident=b"x" * length) + bgr.tobytes())
    yield case("id-and-palette.tga",
               header(1, width, height, 8, palette=palette, entry_bits=24, ident=b"id" * 30)
               + index.tobytes())
    flat = bgr // 64 * 64
    yield case("literals-cross-rows.tga",
               header(10, width, height, 24, 0x20) + packets(flat, source, "literals"))
    yield case("runs-cross-rows.tga",
               header(10, width, height, 24, 0x20) + packets(flat, source, "all"),
               expected=Image.fromarray(numpy.ascontiguousarray(flat[..., ::-1])),
               reason="Pillow refuses runs that cross the end of a row, which TGA 1 allows")
    narrow_photo = numpy.ascontiguousarray(gray[:, :3])
    yield case("literals-cross-many-rows.tga",
               header(11, 3, height, 8, 0x20) + packets(narrow_photo, source, "literals"))
    yield case("footer.tga", header(2, width, height, 24) + bgr.tobytes() + bytes(8)
               + b"TRUEVISION-XFILE.\0")
    yield case("alpha-not-told.tga",
               header(2, width, height, 32) + numpy.concatenate([bgr, alpha], axis=2).tobytes())
    for name in ("targa.icb", "targa.vda", "targa.vst", "targa.png", "no-extension"):
        yield case(name, header(2, width, height, 24) + bgr.tobytes())

    # Refusals
    yield case("palette-16-bit-indices.tga",
               header(1, width, height, 16, palette=palette, entry_bits=24) + p16.tobytes(),
               refused="16 bits", reason="Pillow does not know 16-bit indices")
    yield case("cut.tga", header(2, width, height, 24) + bgr.tobytes()[:-1])
    yield case("cut-palette.tga", header(1, width, height, 8, palette=palette, entry_bits=24)[:-50])
    yield case("cut-packets.tga", header(10, width, height, 24) + packets(flat, source)[:-1])
    yield case("cut-many-packets.tga", header(10, width, height, 24) + packets(flat, source)[:3000])
    yield case("no-pixels.tga", header(2, 0, height, 24) + bgr.tobytes(),
               refused="unsupported image format", reason="no TGA has this header")
    yield case("text.tga", b"A text, and no image at all.\n" * 40,
               refused="unsupported image format", reason="the extension is no evidence")
    yield case("utf-16.tga", "a\n bbbbbbbbbbbbb     b b b b b b   b b".encode("utf-16-le") * 40,
               refused="unsupported image format", reason="it is a text in UTF-16")
