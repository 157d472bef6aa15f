#!/usr/bin/env python3
"""Writes the seeds that are no text: small images by Pillow and heif-enc, models by PyTorch, an
index by SQLite.

They are in the repository; this is for adding others. Needs what scripts/install-dependencies test
installs. Pictures are of 9x7 pixels: fuzzing wants short files.
"""
import io
import json
import os
import re
import sqlite3
import struct
import subprocess
import tarfile
import tempfile
import zipfile
import zlib

import numpy
import torch
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")


def write(target, name, data):
    folder = os.path.join(HERE, "seeds", target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


def saved(image, **options):
    file = io.BytesIO()
    image.save(file, **options)
    return file.getvalue()


def make_images():
    x, y = numpy.meshgrid(numpy.arange(9), numpy.arange(7))
    rgb = Image.fromarray(numpy.stack([x * 28, y * 36, (x * y * 5) % 256], -1).astype("uint8"))
    gray, palette, bits = rgb.convert("L"), rgb.quantize(8), rgb.convert("1")
    rgba = rgb.copy()
    rgba.putalpha(gray)
    deep = Image.fromarray((x * y * 1000).astype("uint16"))
    turned = Image.Exif()
    turned[0x112] = 6
    for name, image, options in [
            ("progressive", rgb, {"progressive": True}), ("exif", rgb, {"exif": turned}),
            ("gray", gray, {}), ("cmyk", rgb.convert("CMYK"), {}),
            ("subsampled", rgb, {"subsampling": 2, "quality": 30}),
            ("restarts", rgb, {"quality": 20, "optimize": True})]:
        write("jpeg", name, saved(image, format="jpeg", **options))
    for name, image in [("rgba", rgba), ("palette", palette), ("bits", bits), ("deep", deep),
                        ("gray_alpha", rgba.convert("LA"))]:
        write("png", name, saved(image, format="png"))
    write("png", "exif", saved(rgb, format="png", exif=turned))
    write("png", "animated", saved(rgb, format="png", save_all=True, append_images=[rgba.convert("RGB")]))
    write("gif", "animated", saved(palette, format="gif", save_all=True, append_images=[palette.rotate(180)]))
    write("gif", "transparent", saved(palette, format="gif", transparency=1))
    write("webp", "alpha", saved(rgba, format="webp", lossless=True, exif=turned))
    write("webp", "animated", saved(rgb, format="webp", save_all=True, append_images=[rgba]))
    for compression in ("tiff_lzw", "packbits", "tiff_adobe_deflate", "jpeg"):
        write("tiff", compression, saved(rgb, format="tiff", compression=compression))
    for compression in ("group3", "group4", "tiff_ccitt"):
        write("tiff", compression, saved(bits, format="tiff", compression=compression))
    write("tiff", "palette", saved(palette, format="tiff"))
    write("tiff", "deep", saved(deep, format="tiff"))
    write("tiff", "cmyk", saved(rgb.convert("CMYK"), format="tiff"))
    write("tiff", "lab", saved(Image.merge("LAB", rgb.split()), format="tiff"))
    write("jpeg2000", "codestream", saved(rgb, format="jpeg2000", no_jp2=True))
    write("jpeg2000", "alpha", saved(rgba, format="jpeg2000", irreversible=True))
    write("jpeg2000", "tiles", saved(rgb, format="jpeg2000", tile_size=(4, 4)))
    write("ico", "small", saved(rgba, format="ico", sizes=[(9, 7)]))
    write("ico", "bitmap", saved(rgba, format="ico", sizes=[(9, 7)], bitmap_format="bmp"))
    write("tga", "packed", saved(rgba, format="tga", compression="tga_rle"))
    for suffix in ("heic", "avif"):
        for name, image in (("alpha", rgba), ("gray", gray), ("exif", rgb)):
            with tempfile.TemporaryDirectory() as folder:
                source, made = os.path.join(folder, "in.png"), os.path.join(folder, "out." + suffix)
                image.save(source, exif=turned if name == "exif" else None)
                subprocess.run(["heif-enc", *(["-A"] if suffix == "avif" else []), "-q", "30", "-o",
                                made, source], check=True, stdout=subprocess.DEVNULL)
                with open(made, "rb") as file:
                    write(suffix, name, file.read())
    exif = turned.tobytes()
    write("exif", "exif", exif)
    write("exif", "big_endian", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x03\0\0\0\0\0\0")
    write("exif", "xmp", b'<x:xmpmeta><rdf:RDF><rdf:Description tiff:Orientation="8"/>'
          b"<tiff:Orientation>3</tiff:Orientation></rdf:RDF></x:xmpmeta>")
    for name, begin in [("psd", b"8BPS\0\1"), ("tiff", b"II*\0\x10\0\0\0CR\2\0"), ("gif", b"GIF89a"),
                        ("svg", b"<?xml version='1.0'?><svg "), ("jxl", b"\xff\x0a"),
                        ("bmff", b"\0\0\0\x18ftypcrx \0\0\0\0heic")]:
        write("image_kind", name, begin + bytes(60))
    write("image_kind", "png", saved(bits, format="png"))


def make_archives():
    image = b"\x89PNG\r\n\x1a\n" + bytes(range(60))
    names = ["1.png", "1.txt", "1.cls", "1.json", "d/2.png", "n" * 150 + ".png", "../3.png", "bytes"]
    for name, kind in [("ustar", tarfile.USTAR_FORMAT), ("gnu", tarfile.GNU_FORMAT),
                       ("pax", tarfile.PAX_FORMAT)]:
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w", format=kind, pax_headers={"comment": "x"}) as archive:
            for each in names:
                if kind == tarfile.USTAR_FORMAT and len(each) > 100:
                    continue
                member = tarfile.TarInfo(each)
                data = image if each.endswith("png") else b"12"
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
            for kind_of_link in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
                link = tarfile.TarInfo("link.png")
                link.type, link.linkname = kind_of_link, "1.png"
                archive.addfile(link)
        size = (len(file.getvalue().rstrip(b"\0")) + 511) // 512 * 512
        write("tar", name, file.getvalue()[:size] + bytes(1024))
        write("tar", name + "_cut", file.getvalue()[:size - 600])
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "a.png"), "wb") as sparse:
            for at in range(0, 1 << 20, 1 << 16):
                sparse.seek(at)
                sparse.write(b"x")
        for name, options in [("sparse_gnu", ["--format=gnu"]),
                              ("sparse_pax", ["--format=posix", "--sparse-version=1.0"])]:
            made = subprocess.run(["tar", "-C", folder, "-S", "-b1", *options, "-cf", "-", "a.png"],
                                  check=True, capture_output=True).stdout
            write("tar", name, made[:3072] + bytes(1024))


def make_models():
    tensors = {"logit_scale": torch.tensor(4.6), "a.weight": torch.arange(6.).reshape(2, 3),
               "b": torch.ones(4, dtype=torch.float16).t(), "n": torch.ones(2, dtype=torch.int64)}
    file = io.BytesIO()
    torch.save({"state_dict": tensors, "epoch": 3, "args": {"lr": 0.1, "name": "x"}}, file)
    write("zip", "state_dict", file.getvalue())
    with zipfile.ZipFile(file) as archive:
        pickle = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        write("pickle", "state_dict", archive.read(pickle))
    with zipfile.ZipFile(packed := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("r/data.pkl", b"\x80\x02}." + bytes(200))
        archive.writestr("r/version", "3\n")
    write("zip", "deflated", packed.getvalue())

    class Small(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.logit_scale = torch.nn.Parameter(torch.tensor(4.6))
            self.inner = torch.nn.Linear(2, 2)

        def forward(self, x):
            return self.inner(x) * self.logit_scale

    torch.jit.save(torch.jit.script(Small()), file := io.BytesIO(),
                   _extra_files={"clip.json": '{"image_size": 8}'})
    write("zip", "script", file.getvalue())
    with zipfile.ZipFile(file) as archive:
        pickle = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        write("pickle", "script", archive.read(pickle))
    header = {"__metadata__": {"format": "pt"},
              "a.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
              "b": {"dtype": "BF16", "shape": [4], "data_offsets": [24, 32]},
              "logit_scale": {"dtype": "F32", "shape": [], "data_offsets": [32, 36]}}
    text = json.dumps(header).encode()
    write("checkpoint", "safetensors", struct.pack("<Q", len(text)) + text + bytes(36))
    for name, begin in [("onnx", b"\x08\x07\x12\x07pytorch"), ("gguf", b"GGUF\x03\0\0\0"),
                        ("html", b"<!DOCTYPE html><html>"), ("lfs", b"version https://git-lfs"),
                        ("hdf5", b"\x89HDF\r\n\x1a\n"), ("pickle", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j"),
                        ("gzip", b"\x1f\x8b\x08\0"), ("npy", b"\x93NUMPY\1\0")]:
        write("checkpoint", name, begin + bytes(40))
    for dtype in ("f2", "f4", "f8"):
        numpy.save(file := io.BytesIO(), numpy.arange(6, dtype=dtype).reshape(2, 3))
        write("npy", dtype, file.getvalue())
    numpy.save(file := io.BytesIO(), numpy.arange(3, dtype="f4"))
    write("npy", "vector", file.getvalue())
    write("faiss", "index", b"IxFI" + struct.pack("<iqqqBiQ", 3, 2, 1 << 20, 1 << 20, 1, 0, 6) +
          numpy.arange(6, dtype="float32").tobytes())
    write("faiss", "unfinished", b"IxFI" + struct.pack("<iqqqBiQ", 3, 0, 1 << 20, 1 << 20, 1, 0, 0) + b"1234567890123")


def make_index():
    """As targets/index.cpp expects it: index 12345, one model of 8 numbers, 4 rows."""
    with open(os.path.join(ROOT, "lib/index/index.cpp")) as file:
        tables = re.search(r'R"sql\((.*?)\)sql"', file.read(), re.S).group(1)
    path = os.path.join(HERE, "seeds", "index", "small")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.exists(path):
        os.remove(path)
    database = sqlite3.connect(path)
    database.execute("PRAGMA page_size = 512")
    database.executescript(tables)
    database.execute(f"PRAGMA application_id = {0x434c4950}")
    database.execute("PRAGMA user_version = 1")
    insert = lambda table, *values: database.execute(
        f"INSERT INTO {table} VALUES({','.join('?' * len(values))})", values)
    for fact in [("index", b"12345"), ("root", b"/photos"), ("exclude", b"*.tmp\nraw"),
                 ("refreshed", b"1700000000")]:
        insert("facts", *fact)
    insert("models", 1, "a" * 64, "ViT-B/32", b"/model.pt", 8, 1, 4)
    insert("folders", 1, b"", 5)
    insert("folders", 2, b"sub", 5)
    # The vector file's rows are all the same: 16 times half 0.25 and 48 bytes of padding.
    row = struct.pack("<8e", *[0.25] * 8) + bytes(48)
    for number in range(3):
        insert("contents", number + 1, bytes([number]) * 8)
        insert("files", 1 + number % 2, f"{number}.jpg".encode(), 100, 5, number + 1, None)
        insert("embeddings", 1, number + 1, number, zlib.crc32(row), None)
    insert("files", 2, b"bad.jpg", 3, 5, None, "cannot use bad.jpg: it is cut short")
    insert("unused_rows", 1, 3)
    database.commit()
    database.close()
    head = b"CLIPVECS" + struct.pack("<IIQQ", 1, 8, 12345, 1) + b"\xaa" * 16
    write("vector_file", "two_rows", head.ljust(64, b"\0") + row * 2)


def make_ready_file():
    """Its digest is of no matter: the target makes it right."""
    key, note = b"labels 1\nmodel 0\nprecision fp32\n", b"model.pt"
    pieces = struct.pack("<QQQ", 1, 256, 64) + struct.pack("<QQQ", 2, 320, 32)
    head = b"CLIPrdy\n" + struct.pack("<QQQQQQQ", 1, 384, len(key), len(note), 2, 0, 0)
    write("ready_file", "two_pieces", (head + key + note + pieces).ljust(384, b"\0"))


make_images()
make_archives()
make_models()
make_index()
make_ready_file()
