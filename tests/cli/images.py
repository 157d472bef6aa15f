"""Folders of images for the tests of the commands that take many: good ones and bad ones."""

import os
import zlib
from pathlib import Path

from common import need

numpy = need("numpy")
need("PIL")
from PIL import Image  # noqa: E402 (after the check that it is there)


def draw(path, seed):
    """A small image of its own: coarse random colours, in one of several formats and shapes."""
    generator = numpy.random.default_rng(seed)
    height, width = generator.integers(2, 9, 2)
    coarse = generator.integers(0, 256, (height, width, 3), dtype="uint8")
    size = tuple(int(side) for side in generator.integers(40, 160, 2))
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(path)


def nested_folder(folder, count=490):
    """Images in folders in folders, in formats of all kinds; gives their paths, sorted as
    clip-cli walks them."""
    endings = ["jpg", "png", "bmp", "webp", "tif"]
    paths = []
    for i in range(count):
        place = Path(folder) / f"set {i % 7}" / f"part-{i % 3}"
        place.mkdir(parents=True, exist_ok=True)
        path = place / f"image {i:04d}.{endings[i % len(endings)]}"
        draw(path, i)
        paths.append(path)
    return walk_order(paths)


def png_of(width, height):
    """A PNG that says that it has so many pixels, and has none of them."""
    def chunk(kind, data):
        crc = zlib.crc32(kind + data)
        return len(data).to_bytes(4, "big") + kind + data + crc.to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\2\0\0\0"
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))
            + chunk(b"IEND", b""))


def add_bad_files(folder):
    """Ten files that are no images, though they are called so; gives {path: a word of the error}.

    Two of them cannot be read at all by a user who is not allowed to read everything.
    """
    folder = Path(folder)
    bad = folder / "set 3" / "bad"
    bad.mkdir(parents=True)
    draw(bad / "whole.jpg", 1)
    draw(bad / "whole.png", 2)
    jpeg, png = (bad / "whole.jpg").read_bytes(), (bad / "whole.png").read_bytes()
    (bad / "whole.jpg").unlink()
    (bad / "whole.png").unlink()
    files = {
        "truncated.jpg": (jpeg[: len(jpeg) // 2], "cut short"),
        "truncated.png": (png[: len(png) // 2], "cut short"),
        "text.jpg": (b"this is no image, whatever it is called\n", "unsupported image format"),
        "text.PNG": (b"<html>not found</html>", "unsupported image format"),
        "zero.jpg": (b"", "empty"),
        "zero.webp": (b"", "empty"),
        "huge.png": (png_of(30000, 30000), "megapixels"),
        "header.jpg": (jpeg[:20], "cut short"),
        "locked.jpg": (jpeg, "Permission denied"),
        "locked.png": (png, "Permission denied"),
    }
    words = {}
    for name, (contents, word) in files.items():
        (bad / name).write_bytes(contents)
        if name.startswith("locked"):
            (bad / name).chmod(0)
        words[str(bad / name)] = word
    return words


def without_privilege():
    """What to run a command with so that permissions hold, for root as for everybody."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]


def walk_order(paths):
    """Sorted by name, folder by folder: by the bytes of each part of the path."""
    return sorted((Path(path) for path in paths), key=lambda path: [os.fsencode(part)
                                                                    for part in path.parts])
