"""JPEG: every sampling, colour space and process, and files that are damaged as Pillow forgives it."""

import io
import random
import struct
import subprocess

from images import Image, photograph
from kind import Case


def run(*command, data):
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


def saved(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def segment(marker, content):
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def segments(data):
    """The marker, the start and the end of each segment up to the first scan."""
    at = 2
    while True:
        assert data[at] == 0xFF, at
        marker, length = data[at + 1], struct.unpack(">H", data[at + 2 : at + 4])[0]
        yield marker, at, at + 2 + length
        if marker == 0xDA:
            return
        at += 2 + length


def find(data, *markers):
    return next((at, end) for marker, at, end in segments(data) if marker in markers)


def without(data, *markers):
    """Without the segments of these kinds."""
    out, last = data[:2], 2
    for marker, at, end in segments(data):
        out += b"" if marker in markers else data[at:end]
        last = end
    return out + data[last:]


def scan_start(data):
    return find(data, 0xDA)[1]


def put_in(data, at, content):
    return data[:at] + content + data[at:]


def changed(data, at, value):
    return data[:at] + bytes([value]) + data[at + 1 :]


def with_frame(data, **fields):
    """The frame header with another marker, precision, height, width, component count or ids."""
    at, _ = find(data, 0xC0, 0xC1, 0xC2)
    out = bytearray(data)
    for name, value in fields.items():
        if name == "marker":
            out[at + 1] = value
        elif name == "bits":
            out[at + 4] = value
        elif name == "height":
            out[at + 5 : at + 7] = struct.pack(">H", value)
        elif name == "width":
            out[at + 7 : at + 9] = struct.pack(">H", value)
        elif name == "ids":
            scan, _ = find(data, 0xDA)
            for i, identifier in enumerate(value):
                out[at + 10 + 3 * i] = identifier
                out[scan + 5 + 2 * i] = identifier
    return bytes(out)


def adobe(transform):
    return segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, transform))


def exif(orientation, order=">", kind=3):
    value = struct.pack(order + {1: "B3x", 3: "H2x", 4: "I"}[kind], orientation)
    block = {">": b"MM", "<": b"II"}[order] + struct.pack(order + "HIHHHI", 42, 8, 1, 0x112, kind, 1)
    return b"Exif\0\0" + block + value + b"\0\0\0\0"


def scan_ends(data):
    """Where each scan of a file ends: the positions of the markers behind them."""
    at = scan_start(data)
    while True:
        at = data.index(b"\xff", at)
        if data[at + 1] == 0 or 0xD0 <= data[at + 1] <= 0xD7:
            at += 2
            continue
        yield at
        if data[at + 1] == 0xD9:
            return
        while data[at + 1] != 0xDA:
            at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]


def make(folder):
    source = random.Random(14)
    cat = photograph("chelsea.png").crop((60, 20, 261, 161))  # 201 x 141
    man = photograph().crop((100, 40, 260, 240))
    ppm = io.BytesIO()
    cat.save(ppm, "PPM")
    ppm = ppm.getvalue()
    pgm = io.BytesIO()
    cat.convert("L").save(pgm, "PPM")
    pgm = pgm.getvalue()

    def case(name, data, **options):
        path = folder / f"{name}.jpg"
        path.write_bytes(data)
        return Case(path, **options)

    def cjpeg(*options, data=ppm):
        return run("cjpeg", *options, data=data)

    # What Pillow writes
    for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        yield case(f"{name}", saved(cat, subsampling=subsampling, quality=85))
        yield case(f"{name}-progressive", saved(cat, subsampling=subsampling, progressive=True))
    for quality in (1, 10, 100):
        yield case(f"quality-{quality}", saved(man, quality=quality))
    yield case("gray", saved(cat.convert("L")))
    yield case("gray-progressive", saved(cat.convert("L"), progressive=True))
    yield case("optimized", saved(man, optimize=True))
    for width, height in ((1, 1), (1, 7), (9, 1), (2, 2), (3, 5), (8, 8), (15, 17), (33, 16), (300, 2),
                          (2, 300), (5, 4)):
        small = cat.resize((width, height))
        yield case(f"size-{width}x{height}", saved(small, subsampling=2, quality=95))
        yield case(f"size-{width}x{height}-422", saved(small, subsampling=1, quality=95))
        yield case(f"size-{width}x{height}-gray", saved(small.convert("L")))
    # CMYK
    ink = cat.convert("CMYK")
    shades = Image.merge("CMYK", [band.transpose(turn) for band, turn in
                                  zip(ink.resize((160, 160)).split()[:3] + (man.convert("L").resize(
                                      (160, 160)),), (0, 1, 2, 3))])
    yield case("cmyk", saved(ink))
    yield case("cmyk-shades", saved(shades, quality=95))
    yield case("cmyk-progressive", saved(shades, progressive=True))
    yield case("ycck", changed(saved(shades), saved(shades).index(b"Adobe") + 11, 2))
    yield case("cmyk-without-adobe", without(saved(shades), 0xEE))
    yield case("cmyk-adobe-1", changed(saved(shades), saved(shades).index(b"Adobe") + 11, 1))
    path = folder / "source.tif"
    shades.save(path)
    for name, options in (("imagemagick", []), ("imagemagick-420", ["-sampling-factor", "4:2:0"]),
                          ("imagemagick-interlaced", ["-interlace", "JPEG"])):
        yield case(f"cmyk-{name}", run("convert", str(path), *options, "jpg:-", data=b""))
    # Samplings, of which Pillow writes three
    for sample in ("1x2", "4x1", "1x4", "4x2", "2x4", "3x1", "1x3", "3x2", "2x1,2x1", "2x2,2x1",
                   "2x2,1x2", "2x2,2x2", "1x1,2x2", "1x1,2x1", "2x1,1x2", "3x1,2x1", "2x2,1x1,2x1"):
        name = sample.replace(",", "-")
        try:
            data = cjpeg("-sample", sample)
        except AssertionError:
            continue  # more blocks than an MCU may have
        yield case(f"sample-{name}", data)
    for sample in ("2x2", "4x1", "1x2"):
        yield case(f"gray-sample-{sample}", cjpeg("-sample", sample, data=pgm))
        yield case(f"sample-{sample}-progressive", cjpeg("-progressive", "-sample", sample))
    # Processes
    for name, options in (
            ("arithmetic", ["-arithmetic"]), ("arithmetic-progressive", ["-arithmetic", "-progressive"]),
            ("arithmetic-restart", ["-arithmetic", "-restart", "1"]), ("rgb", ["-rgb"]),
            ("rgb-progressive", ["-rgb", "-progressive"]), ("rgb-sampled", ["-rgb", "-sample", "2x2"]),
            ("restart", ["-restart", "1"]), ("restart-blocks", ["-restart", "5B"]),
            ("restart-progressive", ["-restart", "2", "-progressive"]),
            ("16-bit-tables", ["-quality", "1"]), ("smooth", ["-smooth", "40"])):
        yield case(name, cjpeg(*options))
    script = folder / "scans.txt"
    script.write_text("0;\n1;\n2;\n")
    separate = cjpeg("-scans", str(script))
    yield case("not-interleaved", separate)
    script.write_text("0,1;\n2;\n")
    yield case("half-interleaved", cjpeg("-scans", str(script), "-sample", "2x1"))
    yield case("imagemagick", run("convert", "ppm:-", "-sampling-factor", "4:1:1", "jpg:-", data=ppm))
    large = saved(photograph("coffee.png"), quality=96)
    yield case("arithmetic-large", run("jpegtran", "-arithmetic", data=large),
               expected=Image.open(io.BytesIO(large)),
               reason="Pillow reads arithmetic coding only where the file is no larger than 64 KiB")
    baseline, progressive = saved(cat, quality=90), saved(man, quality=85, progressive=True)
    yield case("rotated", run("jpegtran", "-rotate", "90", data=baseline))
    yield case("jpegtran-gray", run("jpegtran", "-grayscale", data=baseline))
    # Colour spaces by their markers
    plain = without(baseline, 0xE0, 0xEE)
    yield case("no-marker", plain)
    yield case("no-marker-rgb-ids", with_frame(plain, ids=b"RGB"))
    yield case("no-marker-other-ids", with_frame(plain, ids=b"\x05\x06\x07"))
    yield case("ids-0-1-2", with_frame(baseline, ids=b"\0\1\2"))
    for transform in (0, 1, 2, 7):
        yield case(f"adobe-{transform}", put_in(plain, 2, adobe(transform)))
    yield case("jfif-and-adobe", put_in(baseline, 20, adobe(0)))
    # Segments
    icc = b"ICC_PROFILE\0\1\1" + bytes(3000)
    yield case("icc", put_in(baseline, 2, segment(0xE2, icc)))
    yield case("all-app", put_in(baseline, 2, b"".join(
        segment(0xE1 + i, b"some text %d" % i) for i in (1, 2, 3, 5, 9, 10, 11, 12, 14))))
    yield case("comment-longest", put_in(baseline, 2, segment(0xFE, bytes(65533))))
    yield case("comment-without-length", put_in(baseline, 2, b"\xff\xfe\0\0"))
    yield case("comment-length-1", put_in(baseline, 2, b"\xff\xfe\0\1"))
    yield case("fill", put_in(baseline, 2, b"\xff" * 50))
    yield case("bytes-between", put_in(baseline, 20, b"stray bytes"))
    yield case("stuffed-between", put_in(baseline, 20, b"a\xff\0b"))
    yield case("bytes-before-scan", put_in(baseline, find(baseline, 0xDA)[0], bytes(300)))
    yield case("unknown-marker", put_in(baseline, 20, b"\xff\x42\0\5abc"))
    yield case("temporary-marker", put_in(baseline, 20, b"\xff\1"))
    yield case("jpg0-marker", put_in(baseline, 20, b"\xff\xf0\0\5abc"))
    yield case("restart-before-scan", put_in(baseline, 20, b"\xff\xd3"))
    yield case("two-starts", put_in(baseline, 2, b"\xff\xd8"))
    tables = b"\xff\xd8" + baseline[find(baseline, 0xDB)[0] : find(baseline, 0xC0)[0]] + b"\xff\xd9"
    yield case("tables-first", tables + baseline)
    at, end = find(baseline, 0xC0)
    yield case("two-frames", put_in(baseline, at, baseline[at:end]))
    yield case("frame-extended", with_frame(baseline, marker=0xC1))
    yield case("frame-progressive-by-name", with_frame(baseline, marker=0xC2))
    yield case("no-quantization", without(baseline, 0xDB))
    yield case("no-huffman", without(baseline, 0xC4))
    yield case("short-frame", baseline[:at] + b"\xff\xc0\0\x06\x08\0\x10\0" + baseline[end:])
    yield case("junk-behind", baseline + b"junk" * 100)
    yield case("image-behind", baseline + saved(man))
    # Kinds that Pillow refuses, or libjpeg
    for name, options, reason in (
            ("12-bit", {"bits": 12}, "12 bits"), ("16-bit", {"bits": 16}, "16 bits"),
            ("lossless", {"marker": 0xC3}, "lossless"), ("hierarchical", {"marker": 0xC5}, "hierarchical"),
            ("lossless-arithmetic", {"marker": 0xCB}, "lossless"), ("no-height", {"height": 0}, "DNL")):
        yield case(f"refused-{name}", with_frame(baseline, **options), refused=reason,
                   reason="Pillow refuses it, too; the message must say why")
    yield case("refused-2-components", two_components(baseline), refused="2 components",
               reason="Pillow refuses it, too; the message must say why")
    yield case("no-width", with_frame(baseline, width=0))
    yield case("taller", with_frame(baseline, height=300))
    yield case("wider", with_frame(baseline, width=255))
    yield case("lower", with_frame(baseline, height=50))
    # Data that end early; Pillow accepts what it has read all pixels of
    start = scan_start(baseline)
    yield case("no-end", baseline[:-2])
    yield case("no-end-padded", baseline[:-2] + bytes(64))
    yield case("half-end", baseline[:-1])
    yield case("no-end-junk", baseline[:-2] + b"junk" * 100)
    yield case("no-end-restart", baseline[:-2] + b"\xff\xd0")
    yield case("no-end-image-behind", baseline[:-2] + saved(man))
    yield case("progressive-no-end", progressive[:-2])
    yield case("not-interleaved-no-end", separate[:-2])
    yield case("restart-no-end", cjpeg("-restart", "1")[:-2])
    yield case("arithmetic-no-end", cjpeg("-arithmetic")[:-2])
    yield case("gray-no-end", saved(cat.convert("L"))[:-2])
    for cut in range(3, 11):
        yield case(f"cut-{cut}", baseline[:-cut])
        yield case(f"arithmetic-cut-{cut}", cjpeg("-arithmetic")[:-cut])
    for fraction in (0.2, 0.5, 0.9):
        for name, data in (("baseline", baseline), ("progressive", progressive),
                           ("not-interleaved", separate)):
            yield case(f"cut-{fraction}-{name}", data[: int(len(data) * fraction)])
        cut = start + int((len(baseline) - start) * fraction)
        yield case(f"ends-{fraction}", baseline[:cut] + b"\xff\xd9")
        yield case(f"zeros-{fraction}", baseline[:cut] + bytes(len(baseline) - cut))
    yield case("cut-at-scan", baseline[:start])
    yield case("ends-at-scan", baseline[:start] + b"\xff\xd9")
    # Stray markers inside of a scan
    middle = start + (len(baseline) - start) // 2
    while baseline[middle - 1] == 0xFF:
        middle += 1
    restarts = cjpeg("-restart", "1")
    inside = restarts.index(b"\xff\xd3") + 20
    for marker in (0x01, 0x42, 0xC4, 0xD5, 0xD8, 0xDA, 0xE1, 0xFE):
        stray = bytes([0xFF, marker])
        yield case(f"stray-{marker:02x}", put_in(baseline, middle, stray))
        yield case(f"stray-{marker:02x}-restart", put_in(restarts, inside, stray))
        yield case(f"stray-{marker:02x}-segment", put_in(baseline, middle, stray + b"\0\6text"))
    yield case("stray-at-end", put_in(baseline, len(baseline) - 2, b"\xff\xe1\0\6text"))
    yield case("fill-inside", put_in(baseline, middle, b"\xff\xff\xff\0"))
    # Restart markers that are missing, doubled, or out of order
    third = restarts.index(b"\xff\xd3")
    yield case("restart-missing", restarts[:third] + restarts[third + 2 :])
    yield case("restart-doubled", put_in(restarts, third, b"\xff\xd3"))
    yield case("restart-wrong", changed(restarts, third + 1, 0xD5))
    yield case("restart-lost", restarts[:third] + restarts[restarts.index(b"\xff\xd6") :])
    yield case("restart-without-interval", without(restarts, 0xDD))
    # Scans that are missing or come twice; what is missing of a progressive image is guessed
    ends = list(scan_ends(progressive))
    for count in (1, 2, 3, len(ends) - 1):
        yield case(f"scans-{count}", progressive[: ends[count - 1]] + b"\xff\xd9")
    parts = list(scan_ends(separate))
    yield case("component-missing", separate[: parts[1]] + b"\xff\xd9")
    yield case("scan-twice", separate[: parts[2]] + separate[parts[0] : parts[1]] + b"\xff\xd9")
    # Bytes that were changed
    for name, data in (("baseline", baseline), ("progressive", progressive), ("restart", restarts),
                       ("arithmetic", cjpeg("-arithmetic"))):
        for i in range(6):
            wrong = bytearray(data)
            for _ in range(source.randint(1, 4)):
                wrong[source.randrange(scan_start(data), len(data) - 2)] = source.randrange(256)
            yield case(f"changed-{name}-{i}", bytes(wrong))
    # EXIF
    for orientation in range(0, 10):
        for order in "<>":
            yield case(f"exif-{orientation}-{'II' if order == '<' else 'MM'}",
                       put_in(baseline, 20, segment(0xE1, exif(orientation, order))))
    yield case("exif-first-counts", put_in(baseline, 20, segment(0xE1, exif(6)) + segment(0xE1, exif(3))))
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta tiff:Orientation=\"6\"/>"
    yield case("xmp", put_in(baseline, 20, segment(0xE1, xmp)))
    yield case("xmp-before-exif", put_in(baseline, 20, segment(0xE1, xmp) + segment(0xE1, exif(8))))
    yield case("exif-between-scans", put_in(separate, parts[0], segment(0xE1, exif(6))))
    yield case("exif-cmyk", put_in(saved(shades), 2, segment(0xE1, exif(6))))
    yield case("exif-gray", put_in(saved(cat.convert("L")), 20, segment(0xE1, exif(5))))
    # Several images
    path = folder / "two.mpo"
    man.save(path, "MPO", save_all=True, append_images=[cat])
    yield Case(path)
    turned = folder / "exif.mpo"
    turned.write_bytes(put_in(path.read_bytes(), 2, segment(0xE1, exif(6))))
    yield Case(turned)


def two_components(data):
    at, end = find(data, 0xC0)
    frame = data[at:end]
    frame = frame[:2] + struct.pack(">H", 14) + frame[4:9] + b"\2" + frame[10:16]
    return data[:at] + frame + data[end:]
