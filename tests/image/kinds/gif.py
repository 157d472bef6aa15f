"""GIF: still, animated, interlaced, transparent, frames on a canvas, palettes of every sort, damage."""

import struct
import subprocess

import numpy
from images import Image, photograph
from kind import Case

SIZE = (37, 23)


def indices(colors=256, size=SIZE):
    """A photograph's gray levels, as so many indices."""
    gray = numpy.asarray(photograph("chelsea.png").resize(size).convert("L"))
    return (gray.astype(int) * colors // 256).astype("uint8")


def palette(entries, seed=1):
    return numpy.random.default_rng(seed).integers(0, 256, 3 * entries, dtype="uint8").tobytes()


def lzw(values, bits, clear_first=True, end=True, grow=True):
    """The codes as one run of bytes; without `grow` each index is a code of its own."""
    clear = 1 << bits
    out, count, size, table = 0, 0, bits + 1, {}
    parts = []

    def put(code):
        nonlocal out, count
        out |= code << count
        count += size
        if count >= 4096:
            parts.append((out & ((1 << (count // 8 * 8)) - 1)).to_bytes(count // 8, "little"))
            out >>= count // 8 * 8
            count %= 8

    def reset():
        nonlocal size, table
        table = {(i,): i for i in range(clear)}
        size = bits + 1

    reset()
    if clear_first:
        put(clear)
    string = ()
    for value in map(int, values):
        if not grow:
            put(value)
            put(clear)
            continue
        if string + (value,) in table:
            string += (value,)
            continue
        put(table[string])
        code = len(table) + 2
        if code < 4096:
            table[string + (value,)] = code
            if code == 1 << size and size < 12:
                size += 1
        elif clear_first:
            put(clear)
            reset()
        string = (value,)
    if grow and string:
        put(table[string])
    if end:
        put(clear + 1)
    return b"".join(parts) + out.to_bytes((count + 7) // 8, "little")


def blocks(data, size=255):
    return b"".join(bytes([len(data[i:i + size])]) + data[i:i + size] for i in range(0, len(data), size)) + b"\0"


def interlaced(values):
    return numpy.concatenate([values[0::8], values[4::8], values[2::4], values[1::2]])


def frame(values, at=(0, 0), size=None, bits=8, local=None, lace=False, data=None):
    height, width = values.shape
    table = 0x80 | (len(local) // 3).bit_length() - 2 if local is not None else 0
    rows = interlaced(values) if lace else values
    if data is None:
        data = blocks(lzw(rows.ravel(), bits))
    return (b"," + struct.pack("<HHHHB", *at, *(size or (width, height)), table | lace << 6) + (local or b"") +
            bytes([bits]) + data)


def control(transparent=None, disposal=0):
    return b"!\xf9\4" + struct.pack("<BHBB", disposal << 2 | (transparent is not None), 0, transparent or 0, 0)


def gif(*parts, size=SIZE, colors=None, version=b"GIF89a", background=0, end=b";"):
    flags = 0x80 | (len(colors) // 3).bit_length() - 2 if colors is not None else 0
    return (version + struct.pack("<HHBBB", *size, flags, background, 0) + (colors or b"") + b"".join(parts) +
            end)


class Maker:
    def __init__(self, folder):
        self.folder = folder

    def __call__(self, name, data, **expected):
        path = self.folder / (name if "." in name else name + ".gif")
        path.write_bytes(data)
        return Case(path, **expected)


def kinds(add):
    for bits in range(1, 9):
        colors = 1 << bits
        image = frame(indices(colors), bits=max(bits, 2))
        yield add(f"bits-{bits}", gif(image, colors=palette(colors)))
        yield add(f"bits-{bits}-interlaced", gif(frame(indices(colors), bits=max(bits, 2), lace=True),
                                                 colors=palette(colors)))
        yield add(f"bits-{bits}-literal", gif(frame(indices(colors), bits=bits, data=blocks(
            lzw(indices(colors).ravel(), bits, grow=False))), colors=palette(colors)))
    for bits in (9, 10, 11, 12, 13, 255):
        data = blocks(lzw(indices().ravel(), bits, grow=False)) if bits < 14 else b"\1\0\0"
        yield add(f"code-bits-{bits}", gif(frame(indices(), bits=bits, data=data), colors=palette(256)))
    yield add("code-bits-0", gif(frame(indices(1), bits=0, data=blocks(bytes(999))), colors=palette(2)))
    yield add("gif87", gif(frame(indices()), colors=palette(256), version=b"GIF87a"))
    yield add("gif88", gif(frame(indices()), colors=palette(256), version=b"GIF88a"), refused="unsupported",
              reason="there is no such version")
    yield add("called.jpg", gif(frame(indices()), colors=palette(256)))
    for width, height in ((1, 1), (1, 2), (3, 3), (5, 1), (2, 9), (300, 4)):
        for lace in (False, True):
            yield add(f"{width}x{height}-{lace}", gif(frame(indices(size=(width, height)), lace=lace),
                                                      size=(width, height), colors=palette(256)))
    noise = numpy.random.default_rng(5).integers(0, 256, (150, 120), dtype="uint8")
    smooth = numpy.zeros((200, 150), "uint8")
    for name, values in (("noise", noise), ("smooth", smooth)):
        height, width = values.shape
        yield add(name, gif(frame(values), size=(width, height), colors=palette(256)))
        # The table of strings fills, and is used on without being cleared.
        yield add(f"{name}-full-table", gif(frame(values, data=blocks(lzw(values.ravel(), 8, clear_first=False))),
                                            size=(width, height), colors=palette(256)))


def palettes(add):
    gray = bytes(value for level in range(256) for value in (level,) * 3)
    image, local = indices(), palette(256, 2)
    for name, shared in (("none", None), ("gray", gray), ("colors", palette(256)), ("short", palette(16)),
                         ("short-gray", gray[:48]), ("gray-but-one", gray[:-1] + b"\0")):
        yield add(f"global-{name}", gif(frame(image), colors=shared))
        yield add(f"global-{name}-local", gif(frame(image, local=local), colors=shared))
        yield add(f"global-{name}-local-gray", gif(frame(image, local=gray), colors=shared))
        yield add(f"global-{name}-local-short", gif(frame(image, local=palette(8, 3)), colors=shared))
        yield add(f"global-{name}-transparent", gif(control(7), frame(image, (3, 2)), colors=shared))


def canvases(add):
    image, colors = indices(), palette(256)
    for name, at, size in (("smaller", (5, 3), (50, 40)), ("wider", (0, 0), (90, 23)), ("higher", (0, 0), (37, 50)),
                           ("outside", (30, 20), SIZE), ("far-outside", (200, 150), (9, 9)),
                           ("no-canvas", (0, 0), (0, 0)), ("no-width", (4, 0), (0, 30)), ("thin", (0, 5), (100, 2))):
        for lace in (False, True):
            for transparent in (None, 9, 255):
                yield add(f"canvas-{name}-{lace}-{transparent}",
                          gif(control(transparent), frame(image, at, lace=lace), size=size, colors=colors,
                              background=77))
    for at, size in (((0, 0), (0, 0)), ((0, 0), (0, 9)), ((0, 9), (0, 9)), ((3, 0), (0, 9)), ((0, 0), (9, 0))):
        yield add(f"no-pixels-{at[0]}-{at[1]}-{size[0]}-{size[1]}", gif(frame(image, at, size), colors=colors))
    yield add("no-pixels-no-canvas", gif(frame(image, (0, 0), (0, 0)), size=(0, 0), colors=colors))
    yield add("no-frame", gif(colors=colors))
    yield add("no-frame-no-end", gif(colors=colors, end=b""))


def extensions(add):
    image, colors = frame(indices(), (4, 4)), palette(256)
    size = (60, 50)
    comment, text = b"!\xfe\3cat\3dog\0", b"!\1\x0c" + bytes(12) + b"\3cat\0"
    loop = b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0"
    xmp = b"!\xff\x0bXMP DataXMP" + b"<x/>" + b"\1" + bytes(range(255, -1, -1)) + b"\0"
    for name, parts in {"comment": (comment, image), "text": (text, image), "loop": (loop, image),
                        "xmp": (xmp, image), "unknown": (b"!\x77\2ab\0", image),
                        "comment-empty": (b"!\xfe\0", image), "stray": (b"\0\0stray", image),
                        "control-twice": (control(3), control(5), image),
                        "control-unsaid": (control(3), control(), image),
                        "control-behind": (image, control(3)), "control-long": (b"!\xf9\6\1\0\0\7\0\0\0", image),
                        "control-blocks": (b"!\xf9\4\1\0\0\7\0\2ab\0", image),
                        "disposal-2": (control(3, 2), image), "disposal-3": (control(3, 3), image),
                        "disposal-2-only": (control(None, 2), image),
                        "control-short": (b"!\xf9\2\1\0\0", image), "control-cut": (b"!\xf9\3\1\0\0\0", image),
                        "endless": (b"!\xfe" + b"\3cat" * 9,), "cut": (b"!",), "cut-label": (b"!\xf9",)}.items():
        yield add(f"extension-{name}", gif(*parts, size=size, colors=colors))
    moved = indices()[:, ::-1].copy()
    for disposal in range(4):
        second = control(4, disposal) + frame(moved, (9, 9), local=palette(256, 4))
        yield add(f"animated-{disposal}", gif(loop, control(2, disposal), image, second, second, size=size,
                                              colors=colors))


def damage(add):
    values, colors = indices(size=(64, 48)), palette(256)
    size = (64, 48)
    codes = lzw(values.ravel(), 8)
    good = gif(frame(values), size=size, colors=colors)
    for fraction in (0.001, 0.01, 0.1, 0.3, 0.32, 0.34, 0.4, 0.6, 0.8, 0.95, 0.99):
        yield add(f"cut-{fraction}", good[:int(len(good) * fraction)])
    for less in range(1, 8):
        yield add(f"cut-end-{less}", good[:-less])
    for name, end in (("junk", b";junk" * 30), ("no-end", b""), ("stray", b"junk"), ("another", b";" + good)):
        yield add(f"trailing-{name}", gif(frame(values), size=size, colors=colors, end=end))

    def with_data(data):
        return gif(frame(values, data=data), size=size, colors=colors)

    yield add("no-end-code", with_data(blocks(lzw(values.ravel(), 8, end=False))))
    yield add("no-clear-code", with_data(blocks(lzw(values.ravel(), 8, clear_first=False))))
    yield add("clears", with_data(blocks(lzw(numpy.full(3072, 7), 8, grow=False))))
    yield add("early-end", with_data(blocks(lzw(values.ravel()[:1000], 8))))
    yield add("early-block", with_data(blocks(codes[:700]) + blocks(codes[700:])))
    yield add("no-blocks", with_data(b"\0"))
    yield add("more-pixels", with_data(blocks(lzw(numpy.tile(values.ravel(), 2), 8))))
    yield add("more-blocks", with_data(blocks(codes + b"more" * 99)))
    for length in (1, 2, 3, 7, 254):
        yield add(f"blocks-{length}", with_data(blocks(codes, length)))
    yield add("code-too-high", with_data(blocks(codes[:400] + b"\xff" * 8 + codes[408:])))
    yield add("code-too-high-first", with_data(blocks(b"\xff" * 99)))
    random = numpy.random.default_rng(6)
    for i in range(12):
        changed = bytearray(good)
        for at in random.integers(800, len(good), 3):
            changed[at] = random.integers(256)
        yield add(f"changed-{i}", bytes(changed))
    end = good.rindex(b"\0;")
    yield add("last-block-cut", good[:end - 1])
    yield add("terminator-missing", good[:end])


def written(folder):
    """By Pillow and by ImageMagick."""
    cat = photograph("chelsea.png").resize((120, 83))
    cup = photograph("coffee.png").resize((120, 83))

    def pillow(name, image, **options):
        path = folder / f"pillow-{name}.gif"
        image.save(path, **options)
        return Case(path)

    yield pillow("palette", cat.quantize(100))
    yield pillow("rgb", cat)
    yield pillow("gray", cat.convert("L"))
    yield pillow("bilevel", cat.convert("1"))
    yield pillow("plain", cat.quantize(16), interlace=0)
    yield pillow("optimized", cat.quantize(50), optimize=True)
    yield pillow("transparent", cat.quantize(50), transparency=3)
    yield pillow("animated", cat.quantize(60), save_all=True, append_images=[cup.quantize(60)], duration=50)
    yield pillow("disposal", cat.quantize(60), save_all=True, append_images=[cup], disposal=2)
    source, other = folder / "source.png", folder / "other.png"
    cat.save(source)
    cup.save(other)
    for name, options in (("plain", []), ("interlaced", ["-interlace", "GIF"]), ("gray", ["-colorspace", "Gray"]),
                          ("two", ["-colors", "2"]), ("bilevel", ["-monochrome"]),
                          ("clear", ["-fill", "none", "-draw", "rectangle 10,10 60,40"]),
                          ("offset", ["-repage", "200x150+30+20"]), ("outside", ["-repage", "60x40+30+20"]),
                          ("animated", ["-delay", "5", other, "-loop", "0"]),
                          ("layers", [other, "-layers", "optimize"])):
        path = folder / f"magick-{name}.gif"
        subprocess.run(["convert", source, *options, path], check=True)
        yield Case(path)


def make(folder):
    add = Maker(folder)
    for part in (kinds, palettes, canvases, extensions, damage):
        yield from part(add)
    yield from written(folder)
