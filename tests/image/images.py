"""The images that the image tests run on: photographs in every format, mode and odd shape.

Made from scikit-image's photographs by Pillow. Fails with the Debian package's name when something
is missing.
"""

import subprocess
import sys
from pathlib import Path

try:
    import numpy
    import skimage
    import torch
    from PIL import Image, ImageOps
    from torchvision import transforms
except ImportError as missing:
    sys.exit("missing: apt-get install python3-numpy python3-skimage python3-torch python3-pil "
             f"python3-torchvision ({missing})")

Image.MAX_IMAGE_PIXELS = None
SAMPLES = Path(skimage.__file__).parent / "data"


def photograph(name="astronaut.png"):
    path = SAMPLES / name
    if not path.exists():
        sys.exit(f"python3-skimage lacks {name}")
    return Image.open(path).convert("RGB")


def keep_ratio(image, size, interpolation):
    """open_clip's ResizeKeepRatio(size, longest=1) and CenterCropOrPad(size, fill=0), written anew."""
    ratio = max(image.size) / size
    width, height = (max(round(side / ratio), 1) for side in image.size)
    image = transforms.functional.resize(image, [height, width], interpolation)
    left, top = (size - width) // 2, (size - height) // 2
    return transforms.functional.pad(
        image, [left, top, size - width - left, size - height - top], fill=0)


def transform_by(rule, size):
    """What a rule such as "squash-bilinear" stands for, out of torchvision."""
    mode, _, name = rule.rpartition("-")
    interpolation = getattr(transforms.InterpolationMode, name.upper())
    steps = {"shortest-side": [transforms.Resize(size, interpolation=interpolation),
                               transforms.CenterCrop(size)],
             "squash": [transforms.Resize((size, size), interpolation=interpolation)],
             "longest-side": [lambda image: keep_ratio(image, size, interpolation)]}[mode]
    return transforms.Compose([*steps, lambda image: image.convert("RGB")])


def transform(size):
    """OpenAI's, up to the conversion to RGB."""
    return transforms.Compose([
        transforms.Resize(size, interpolation=transforms.InterpolationMode.BICUBIC),
        transforms.CenterCrop(size),
        lambda image: image.convert("RGB"),
    ])


def soft_alpha(image):
    """Alpha that runs over all values, transparent and opaque areas included."""
    width, height = image.size
    ramp = numpy.linspace(-60, 320, width)[None, :] + numpy.zeros((height, 1))
    return Image.fromarray(ramp.clip(0, 255).astype("uint8"))


def sixteen_bit_gray(image, path, low=0, high=65535):
    levels = numpy.asarray(image.convert("L"), dtype="float64") / 255
    Image.fromarray((low + levels * (high - low)).astype("uint16")).save(path)


def write_png_16_rgb(image, path, alpha=False):
    """Pillow writes no 16-bit colour, so this does: PNG chunks by hand."""
    import struct
    import zlib

    pixels = numpy.asarray(image.convert("RGBA" if alpha else "RGB"), dtype="uint16") * 257
    rng = numpy.random.default_rng(1)
    pixels = (pixels ^ rng.integers(0, 256, pixels.shape, dtype="uint16")).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", *image.size, 16, 6 if alpha else 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
                     + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def write_png_interlaced(image, path):
    """Adam7, which Pillow reads and does not write."""
    import struct
    import zlib

    pixels = numpy.asarray(image.convert("RGB"))
    data = b""
    for x, y, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4),
                         (1, 0, 2, 2), (0, 1, 1, 2)):
        for row in pixels[y::dy, x::dx]:
            if len(row):
                data += b"\0" + row.tobytes()

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", *image.size, 8, 2, 0, 0, 1)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
                     + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b""))


def make(folder):
    """Writes the images; gives their paths."""
    cat, man, cup = photograph("chelsea.png"), photograph(), photograph("coffee.png")
    rocket = photograph("rocket.jpg")
    paths = []

    def add(name, image=None, **options):
        path = folder / name
        if image is not None:
            image.save(path, **options)
        paths.append(path)
        return path

    # JPEG
    add("baseline.jpg", man, quality=90)
    add("progressive.jpg", cup, quality=85, progressive=True)
    add("gray.jpg", cat.convert("L"))
    add("444.jpg", rocket, subsampling=0)
    add("422.jpg", rocket, subsampling=1)
    add("420-odd.jpg", cat.crop((0, 0, 449, 297)), subsampling=2)
    add("low-quality.jpg", cat, quality=10)
    add("optimized.jpg", cat, optimize=True)
    add("cmyk.jpg", cat.convert("CMYK"))
    add("restart.jpg", man, quality=80)
    # PNG
    add("rgb.png", cat)
    add("gray.png", cat.convert("L"))
    add("palette.png", cat.quantize(64))
    add("palette-16.png", cup.quantize(16), bits=4)
    transparent = cat.quantize(32)
    add("palette-transparent.png", transparent, transparency=bytes(range(0, 256, 8)))
    rgba = man.copy()
    rgba.putalpha(soft_alpha(man))
    add("rgba.png", rgba)
    gray_alpha = cat.convert("L")
    gray_alpha.putalpha(soft_alpha(cat))
    add("gray-alpha.png", gray_alpha)
    add("bilevel.png", cup.convert("1"))
    sixteen_bit_gray(cat, add("gray16.png"))
    sixteen_bit_gray(cat, add("gray16-dark.png"), 0, 300)
    write_png_16_rgb(cup, add("rgb16.png"))
    write_png_16_rgb(rgba, add("rgba16.png"), alpha=True)
    write_png_interlaced(rocket, add("interlaced.png"))
    add("rgb-transparent.png", cat, transparency=(0, 0, 0))
    add("gray-2bit.png", cat.convert("L").quantize(4).convert("L"), bits=2)
    # WebP
    add("lossy.webp", man, quality=80)
    add("lossless.webp", cat, lossless=True)
    add("alpha.webp", rgba, lossless=True)
    add("alpha-lossy.webp", rgba, quality=70)
    # TIFF
    add("none.tif", cat)
    add("lzw.tif", cat, compression="tiff_lzw")
    add("deflate.tif", rocket, compression="tiff_adobe_deflate")
    add("packbits.tif", cup.convert("L"), compression="packbits")
    add("bilevel.tif", cup.convert("1"), compression="group4")
    add("palette.tif", cat.quantize(64))
    add("rgba.tif", rgba)
    add("cmyk.tif", cat.convert("CMYK"))
    sixteen_bit_gray(cat, add("gray16.tif"))
    add("big-endian.tif").write_bytes(big_endian_tiff(cat))
    # BMP
    add("rgb.bmp", cat)
    add("gray.bmp", cat.convert("L"))
    add("palette.bmp", cat.quantize(200))
    add("bilevel.bmp", cup.convert("1"))
    add("rgba.bmp", rgba)
    # PNM
    add("rgb.ppm", cat)
    add("gray.pgm", cat.convert("L"))
    add("bilevel.pbm", cup.convert("1"))
    small = cup.resize((97, 61))
    text = numpy.asarray(small)
    add("text.ppm").write_text(f"P3\n# a comment\n97 61\n255\n" + " ".join(map(str, text.ravel())))
    gray = numpy.asarray(small.convert("L"))
    add("text.pgm").write_text("P2 97 61 255\n" + " ".join(map(str, gray.ravel())))
    bits = (gray < 128).astype(int)
    add("text.pbm").write_text("P1\n97 61\n" + "\n".join("".join(map(str, row)) for row in bits))
    sixteen_bit_pgm(cat, add("gray16.pgm"))
    add("maxval.pgm").write_bytes(b"P5 97 61 100\n" + (gray // 3).tobytes())
    # EXIF orientations
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        add(f"exif-{orientation}.jpg", cat, exif=exif, quality=92)
    exif = Image.Exif()
    exif[0x0112] = 6
    add("exif-6.png", cat, exif=exif)
    add("exif-6.webp", cat, exif=exif.tobytes(), lossless=True)
    for orientation in (3, 6, 8):
        add(f"exif-{orientation}.tif", cat, tiffinfo={274: orientation})
    # Shapes
    add("1x1.png", cat.crop((100, 100, 101, 101)))
    add("1x1-gray.png", cat.convert("L").crop((100, 100, 101, 101)))
    add("3x2000.png", man.resize((3, 2000)))
    add("5000x7.png", cup.resize((5000, 7)))
    add("5000x7-gray.png", cup.resize((5000, 7)).convert("L"))
    add("2x1.png", cat.crop((0, 0, 2, 1)))
    add("exactly.png", cat.resize((224, 224)))
    add("exact-height.png", cat.resize((301, 224)))
    add("smaller.png", cat.resize((150, 99)))
    add("tall.jpg", cat.transpose(Image.Transpose.ROTATE_90))
    add("odd-crop.png", cat.resize((451, 225)))
    add("palette-tiny.png", cat.resize((5, 3)).quantize(8))
    add("palette-long.png", cup.resize((3000, 11)).quantize(8))
    add("large.jpg", cup.resize((2400, 1600), Image.Resampling.BICUBIC), quality=95)
    return paths


def big_endian_tiff(image):
    """An uncompressed RGB TIFF in the byte order that Pillow does not write."""
    import struct

    width, height = image.size
    data = image.tobytes()
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, None), (259, 3, 1, 1),
               (262, 3, 1, 2), (273, 4, 1, 8), (277, 3, 1, 3), (278, 4, 1, height),
               (279, 4, 1, len(data)), (284, 3, 1, 1)]
    at = 8 + len(data)
    bits = at + 2 + 12 * len(entries) + 4
    out = struct.pack(">2sHI", b"MM", 42, at) + data + struct.pack(">H", len(entries))
    for tag, kind, count, value in entries:
        if value is None:
            out += struct.pack(">HHII", tag, kind, count, bits)
        elif kind == 3:
            out += struct.pack(">HHIHH", tag, kind, count, value, 0)
        else:
            out += struct.pack(">HHII", tag, kind, count, value)
    return out + struct.pack(">IHHH", 0, 8, 8, 8)


def sixteen_bit_pgm(image, path):
    levels = numpy.asarray(image.convert("L"), dtype="uint16") * 257
    path.write_bytes(b"P5 %d %d 65535\n" % image.size + levels.astype(">u2").tobytes())


def preprocess(binary, what, size, paths, rule="shortest-side-bicubic"):
    """Runs preprocess_files; gives for each path bytes, or the error as a string."""
    done = subprocess.run([binary, what, str(size), rule], input="\n".join(map(str, paths)).encode(),
                          stdout=subprocess.PIPE, check=True)
    results, rest = [], done.stdout
    for _ in paths:
        line, rest = rest.split(b"\n", 1)
        if line.startswith(b"error: "):
            results.append(line[7:].decode(errors="replace"))
            continue
        length = size * size * 3 * (4 if what == "tensor" else 1)
        if what == "rgb":
            shape, rest = rest.split(b"\n", 1)
            width, height = map(int, shape.split())
            results.append((width, height, rest[: 3 * width * height]))
            rest = rest[3 * width * height :]
        elif what in ("decoded", "reduced"):
            shape, rest = rest.split(b"\n", 1)
            width, height, channels = map(int, shape.split())
            results.append((width, height, channels, rest[: width * height * channels]))
            rest = rest[width * height * channels :]
        else:
            results.append(rest[:length])
            rest = rest[length:]
    assert not rest
    return results


def as_stored(path):
    """As Pillow opens it. TIFFs are loaded at once: Pillow turns them upright when it loads them, and
    only then knows their size."""
    image = Image.open(path)
    image.load()
    return image


def as_upright(path):
    """Pillow has turned TIFFs already, and exif_transpose in 9.4 would turn them again."""
    image = as_stored(path)
    return image if image.format == "TIFF" else ImageOps.exif_transpose(image)


__all__ = ["Image", "ImageOps", "make", "numpy", "photograph", "preprocess", "torch", "transform",
           "transform_by",
           "transforms", "as_stored", "as_upright"]
