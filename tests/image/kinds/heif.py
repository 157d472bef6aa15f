"""HEIC and AVIF, which Pillow 9.4 cannot open: compared with what heif-convert makes of them."""

import struct
import subprocess

import numpy
from images import Image, photograph, sixteen_bit_gray, soft_alpha, write_png_16_rgb
from kind import Case

REASON = "Pillow 9.4 cannot open it; as heif-convert does"


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def with_references(data, *references):
    """A file with references added, each a type, the item that has it, and another item."""
    boxes = b"".join(struct.pack(">I4sHHH", 14, kind, have, 1, to) for kind, have, to in references)
    meta = data.index(b"meta") - 4
    (size,) = struct.unpack_from(">I", data, meta)
    found = data.find(b"iref", meta, meta + size)
    growing = [meta]  # the boxes that hold the new ones
    if found < 0:
        boxes = struct.pack(">I4sI", 12 + len(boxes), b"iref", 0) + boxes
        end = meta + size
    else:
        growing.append(found - 4)
        end = found - 4 + struct.unpack_from(">I", data, found - 4)[0]
    data = data[:end] + boxes + data[end:]
    for at in growing:
        (size,) = struct.unpack_from(">I", data, at)
        data = data[:at] + struct.pack(">I", size + len(boxes)) + data[at + 4:]
    return data


class Maker:
    def __init__(self, folder):
        self.folder = folder
        self.cat = photograph("chelsea.png").resize((139, 103))
        self.man = photograph().resize((160, 128))
        rgba = self.cat.copy()
        rgba.putalpha(soft_alpha(self.cat))
        exif = Image.Exif()
        exif[0x0112] = 6
        self.sources = {}
        for name, image, options in (
                ("cat.png", self.cat, {}), ("man.png", self.man, {}), ("rgba.png", rgba, {}),
                ("gray.png", self.cat.convert("L"), {}),
                ("tiny.png", self.cat.crop((30, 30, 32, 31)).resize((17, 16)), {}),
                ("large.png", self.man.resize((1100, 800)), {}),
                ("turned.jpg", self.cat, {"exif": exif, "quality": 95})):
            image.info = {}  # heif-convert gives up at a profile that libpng knows to be wrong
            image.save(folder / name, **options)
        write_png_16_rgb(self.cat, folder / "deep.png")
        write_png_16_rgb(rgba, folder / "deep-rgba.png", alpha=True)
        sixteen_bit_gray(self.cat, folder / "deep-gray.png")

    def case(self, path, refused=None, reason=REASON):
        if refused is not None:
            return Case(path, refused=refused, reason=reason)
        png = self.folder / "shown.png"
        for old in self.folder.glob("shown*"):
            old.unlink()
        run("heif-convert", path, png)
        if not png.exists():
            png = self.folder / "shown-1.png"
        expected = Image.open(png)
        expected.load()
        return Case(path, expected=expected, reason=reason)

    def enc(self, name, *options):
        path = self.folder / name
        run("heif-enc", *options, "-o", path)
        return path

    def avifenc(self, name, source, *options):
        path = self.folder / name
        run("avifenc", "-s", "9", *options, self.folder / source, path)
        return path

    def plain_kinds(self):
        at = self.folder
        for ending, how in (("heic", ["-p", "preset=ultrafast"]), ("avif", ["-A"])):
            for name, source, options in (
                    ("plain", "cat.png", []), ("rgba", "rgba.png", []), ("gray", "gray.png", []),
                    ("low", "man.png", ["-q", "5"]), ("tiny", "tiny.png", []),
                    ("lossless", "cat.png",
                     ["-L", "-p", "chroma=444", "--matrix_coefficients=0"]),
                    ("444", "cat.png", ["-p", "chroma=444"]), ("422", "cat.png", ["-p", "chroma=422"]),
                    *(() if ending == "avif" else (("10", "deep.png", ["-b", "10"]),
                                      ("12", "deep.png", ["-b", "12"]),
                                      ("10-rgba", "deep-rgba.png", ["-b", "10"]))),
                    ("bt709", "cat.png", ["--matrix_coefficients=1"]),
                    ("limited", "cat.png", ["--full_range_flag=0"]),
                    ("thumbnail", "man.png", ["-t", "64"]), ("exif", "turned.jpg", []),
                    ("two", "man.png", [at / "cat.png"])):
                yield self.case(self.enc(f"{name}.{ending}", at / source, *how, *options))

    def avif_kinds(self):
        for name, source, options in (
                ("400", "gray.png", ["-y", "400"]), ("420", "cat.png", ["-y", "420"]),
                ("422", "cat.png", ["-y", "422"]), ("444", "cat.png", ["-y", "444"]),
                ("lossless", "cat.png", ["-l"]), ("deep-10", "deep.png", ["-d", "10"]),
                ("deep-12", "deep.png", ["-d", "12"]), ("deep-alpha", "deep-rgba.png", ["-d", "12"]),
                ("limited", "cat.png", ["-r", "limited"]), ("premultiplied", "rgba.png", ["-p"]),
                ("crop", "man.png", ["--crop", "16,8,96,64"]),
                ("grid", "man.png", ["-g", "2x2"]),
                ("grid-alpha", "square.png", ["-g", "2x2"])):
            if name == "grid-alpha":
                image = self.man.copy()
                image.putalpha(soft_alpha(image))
                image.info = {}
                image.save(self.folder / source)
            yield self.case(self.avifenc(f"avifenc-{name}.avif", source, *options))
        for angle in range(4):
            yield self.case(self.avifenc(f"irot-{angle}.avif", "rgba.png", "--irot", str(angle)))
            for mirror in range(2):
                yield self.case(self.avifenc(f"irot-{angle}-imir-{mirror}.avif", "cat.png", "--irot",
                                             str(angle), "--imir", str(mirror)))
        yield self.case(self.avifenc("exif-irot.avif", "turned.jpg", "--irot", "3"))

    def box_kinds(self):
        plain = (self.folder / "plain.heic").read_bytes()
        at = plain.index(b"pixi")
        for kind, value in ((b"irot", 1), (b"irot", 2), (b"irot", 3), (b"imir", 0), (b"imir", 1)):
            # As long as before; nobody misses the number of bits.
            path = self.folder / f"{kind.decode()}-{value}.heic"
            path.write_bytes(plain[:at] + kind + bytes([value]) + plain[at + 5:])
            yield self.case(path)
        for name, brand in (("mif1.heif", b"mif1"), ("heix.hif", b"heix")):
            path = self.folder / name
            path.write_bytes(plain[:8] + brand + plain[12:])
            yield self.case(path)
        mdat = plain.index(b"mdat") - 4
        sizes = plain.split(b"ispe\0\0\0\0")
        huge = b"".join([sizes[0]] + [b"ispe\0\0\0\0" + struct.pack(">II", 60000, 60000) + rest[8:]
                                      for rest in sizes[1:]])
        for name, data, text, reason in (
                ("cut.heic", plain[:-20], "cut short", "pixels end early"),
                ("cut-header.heic", plain[:100], "cut short", "pixels end early"),
                ("cut-open-end.heic", plain[:mdat] + bytes(4) + plain[mdat + 4:-20], "cut short",
                 "pixels end early"),
                ("bomb.heic", huge, "megapixels", "a bomb"),
                ("no-size.heic", plain.replace(b"ispe", b"free"), "how large", "nothing says its size"),
                ("film.heic", struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"hevc", 0, b"hevc", b"msf1")
                 + struct.pack(">I4s", 8, b"moov"), "a film", "it holds no image"),
                ("no-item.heic", plain.replace(b"pitm\0\0\0\0" + plain[plain.index(b"pitm") + 8:][:2],
                                               b"pitm\0\0\0\0\x12\x34"), "damaged", "contradicts itself")):
            path = self.folder / name
            path.write_bytes(data)
            yield self.case(path, refused=text, reason=reason)
        # libheif 1.15 followed such references until the stack ended.
        for name, references in (("grid-of-itself", [(b"dimg", 1, 1)]),
                                 ("grids-of-each-other", [(b"dimg", 1, 2), (b"dimg", 2, 1)]),
                                 ("alpha-of-itself", [(b"auxl", 1, 1)]),
                                 ("alpha-made-of-its-image", [(b"auxl", 2, 1), (b"dimg", 2, 1)])):
            path = self.folder / f"{name}.heic"
            path.write_bytes(with_references(plain, *references))
            yield self.case(path, refused="made of itself", reason="its images refer in a circle")
        # Grids, each of two of the next: thousands of images. And a chain of as many as there can
        # be, the last one first.
        (shown,) = struct.unpack_from(">H", plain, plain.index(b"pitm") + 8)
        for name, references in (
                ("grids-of-grids", [(b"dimg", i, i + 1) for i in range(100, 114) for _ in range(2)]),
                ("chain-of-grids", [(b"dimg", i, i + 1) for i in range(60000, 99, -1)])):
            references.append((b"dimg", shown, 100))
            path = self.folder / f"{name}.heic"
            path.write_bytes(with_references(plain, *references))
            yield self.case(path, refused="far more than it shows", reason="its parts never end")
        small = (self.folder / "large.heic")
        self.enc(small.name, self.folder / "large.png")
        data = small.read_bytes()
        at = data.index(b"ispe") + 8
        path = self.folder / "larger-than-it-says.heic"
        path.write_bytes(data[:at] + struct.pack(">II", 64, 64) + data[at + 8:])
        # libheif 1.19 and later find it themselves.
        yield self.case(path, refused="than", reason="the header lies")
        yield self.case(small)

    def all(self):
        for kinds in (self.plain_kinds, self.avif_kinds, self.box_kinds):
            yield from kinds()


def make(folder):
    return Maker(folder).all()
