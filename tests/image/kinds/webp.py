"""WebP: lossy, lossless, alpha, animations (their first frame), metadata, damage."""

import struct
import subprocess

import numpy
from exif_block import block, xmp
from images import Image, photograph, soft_alpha
from kind import Case

SIZE = (90, 67)


def cat(size=SIZE):
    return photograph("chelsea.png").resize(size)


def soft(size=SIZE):
    image = photograph().resize(size)
    image.putalpha(soft_alpha(image))
    return image


def chunk(kind, data):
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def riff(*chunks, size=None, after=b""):
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body + after


def chunks_of(data):
    """[(type, content)] of a WebP."""
    found, at = [], 12
    while at + 8 <= len(data):
        length, = struct.unpack_from("<I", data, at + 4)
        found.append((data[at:at + 4], data[at + 8:at + 8 + length]))
        at += 8 + length + length % 2
    return found


def u24(value):
    return struct.pack("<I", value)[:3]


def extended(flags, size=SIZE):
    return chunk(b"VP8X", struct.pack("<I", flags) + u24(size[0] - 1) + u24(size[1] - 1))


def animation(background=0xff3366cc):
    return chunk(b"ANIM", struct.pack("<IH", background, 0))


def frame(content, size, at=(0, 0), flags=0):
    return chunk(b"ANMF", u24(at[0] // 2) + u24(at[1] // 2) + u24(size[0] - 1) + u24(size[1] - 1) + u24(100) +
                 bytes([flags]) + content)


class Maker:
    def __init__(self, folder):
        self.folder = folder

    def __call__(self, name, data, **expected):
        path = self.folder / (name if "." in name else name + ".webp")
        path.write_bytes(data)
        return Case(path, **expected)

    def saved(self, name, image, **options):
        path = self.folder / f"{name}.webp"
        image.save(path, **options)
        return Case(path)

    def bytes_of(self, image, **options):
        """The pixel chunks of what Pillow writes."""
        path = self.folder / "scratch"
        image.save(path, format="webp", **options)
        return b"".join(chunk(*item) for item in chunks_of(path.read_bytes())
                        if item[0] in (b"VP8 ", b"VP8L", b"ALPH"))


def kinds(add):
    for quality in (1, 30, 80, 100):
        yield add.saved(f"lossy-{quality}", cat(), quality=quality)
        yield add.saved(f"lossy-alpha-{quality}", soft(), quality=quality)
    for method in (0, 3, 6):
        yield add.saved(f"method-{method}", cat(), method=method)
        yield add.saved(f"lossless-{method}", cat(), lossless=True, method=method)
        yield add.saved(f"lossless-alpha-{method}", soft(), lossless=True, method=method)
    for name, image in (("palette", cat().quantize(16)), ("two", cat().convert("1")), ("gray", cat().convert("L")),
                        ("gray-alpha", soft().convert("LA")), ("opaque", cat().convert("RGBA")),
                        ("clear", Image.new("RGBA", SIZE, (200, 100, 50, 0)))):
        yield add.saved(f"lossless-{name}", image, lossless=True)
        yield add.saved(f"lossy-{name}", image)
    yield add.saved("exact", soft(), lossless=True, exact=True)
    for size in ((1, 1), (1, 2), (2, 1), (3, 3), (5, 17), (16, 16), (17, 33), (300, 1), (1, 300)):
        yield add.saved(f"lossy-{size[0]}x{size[1]}", cat(size))
        yield add.saved(f"lossless-{size[0]}x{size[1]}", soft(size), lossless=True)
    yield add("called.jpg", riff(add.bytes_of(cat())))


def tools(add):
    folder = add.folder
    source, alpha = folder / "source.png", folder / "alpha.png"
    cat((131, 97)).save(source, icc_profile=None)
    soft((131, 97)).save(alpha, icc_profile=None)
    for name, options in (("sharp", ["-sharp_yuv"]), ("simple-filter", ["-nostrong"]), ("strong", ["-f", "100", "-strong"]),
                          ("segments", ["-segments", "1"]), ("partitions", ["-partition_limit", "90"]),
                          ("near-lossless", ["-near_lossless", "40"]), ("lossless", ["-lossless", "-z", "9"]),
                          ("jpeg-like", ["-jpeg_like"]), ("alpha-raw", ["-alpha_method", "0"]),
                          ("alpha-filter", ["-alpha_filter", "best"]), ("alpha-lossy", ["-alpha_q", "30"]),
                          ("blend", ["-blend_alpha", "0x336699"]), ("no-alpha", ["-noalpha"]),
                          ("low-memory", ["-low_memory"]), ("profile", ["-pre", "4", "-q", "5"])):
        path = folder / f"cwebp-{name}.webp"
        subprocess.run(["cwebp", "-quiet", *options, alpha if "alpha" in name or name == "blend" else source,
                        "-o", path], check=True)
        yield Case(path)
    path = folder / "img2webp.webp"
    subprocess.run(["img2webp", "-loop", "0", source, alpha, "-o", path], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    yield Case(path)
    gif = folder / "source.gif"
    cat().quantize(30).save(gif, save_all=True, append_images=[soft().convert("RGB").quantize(30)])
    for name, options in (("lossless", []), ("lossy", ["-lossy"]), ("mixed", ["-mixed"])):
        path = folder / f"gif2webp-{name}.webp"
        subprocess.run(["gif2webp", "-quiet", *options, gif, "-o", path], check=True)
        yield Case(path)


def animations(add):
    for lossless in (False, True):
        for name, first, second in (("rgb", cat(), cat().rotate(180)), ("alpha", soft(), soft().rotate(180)),
                                    ("mixed", cat(), soft())):
            yield add.saved(f"animated-{name}-{lossless}", first, save_all=True, append_images=[second],
                            lossless=lossless, background=(200, 30, 60, 255))
    small = (40, 30)
    pixels = {"lossy": add.bytes_of(cat(small)), "lossless": add.bytes_of(cat(small), lossless=True),
              "lossy-alpha": add.bytes_of(soft(small)), "lossless-alpha": add.bytes_of(soft(small), lossless=True)}
    for name, content in pixels.items():
        for flags in (0x02, 0x12):
            for at in ((0, 0), (20, 16), (50, 36)):
                for blending in (0, 1, 2, 3):
                    if blending in (1, 2) and at != (20, 16):
                        continue
                    yield add(f"frame-{name}-{flags}-{at[0]}-{blending}",
                              riff(extended(flags), animation(), frame(content, small, at, blending),
                                   frame(pixels["lossy"], small)))
    first = frame(pixels["lossy"], small)
    for name, data in {"outside": riff(extended(2), animation(), frame(pixels["lossy"], small, (60, 0))),
                       "no-frames": riff(extended(2), animation()), "no-anim": riff(extended(2), first),
                       "one-frame": riff(extended(2), animation(), first),
                       "wrong-size": riff(extended(2), animation(), frame(pixels["lossy"], (41, 30))),
                       "no-pixels": riff(extended(2), animation(), frame(b"", small)),
                       "second-broken": riff(extended(2), animation(), first, frame(b"broken", small)),
                       "not-flagged": riff(extended(0), animation(), first),
                       "still-and-frames": riff(extended(2), animation(), add.bytes_of(cat()), first)}.items():
        yield add(f"animation-{name}", data)


def metadata(add):
    still, alpha = add.bytes_of(cat()), add.bytes_of(soft(), lossless=True)
    both = add.bytes_of(soft())
    turned = chunk(b"EXIF", block(6))
    for orientation in range(1, 9):
        yield add(f"turned-{orientation}", riff(extended(8), still, chunk(b"EXIF", block(orientation))))
    for name, data in {
            "turned-alpha": riff(extended(0x18), alpha, turned), "turned-first": riff(extended(8), turned, still),
            "turned-prefixed": riff(extended(8), still, chunk(b"EXIF", block(6, prefix=b"Exif\0\0"))),
            "turned-twice": riff(extended(8), still, turned, chunk(b"EXIF", block(3))),
            "turned-not-flagged": riff(extended(0), still, turned),
            "turned-simple": riff(still, turned), "turned-animated":
                riff(extended(0x0a), animation(), frame(add.bytes_of(cat((40, 30))), (40, 30)), turned),
            "exif-empty": riff(extended(8), still, chunk(b"EXIF", b"")),
            "xmp": riff(extended(4), still, chunk(b"XMP ", xmp())),
            "xmp-and-exif": riff(extended(12), still, turned, chunk(b"XMP ", xmp('tiff:Orientation="3"'))),
            "profile": riff(extended(0x20), chunk(b"ICCP", b"no profile"), still),
            "unknown-chunk": riff(extended(0), chunk(b"what", b"odd"), still),
            "unknown-flags": riff(extended(0xc1), still),
            "alpha-not-flagged": riff(extended(0), both), "lossless-alpha-not-flagged": riff(extended(0), alpha),
            "alpha-flagged": riff(extended(0x10), still), "alpha-simple": riff(both),
            "alpha-lossless": riff(alpha)}.items():
        yield add(name, data)
    for name, data in {"exif-garbage": b"garbage", "exif-cut": b"II*\0\1"}.items():
        file = add(name, riff(extended(8), still, chunk(b"EXIF", data)))
        plain = Image.open(add("plain", riff(still)).path).convert("RGB")
        file.expected, file.reason = plain, "EXIF data that cannot be read turn nothing; Pillow's exif_transpose fails"
        yield file


def damage(add):
    still, lossless = add.bytes_of(cat()), add.bytes_of(soft(), lossless=True)
    for name, pixels in (("lossy", still), ("lossless", lossless), ("extended", extended(0x10) + add.bytes_of(soft()))):
        good = riff(pixels)
        for fraction in (0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
            yield add(f"cut-{name}-{fraction}", good[:int(len(good) * fraction)])
        for less in (1, 2, 3):
            yield add(f"cut-{name}-end-{less}", good[:-less])
        # Shorter, and saying so everywhere.
        for fraction in (0.3, 0.9):
            kind, data = chunks_of(good)[-1]
            yield add(f"short-{name}-{fraction}", riff(chunk(kind, data[:int(len(data) * fraction)])))
        for size in (0, 4, 11, 12, 100, len(good) - 9, len(good) - 10, 0x7fffffff, 0x80000000, 0xfffffff6,
                     0xffffffff):
            yield add(f"size-{name}-{size:x}", riff(pixels, size=size))
        yield add(f"trailing-{name}", riff(pixels, after=b"more" * 9))
        yield add(f"trailing-odd-{name}", riff(pixels, after=b"mor"))
        random = numpy.random.default_rng(7)
        for i in range(6):
            changed = bytearray(good)
            for at in random.integers(12, len(good), 2):
                changed[at] = random.integers(256)
            yield add(f"changed-{name}-{i}", bytes(changed))
    for name, data in {"no-pixels": riff(), "only-header": riff(extended(0)), "unknown-first": riff(chunk(b"what", b""), still),
                       "other-canvas": riff(extended(0, (91, 67)), still), "huge-canvas": riff(extended(0, (1 << 24, 1 << 24)), still),
                       "two-stills": riff(still, still), "two-stills-extended": riff(extended(0), still, lossless),
                       "header-twice": riff(extended(0), extended(0), still), "header-late": riff(still, extended(0)),
                       "long-chunk": riff(still[:4] + b"\xff\xff\xff\xff" + still[8:]),
                       "odd-unpadded": riff(extended(8), chunk(b"EXIF", b"odd")[:-1], still)}.items():
        yield add(f"structure-{name}", data)


def make(folder):
    add = Maker(folder)
    for part in (kinds, tools, animations, metadata, damage):
        yield from part(add)
