"""JPEG 2000 by OpenJPEG's own encoder, by Pillow, and with boxes written by hand."""

import struct
import subprocess

import numpy
from images import Image, photograph, soft_alpha
from kind import Case

WIDTH, HEIGHT = 138, 101  # their bitwise AND is 0: the tool refuses some others by mistake


def compress(path, samples, bits=8, sampling=None, signed=False, color=None, options=()):
    """Components [height, width] each, of so many bits, losslessly unless options say otherwise."""
    raw = path.parent / "samples.raw"
    kind = "i" if signed else "u"
    height, width = samples[0].shape
    sampling = sampling or [(1, 1)] * len(samples)
    raw.write_bytes(b"".join(
        plane.astype(kind + "1" if bits <= 8 else ">" + kind + "2").ravel()
        [:width * height // across // down].tobytes()
        for plane, (across, down) in zip(samples, sampling)))
    shape = f"{width},{height},{len(samples)},{bits},{'s' if signed else 'u'}"
    shape += "@" + ":".join(f"{across}x{down}" for across, down in sampling)
    subprocess.run(["opj_compress", "-i", raw, "-o", path, "-F", shape, "-mct", "0", *options],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if color and path.suffix == ".jp2":  # the tool says sYCC of three components
        path.write_bytes(with_color(path.read_bytes(), struct.pack(">BBBI", 1, 0, 0, color)))
    return path


def with_color(data, content):
    """The box colr replaced, in a JP2 file."""
    at = data.index(b"colr") - 4
    length, = struct.unpack(">I", data[at:at + 4])
    return with_boxes(data, content and struct.pack(">I", 8 + len(content)) + b"colr" + content,
                      at, at + length)


def with_boxes(data, boxes, begin=None, end=None):
    """More in the header box, in place of what is there, or at its end."""
    at = data.index(b"jp2h") - 4
    length, = struct.unpack(">I", data[at:at + 4])
    begin, end = (at + length, at + length) if begin is None else (begin, end)
    longer = struct.pack(">I", length + len(boxes) - (end - begin))
    return data[:at] + longer + data[at + 4:begin] + boxes + data[end:]


def palette_boxes(colors):
    """Each index is a colour of 8 bits a channel."""
    entries = b"".join(bytes(color) for color in colors)
    pclr = struct.pack(">HB", len(colors), 3) + bytes([7, 7, 7]) + entries
    cmap = b"".join(struct.pack(">HBB", 0, 1, channel) for channel in range(3))
    return b"".join(struct.pack(">I", 8 + len(box)) + name + box
                    for name, box in ((b"pclr", pclr), (b"cmap", cmap)))


class Maker:
    def __init__(self, folder):
        self.folder = folder
        self.cat = photograph("chelsea.png").resize((WIDTH, HEIGHT))
        self.man = photograph().resize((WIDTH, HEIGHT))
        self.cat.save(folder / "cat.ppm")
        self.rgba = self.cat.copy()
        self.rgba.putalpha(soft_alpha(self.cat))
        self.planes = [numpy.asarray(band) for band in self.rgba.split()]
        self.gray = numpy.asarray(self.cat.convert("L"))
        self.noise = numpy.random.default_rng(1).integers(0, 256, self.gray.shape)

    def by_tool(self, name, *options):
        path = self.folder / name
        subprocess.run(["opj_compress", "-i", self.folder / "cat.ppm", "-o", path, *options],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return path

    def coding_kinds(self):
        for name, options in (
                ("lossless", []), ("lossy", ["-r", "20"]), ("layers", ["-r", "40,20,10"]),
                ("irreversible", ["-I", "-r", "10"]), ("quality", ["-I", "-q", "30,40"]),
                ("tiles", ["-t", "64,64"]), ("tiles-odd", ["-t", "37,53"]),
                ("tiles-lossy", ["-t", "64,48", "-I", "-r", "8"]), ("one-level", ["-n", "1"]),
                ("precincts", ["-c", "[64,64],[32,32]"]), ("blocks", ["-b", "16,16"]),
                ("offset", ["-d", "10,20"]), ("tile-offset", ["-d", "10,20", "-T", "5,5", "-t", "64,64"]),
                ("markers", ["-SOP", "-EPH"]), ("roi", ["-ROI", "c=0,U=10"]), ("no-mct", ["-mct", "0"]),
                ("bypass", ["-M", "1"]), ("terminate", ["-M", "60"]), ("tile-parts", ["-TP", "R"])):
            yield Case(self.by_tool(name + ".jp2", *options))
            yield Case(self.by_tool(name + ".j2k", *options))
        for order in ("LRCP", "RLCP", "RPCL", "PCRL", "CPRL"):
            yield Case(self.by_tool(order + ".j2k", "-p", order, "-t", "64,64"))

    def mode_kinds(self):
        for ending in ("jp2", "j2k"):
            for mode in ("L", "LA", "RGB", "RGBA"):
                image = self.rgba.convert(mode)
                path = self.folder / f"pillow-{mode}.{ending}"
                image.save(path)
                yield Case(path)
                path = self.folder / f"pillow-{mode}-lossy.{ending}"
                image.save(path, irreversible=True, quality_layers=[30, 20], tile_size=(64, 64))
                yield Case(path)
            path = self.folder / f"signed.{ending}"
            self.cat.save(path, signed=True)
            yield Case(path)
            for bits in (1, 2, 4, 7, 8, 9, 10, 12, 16):
                yield from self.deep(f"{bits}-bits.{ending}", bits, 1)
            for bits in (5, 9, 12, 16):
                yield from self.deep(f"{bits}-bits-la.{ending}", bits, 2)
                yield from self.deep(f"{bits}-bits-rgb.{ending}", bits, 3)
                yield from self.deep(f"{bits}-bits-rgba.{ending}", bits, 4)
            for bits in (8, 12):
                planes = [plane.astype(int) * 2 ** bits // 300 - 2 ** (bits - 1)
                          for plane in self.planes[:3]]
                yield Case(compress(self.folder / f"{bits}-bits-signed.{ending}", planes, bits,
                                    signed=True, color=16))
        path = compress(self.folder / "white-12-bits.jp2", [self.gray.astype(int) * 16 + 15] * 3, 12,
                        color=16)
        yield Case(path)
        path = compress(self.folder / "whitest-12-bits.jp2", [self.gray.astype(int) * 0 + 4095] * 3, 12,
                        color=16)
        yield Case(path, expected=Image.new("RGB", (WIDTH, HEIGHT), "white"),
                   reason="Pillow rounds the whitest samples up to 256, which is black")

    def deep(self, name, bits, count):
        """Not as white as possible, see whitest-12-bits."""
        planes = [plane.astype(int) * 2 ** bits // 260 for plane in self.planes[:count]]
        if bits > 8:
            planes = [plane + self.noise % 2 ** (bits - 8) for plane in planes]
        if count == 2:
            planes[1] = self.planes[3].astype(int) * 2 ** bits // 260
        path = compress(self.folder / name, planes, bits, color=16 + (count < 3))
        if count == 1 and bits > 9:
            numbers = Image.fromarray((planes[0] << (16 - bits)).astype("int32"), "I")
            assert (numpy.asarray(Image.open(path)) == numpy.asarray(numbers)).all()
            yield Case(path, expected=numbers, reason="Pillow 9.4 cannot resize I;16")
        else:
            yield Case(path)

    def ycc(self, name, across, down, width=WIDTH, height=HEIGHT - 1, ending="jp2", reason=""):
        planes = [numpy.ascontiguousarray(numpy.asarray(band)[:height, :width])
                  for band in self.man.convert("YCbCr").split()]
        small = [planes[0]] + [plane[::down, ::across].copy() for plane in planes[1:]]
        # The tool reads a quarter of the samples, rounded down, and leaves the rest zero.
        for plane in small[1:]:
            plane.ravel()[width * height // across // down:] = 0
        sampling = [(1, 1), (across, down), (across, down)] if across * down > 1 else None
        path = compress(self.folder / f"{name}.{ending}", small, sampling=sampling, color=18)
        if not reason:
            return Case(path)
        whole = [planes[0]] + [plane.repeat(down, 0).repeat(across, 1)[:height, :width]
                               for plane in small[1:]]
        return Case(path, expected=Image.fromarray(numpy.dstack(whole), "YCbCr").convert("RGB"),
                    reason=reason)

    def color_kinds(self):
        for across, down in ((2, 1), (2, 2), (4, 2)):
            yield self.ycc(f"ycc-{across}{down}", across, down, WIDTH // 4 * 4)
            yield self.ycc(f"ycc-{across}{down}", across, down, WIDTH // 4 * 4, ending="j2k")
        yield self.ycc("ycc-odd", 2, 2, WIDTH - 1, HEIGHT,
                       reason="Pillow takes components of an odd image for one sample narrower")
        yield self.ycc("ycc-11", 1, 1, reason="Pillow does not see that it is sYCC")
        plain = self.by_tool("plain.jp2").read_bytes()
        for number in (12, 14, 16, 17, 24, 99):
            path = self.folder / f"color-{number}.jp2"
            path.write_bytes(with_color(plain, struct.pack(">BBBI", 1, 0, 0, number)))
            yield Case(path)
        from PIL import ImageCms
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        path = self.folder / "profile.jp2"
        path.write_bytes(with_color(plain, b"\2\0\0" + profile))
        yield Case(path)
        inks = self.cat.convert("CMYK")
        path = compress(self.folder / "inks.jp2", [numpy.asarray(band) for band in inks.split()],
                        color=12)
        yield Case(path, expected=inks, reason="Pillow takes CMYK for RGBA")
        indexed = self.cat.quantize(64)
        colors = numpy.array(indexed.getpalette()[:192]).reshape(-1, 3)
        path = compress(self.folder / "palette.jp2", [numpy.asarray(indexed)], color=16)
        path.write_bytes(with_boxes(path.read_bytes(), palette_boxes(colors.tolist())))
        yield Case(path, expected=indexed.convert("RGB"), reason="Pillow 9.4 shows the indices as gray")

    def box_kinds(self):
        plain = (self.folder / "plain.jp2").read_bytes()
        stream = plain.index(b"jp2c") - 4
        for name, data in (
                ("to-the-end", plain[:stream] + bytes(4) + plain[stream + 4:]),
                ("long-box", plain[:stream] + struct.pack(">I4sQ", 1, b"jp2c", len(plain) - stream + 8)
                 + plain[stream + 8:]),
                ("more-boxes", plain[:stream] + struct.pack(">I", 20) + b"uuid" + bytes(12)
                 + plain[stream:] + struct.pack(">I", 8) + b"xml ")):
            path = self.folder / f"{name}.jp2"
            path.write_bytes(data)
            yield Case(path)

        def refused(name, data, text, reason="as Pillow"):
            path = self.folder / name
            path.write_bytes(data)
            return Case(path, refused=text, reason=reason)

        raw = self.by_tool("plain.j2k").read_bytes()
        for part in (0.3, 0.9, 0.99):
            yield refused(f"cut-{part}.jp2", plain[:int(len(plain) * part)], "damaged")
            yield refused(f"cut-{part}.j2k", raw[:int(len(raw) * part)], "damaged")
        yield refused("cut-header.jp2", plain[:60], "cut short")
        yield refused("cut-header.j2k", raw[:30], "cut short")
        yield refused("without-codestream.jp2", plain[:stream], "no codestream")
        ihdr = plain.index(b"ihdr") + 4
        yield refused("other-size.jp2", plain[:ihdr] + struct.pack(">I", 50) + plain[ihdr + 4:],
                      "other sizes")
        yield refused("bomb.jp2", plain[:ihdr] + struct.pack(">II", 900000, 900000) + plain[ihdr + 8:],
                      "other sizes", "the header lies")
        siz = struct.pack(">II", 900000, 900000)
        yield refused("bomb.j2k", raw[:8] + siz + raw[16:24] + siz + raw[32:], "megapixels", "a bomb")
        yield refused("bomb-of-tiles.j2k",
                      raw[:24] + struct.pack(">II", 1, 1) + raw[32:], "more tiles", "a bomb")
        cod, sot = raw.index(b"\xff\x52"), raw.index(b"\xff\x90")
        end = cod + 2 + int.from_bytes(raw[cod + 2:cod + 4], "big")
        layered = raw[cod:cod + 6] + b"\xff\xff" + raw[cod + 8:end]
        yield refused("bomb-of-layers.j2k", raw[:cod] + layered + raw[end:], "more layers", "a bomb")
        length = int.from_bytes(raw[sot + 6:sot + 10], "big") + len(layered)
        yield refused("bomb-of-layers-in-a-tile.j2k",
                      raw[:sot + 6] + struct.pack(">I", length) + raw[sot + 10:sot + 12] + layered +
                      raw[sot + 12:], "more layers", "a bomb")
        yield refused("five.j2k", compress(self.folder / "5.j2k", self.planes + [self.gray]).read_bytes(),
                      "5 channels")

    def all(self):
        for kinds in (self.coding_kinds, self.mode_kinds, self.color_kinds, self.box_kinds):
            yield from kinds()


def make(folder):
    return Maker(folder).all()
