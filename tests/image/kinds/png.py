"""PNG: every colour type and depth, interlaced too, damage of all sorts, APNG."""

import functools
import struct
import subprocess
import zlib

import numpy
from exif_block import block, raw_profile, xmp
from images import Image, photograph, soft_alpha
from kind import Case
from png_files import END, SIGNATURE, chunk, data_chunks, header, raw

KINDS = {"gray": (0, 1, (1, 2, 4, 8, 16)), "rgb": (2, 3, (8, 16)), "palette": (3, 1, (1, 2, 4, 8)),
         "gray-alpha": (4, 2, (8, 16)), "rgba": (6, 4, (8, 16))}
SIZE = (43, 29)


@functools.lru_cache(maxsize=None)
def samples(color, depth, size=SIZE, seed=1):
    """A photograph's samples; those of 16 bits have random lower bytes."""
    image = photograph("chelsea.png").resize(size)
    rgba = image.copy()
    rgba.putalpha(soft_alpha(image))
    mode = {0: "L", 2: "RGB", 3: "L", 4: "LA", 6: "RGBA"}[color]
    out = numpy.asarray(rgba.convert(mode)).reshape(size[1], size[0], -1).astype("uint16")
    if depth < 8:
        return out >> (8 - depth)
    if depth == 8:
        return out
    return out << 8 | numpy.random.default_rng(seed).integers(0, 256, out.shape, dtype="uint16")


@functools.lru_cache(maxsize=None)
def default_data(color, depth, size, interlaced):
    return data_chunks(raw(samples(color, depth, size), depth, interlaced))


def palette(entries, seed=2):
    return numpy.random.default_rng(seed).integers(0, 256, 3 * entries, dtype="uint8").tobytes()


def png(depth=8, color=2, size=SIZE, interlaced=0, before=b"", after=b"", data=None, end=END):
    if data is None:
        data = default_data(color, depth, size, interlaced)
    if color == 3 and b"PLTE" not in before:
        before += chunk(b"PLTE", palette(1 << depth))
    return SIGNATURE + header(size, depth, color, interlaced) + before + data + after + end


def frame_control(number, size, left=0, top=0):
    return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, *size, left, top, 1, 10, 0, 0))


class Maker:
    def __init__(self, folder):
        self.folder = folder

    def __call__(self, name, data, **expected):
        path = self.folder / (name if "." in name else name + ".png")
        path.write_bytes(data)
        return Case(path, **expected)


def kinds(add):
    for name, (color, _, depths) in KINDS.items():
        for depth in depths:
            for interlaced in (0, 1):
                yield add(f"{name}-{depth}-{interlaced}", png(depth, color, interlaced=interlaced))
    # Passes of interlacing that have no pixels.
    for size in ((1, 1), (1, 9), (2, 3), (3, 1), (5, 5), (8, 8), (9, 4)):
        for name, depth in (("gray", 1), ("palette", 4), ("rgb", 8), ("rgba", 16)):
            yield add(f"adam7-{name}-{size[0]}x{size[1]}",
                      png(depth, KINDS[name][0], size, interlaced=1))
    for kind in range(5):
        for name, depth in (("gray", 2), ("gray-alpha", 8), ("rgb", 8), ("rgb", 16), ("rgba", 8)):
            color = KINDS[name][0]
            data = data_chunks(raw(samples(color, depth), depth, filters=(kind,)))
            yield add(f"filter-{kind}-{name}-{depth}", png(depth, color, data=data))


    # Nothing to resize, so that colours are not multiplied by alpha.
    for name in ("gray-alpha", "rgba"):
        yield add(f"{name}-of-the-size", png(8, KINDS[name][0], (110, 97)))


def palettes(add):
    for name, colors in (("none", None), ("empty", b""), ("short", palette(70)),
                         ("odd", palette(70) + b"\1\2"), ("256-and-more", palette(256) + b"\1\2")):
        before = b"" if colors is None else chunk(b"PLTE", colors)
        file = png(8, 3, before=before or chunk(b"PLTE"))
        if colors is None:
            file = file.replace(chunk(b"PLTE"), b"")
        yield add(f"palette-{name}", file)
        early = raw(samples(3, 8), 8)[:44 * 9]
        ended = file.replace(data_chunks(raw(samples(3, 8), 8)), data_chunks(early))
        yield add(f"palette-{name}-ended", ended)
    yield add("palette-257", png(8, 3, before=chunk(b"PLTE", palette(257))))
    yield add("palette-twice", png(8, 3, before=chunk(b"PLTE", palette(256, 3)) +
                                   chunk(b"PLTE", palette(256))))
    yield add("palette-behind", png(8, 3, before=chunk(b"PLTE", b"")).replace(chunk(b"PLTE", b""), b"")
              .replace(END, chunk(b"PLTE", palette(256)) + END))
    yield add("palette-of-rgb", png(8, 2, before=chunk(b"PLTE", palette(9))))
    colors = chunk(b"PLTE", palette(256))
    for name, alpha in (("one", b"\xff\xff\0\xff"), ("soft", bytes(range(256))), ("few", bytes(9)),
                        ("long", bytes(300)), ("empty", b"")):
        yield add(f"palette-alpha-{name}", png(8, 3, before=colors + chunk(b"tRNS", alpha)))
    yield add("alpha-before-palette", png(8, 3, before=chunk(b"tRNS", bytes(9)) + colors))
    for name, depth, alpha in (("gray", 8, b"\0\x40"), ("gray", 1, b"\0\1"), ("gray", 16, b"\7\7"),
                               ("rgb", 8, bytes(6)), ("rgb", 16, bytes(6))):
        yield add(f"transparent-{name}-{depth}",
                  png(depth, KINDS[name][0], before=chunk(b"tRNS", alpha)))


def damage(add):
    good = png()
    stream = zlib.compress(raw(samples(2, 8), 8))
    # The end of the file.
    for name, end in (("missing", b""), ("cut", END[:3]), ("cut-name", END[:6]), ("crc", END[:-1] + b"!"),
                      ("no-crc", END[:8]), ("trailing", END + b"more" * 20), ("garbage", b"garbage" * 9),
                      ("zeros", bytes(100)), ("twice", END + good)):
        yield add(f"end-{name}", png(end=end))
    yield add("idat-crc", png(data=chunk(b"IDAT", stream, crc=1)))
    yield add("idat-no-crc", png(data=chunk(b"IDAT", stream)[:-4], end=b""))
    # Where the data end: the checksum of the pixels is not missed, the pixels are.
    for less in (1, 3, 4, 5, 6, 7, 8, 12, 20, 60, len(stream) // 2, len(stream) - 3, len(stream)):
        yield add(f"idat-cut-{less}", png(data=chunk(b"IDAT", stream)[:-4 - less], end=b""))
        yield add(f"idat-short-{less}", png(data=chunk(b"IDAT", stream[:len(stream) - less])))
    for fraction in (0.01, 0.02, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99):
        yield add(f"cut-{fraction}", good[:int(len(good) * fraction)])
    yield add("adler", png(data=chunk(b"IDAT", stream[:-4] + b"bad!")))
    yield add("adler-apart", png(data=chunk(b"IDAT", stream[:-4]) + chunk(b"IDAT", b"bad!")))
    yield add("adler-apart-cut",
              png(data=chunk(b"IDAT", stream[:-4]) + chunk(b"IDAT", b"bad!")[:-6], end=b""))
    yield add("more-data", png(data=chunk(b"IDAT", stream + b"more" * 9) + chunk(b"IDAT", b"more")))
    pixels = raw(samples(2, 8), 8)
    yield add("more-rows", png(data=data_chunks(pixels + pixels)))
    for rows in (0, 1, 17, 28):
        yield add(f"ended-{rows}", png(data=data_chunks(pixels[:130 * rows])))
        yield add(f"ended-{rows}-and-some", png(data=data_chunks(pixels[:130 * rows + 77])))
    yield add("ended-interlaced", png(interlaced=1, data=data_chunks(
        raw(samples(2, 8), 8, interlaced=1)[:900])))
    yield add("no-data", png(data=b""))
    yield add("empty-data", png(data=chunk(b"IDAT")))
    yield add("broken-data", png(data=chunk(b"IDAT", b"x" + stream[1:])))
    yield add("flipped", png(data=chunk(b"IDAT", stream[:500] + b"\x55\xaa" + stream[502:])))
    yield add("dictionary", png(data=chunk(b"IDAT", b"\x78\xbb" + bytes(4) + stream[2:])))
    yield add("filter-5", png(data=data_chunks(b"\5" + pixels[1:])))
    # Many pieces.
    yield add("bytewise", png(data=b"".join(chunk(b"IDAT", stream[i:i + 1]) for i in range(len(stream)))))
    yield add("empty-pieces", png(data=chunk(b"IDAT") * 3 + chunk(b"IDAT", stream[:99]) + chunk(b"IDAT") +
                                  chunk(b"IDAT", stream[99:]) + chunk(b"IDAT")))
    yield add("piece-apart", png(data=chunk(b"IDAT", stream[:99]) + chunk(b"tEXt", b"a\0b") +
                                 chunk(b"IDAT", stream[99:])))
    yield add("stored", png(data=data_chunks(pixels, level=0)))
    large = (300, 260)  # of more than one of the pieces in which Pillow reads
    yield add("large", png(size=large, data=data_chunks(raw(samples(2, 8, large), 8, filters=(0,)), 1, 0)))


def structure(add):
    good = png()
    size = struct.pack(">II", *SIZE)
    head, rest = good[8:33], good[33:]
    for name, data in (("ihdr-crc", SIGNATURE + head[:-1] + b"!" + rest),
                       ("ihdr-short", SIGNATURE + chunk(b"IHDR", size + b"\x08\2\0\0") + rest),
                       ("ihdr-long", SIGNATURE + chunk(b"IHDR", size + b"\x08\2\0\0\0more") + rest),
                       ("ihdr-twice", SIGNATURE + header((9, 9), 1, 0) + head + rest),
                       ("ihdr-late", SIGNATURE + chunk(b"tEXt", b"a\0b") + head + rest),
                       ("ihdr-missing", SIGNATURE + rest),
                       ("compression-1", SIGNATURE + header(SIZE, 8, 2, compression=1) + rest),
                       ("filter-method-1", SIGNATURE + header(SIZE, 8, 2, filters=1) + rest),
                       ("interlace-2", SIGNATURE + header(SIZE, 8, 2, 2) + png(interlaced=1)[33:]),
                       ("no-pixels", SIGNATURE + header((0, 9), 8, 2) + rest),
                       ("empty-file", SIGNATURE),
                       ("bad-name", png(before=chunk(b"te\0t", b"x"))),
                       ("bad-name-behind", png(after=chunk(b"te\0t", b"x"))),
                       ("unknown-critical", png(before=chunk(b"ABCD", b"x"))),
                       ("unknown-digits", png(before=chunk(b"A_12", b"x"))),
                       ("unknown-crc", png(before=chunk(b"ABCD", b"x", crc=1))),
                       ("plte-crc", png(8, 3, before=chunk(b"PLTE", palette(256), crc=1))),
                       ("end-first", SIGNATURE + head + END + rest),
                       ("png-called.jpg", good)):
        yield add(name, data)
    for depth, color in ((4, 2), (16, 3), (1, 6), (3, 0), (8, 1), (8, 5), (8, 7), (0, 0), (32, 0)):
        yield add(f"kind-{depth}-{color}", SIGNATURE + header(SIZE, depth, color) + rest)
    yield add("apple", SIGNATURE + chunk(b"CgBI", b"\x50\0\x20\x02") + good[8:], refused="CgBI",
              reason="Apple's own kind is named; Pillow calls its data broken")
    # Lengths beyond the file.
    for name, length in (("all-ones", 0xffffffff), ("2-gib", 0x80000000), ("one-more", 9)):
        text = struct.pack(">I", length) + b"tEXta\0b"
        yield add(f"length-{name}", SIGNATURE + head + text + rest)
        yield add(f"length-{name}-behind", good[:-12] + text)
        yield add(f"length-{name}-data", SIGNATURE + head + struct.pack(">I", length) + rest[4:])


def texts(add):
    """Chunks that do not make the pixels."""
    stored = Image.fromarray(samples(2, 8).astype("uint8"))
    sound = {"text": chunk(b"tEXt", b"Title\0cat"), "text-no-key": chunk(b"tEXt", b"\0cat"),
             "text-no-value": chunk(b"tEXt", b"Title"), "text-empty": chunk(b"tEXt"),
             "ztxt": chunk(b"zTXt", b"Title\0\0" + zlib.compress(b"cat")),
             "ztxt-broken": chunk(b"zTXt", b"Title\0\0nothing compressed"),
             "ztxt-empty": chunk(b"zTXt", b"Title"), "itxt": chunk(b"iTXt", b"Title\0\0\0en\0T\0cat"),
             "itxt-broken": chunk(b"iTXt", b"Title\0\1\0en\0T\0cat"), "itxt-cut": chunk(b"iTXt", b"Title\0\1"),
             "itxt-latin": chunk(b"iTXt", b"Title\0\0\0en\0T\0caf\xe9"),
             "iccp-broken": chunk(b"iCCP", b"sRGB\0\0nothing compressed"), "gamma": chunk(b"gAMA", bytes(4)),
             "chroma": chunk(b"cHRM", bytes(32)), "srgb": chunk(b"sRGB", b"\0"), "sbit": chunk(b"sBIT", b"\5\5\5"),
             "background": chunk(b"bKGD", bytes(6)), "time": chunk(b"tIME", bytes(7)),
             "density": chunk(b"pHYs", bytes(9)), "private": chunk(b"prVt", b"x" * 999)}
    for name, data in sound.items():
        yield add(f"{name}-before", png(before=data))
        yield add(f"{name}-behind", png(after=data))
    for name, data in (("text-crc", chunk(b"tEXt", b"Title\0cat", crc=1)), ("gamma-crc", chunk(b"gAMA", bytes(4), crc=1)),
                       ("exif-crc", chunk(b"eXIf", block(6), crc=1)), ("alpha-crc", chunk(b"tRNS", bytes(6), crc=1))):
        yield add(f"{name}-before", png(before=data), expected=stored,
                  reason="an ancillary chunk with a wrong CRC is passed over; Pillow refuses the file")
    for name in ("text", "gamma"):
        yield add(f"{name}-crc-behind", png(after=sound[name][:-1] + b"!"))
    bomb = b"Title\0\0" + zlib.compress(bytes(3 << 20))
    for name, data in (("ztxt-method", chunk(b"zTXt", b"Title\0\1cat")), ("ztxt-bomb", chunk(b"zTXt", bomb)),
                       ("gamma-short", chunk(b"gAMA", b"\0")), ("density-short", chunk(b"pHYs", b"\0")),
                       ("srgb-empty", chunk(b"sRGB")), ("iccp-method", chunk(b"iCCP", b"sRGB\0\1cat")),
                       ("alpha-short", chunk(b"tRNS", b"\0")), ("animation-short", chunk(b"acTL", b"\0")),
                       ("frame-short", chunk(b"fcTL", b"\0")),
                       ("frame-outside", frame_control(0, SIZE, 9, 9))):
        yield add(name, png(before=data), expected=stored,
                  reason="a chunk that does not make the pixels may be damaged; Pillow refuses the file")


def animations(add):
    animation = chunk(b"acTL", struct.pack(">II", 2, 0))
    stream = zlib.compress(raw(samples(2, 8), 8))
    other = zlib.compress(bytes(130 * 29))

    def data(number, content):
        return chunk(b"fdAT", struct.pack(">I", number) + content)

    second = frame_control(1, SIZE) + data(2, other)
    yield add("apng", png(before=animation + frame_control(0, SIZE), after=second))
    yield add("apng-called.apng", png(before=animation + frame_control(0, SIZE), after=second))
    yield add("apng-default", png(before=animation, after=frame_control(0, SIZE) + data(1, other) +
                                  frame_control(2, SIZE) + data(3, other)))
    yield add("apng-no-data", png(before=animation + frame_control(0, SIZE), data=data(1, stream[:99]) +
                                  data(2, stream[99:])))
    yield add("apng-runs-on", png(before=animation + frame_control(0, SIZE), data=chunk(b"IDAT", stream[:99]) +
                                  data(1, stream[99:])))
    yield add("apng-one", png(before=chunk(b"acTL", struct.pack(">II", 1, 0)) + frame_control(0, SIZE)))
    yield add("apng-none", png(before=chunk(b"acTL", struct.pack(">II", 0, 0))))
    yield add("apng-twice", png(before=animation * 2))
    # A first frame that is smaller than the canvas.
    for name, depth in (("rgb", 8), ("palette", 8), ("rgba", 8), ("gray", 1)):
        color = KINDS[name][0]
        for interlaced in (0, 1):
            part = data_chunks(raw(samples(color, depth, (21, 14)), depth, interlaced))
            for left, top in ((0, 0), (9, 11)):
                yield add(f"apng-part-{name}-{interlaced}-{left}",
                          png(depth, color, interlaced=interlaced, data=part,
                              before=animation + frame_control(0, (21, 14), left, top), after=second))
    yield add("apng-nothing", png(before=animation + frame_control(0, (0, 9), 3), after=second))
    yield add("apng-nothing-left", png(before=animation + frame_control(0, (0, 9), 0), after=second))
    turned = chunk(b"eXIf", block(6))
    yield add("apng-exif-before", png(before=turned + animation + frame_control(0, SIZE), after=second))
    yield add("apng-exif-behind", png(before=animation + frame_control(0, SIZE), after=second + turned))
    yield add("apng-exif-between", png(before=animation + frame_control(0, SIZE), after=turned + second))


def orientations(add):
    profile, packet = raw_profile(b"Exif\0\0" + block(6)), xmp()
    stored = Image.fromarray(samples(2, 8).astype("uint8"))
    texts_of = {"text": lambda key, value: chunk(b"tEXt", key + b"\0" + value),
                "ztxt": lambda key, value: chunk(b"zTXt", key + b"\0\0" + zlib.compress(value)),
                "itxt": lambda key, value: chunk(b"iTXt", key + b"\0\0\0\0\0" + value),
                "itxt-deflated":
                    lambda key, value: chunk(b"iTXt", key + b"\0\1\0\0\0" + zlib.compress(value))}
    for name, text in texts_of.items():
        for key, value in ((b"Raw profile type exif", profile), (b"Raw profile type APP1", profile),
                           (b"XML:com.adobe.xmp", packet)):
            short = key.decode().split()[-1].replace(":", "-").lower()
            yield add(f"turned-{name}-{short}-before", png(before=text(key, value)))
            yield add(f"turned-{name}-{short}-behind", png(after=text(key, value)))
    text = texts_of["text"]
    for orientation in range(1, 9):
        yield add(f"turned-{orientation}", png(before=chunk(b"eXIf", block(orientation))))
        yield add(f"turned-16-bit-{orientation}", png(16, 0, before=chunk(b"eXIf", block(orientation))))
    both = chunk(b"eXIf", block(3))
    for name, data in {
            "exif-and-xmp": both + text(b"XML:com.adobe.xmp", packet),
            "upright-exif-and-xmp": chunk(b"eXIf", block(1)) + text(b"XML:com.adobe.xmp", packet),
            "byte-exif-and-xmp": chunk(b"eXIf", block(6, "byte")) + text(b"XML:com.adobe.xmp", packet),
            "empty-exif-and-xmp": chunk(b"eXIf") + text(b"XML:com.adobe.xmp", packet),
            "exif-and-profile": both + text(b"Raw profile type exif", profile),
            "profile-and-exif": text(b"Raw profile type exif", profile) + both,
            "profile-and-xmp": text(b"Raw profile type exif", raw_profile(block(8))) +
                               text(b"XML:com.adobe.xmp", packet),
            "empty-profile-and-xmp": text(b"Raw profile type exif", b"") + text(b"XML:com.adobe.xmp", packet),
            "exif-twice": both + chunk(b"eXIf", block(8)), "exif-as-text": text(b"exif", block(6)),
            "profile-one-line": text(b"Raw profile type exif", raw_profile(block(6), width=9999)),
            "profile-odd-lines": text(b"Raw profile type exif", raw_profile(block(6), width=7)),
            "profile-blanks": text(b"Raw profile type exif", b"\nexif\n 9\n" + block(6).hex(" ").encode()),
            "profile-upper": text(b"Raw profile type exif", raw_profile(block(6)).upper()),
            "profile-cut": chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile)[:-5]),
            "profile-broken": chunk(b"zTXt", b"Raw profile type exif\0\0broken"),
            "xmp-element": text(b"XML:com.adobe.xmp", xmp("<tiff:Orientation>8</tiff:Orientation>")),
            "xmp-single-quotes": text(b"XML:com.adobe.xmp", xmp("tiff:Orientation='6'")),
            "xmp-blank": text(b"XML:com.adobe.xmp", xmp('tiff:Orientation =" 6"')),
            "xmp-second": text(b"XML:com.adobe.xmp", xmp('tiff:OrientationX="3" tiff:Orientation="6"')),
            "xmp-two": text(b"XML:com.adobe.xmp", xmp('tiff:Orientation="3" tiff:Orientation="6"')),
            "xmp-many-digits": text(b"XML:com.adobe.xmp", xmp('tiff:Orientation="68"')),
            "xmp-nine": text(b"XML:com.adobe.xmp", xmp('tiff:Orientation="9"')),
            "xmp-latin": chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet + b"\xe9"),
            "xmp-no-parts": chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0" + packet),
            "xmp-method": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\1\0\0" + zlib.compress(packet))}.items():
        yield add(f"turned-{name}", png(before=data))
    yield add("turned-exif-prefixed", png(before=chunk(b"eXIf", block(6, prefix=b"Exif\0\0"))),
              expected=stored.transpose(Image.Transpose.ROTATE_270),
              reason="some writers keep JPEG's prefix; Pillow's exif_transpose fails")
    for name, data in {"exif-garbage": chunk(b"eXIf", b"garbage"), "exif-cut": chunk(b"eXIf", b"II*\0\1"),
                       "profile-garbage": text(b"Raw profile type exif", b"\nexif\n 4\nxyzw"),
                       "profile-odd": text(b"Raw profile type exif", raw_profile(block(6))[:-2]),
                       "exif-in-itxt": texts_of["itxt"](b"exif", block(6))}.items():
        yield add(f"turned-{name}", png(before=data), expected=stored,
                  reason="EXIF data that cannot be read turn nothing; Pillow's exif_transpose fails")


def written(folder):
    """By Pillow and by ImageMagick."""
    cat = photograph("chelsea.png").resize((120, 83))
    source = folder / "source.png"
    cat.save(source)
    yield Case(source)
    for name, image, options in (("one-bit", cat.convert("1"), {}), ("palette", cat.quantize(37), {}),
                                 ("palette-2", cat.quantize(4), {"bits": 2}), ("optimized", cat, {"optimize": True})):
        image.save(folder / f"pillow-{name}.png", **options)
        yield Case(folder / f"pillow-{name}.png")
    for kind in ("PNG8", "PNG24", "PNG32", "PNG48", "PNG64", "PNG00"):
        for interlaced in ("none", "PNG"):
            path = folder / f"{kind}-{interlaced}.png"
            subprocess.run(["convert", source, "-interlace", interlaced, f"{kind}:{path}"], check=True)
            yield Case(path)
    for name, options in (("gray", ["-colorspace", "Gray"]), ("gray16", ["-colorspace", "Gray", "-depth", "16"]),
                          ("bilevel", ["-monochrome"]), ("turned", ["-orient", "RightTop"]),
                          ("alpha", ["-alpha", "set", "-channel", "A", "-evaluate", "multiply", "0.4"])):
        path = folder / f"magick-{name}.png"
        subprocess.run(["convert", source, *options, path], check=True)
        yield Case(path)


def make(folder):
    add = Maker(folder)
    for part in (kinds, palettes, damage, structure, texts, animations, orientations):
        yield from part(add)
    yield from written(folder)
