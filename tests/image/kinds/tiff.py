"""TIFFs of every kind: written by hand where Pillow and libtiff's tools write none."""

import io
import struct
import subprocess
import zlib

import numpy
from images import Image, photograph, soft_alpha
from kind import Case

SHORT, LONG, RATIONAL, LONG8 = 3, 4, 5, 16
SIZES = {1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4, 16: 8}
LETTERS = {1: "B", 3: "H", 4: "L", 6: "b", 8: "h", 9: "l", 16: "Q"}
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def packed(rows, bits, order):
    """Samples [height, width * samples] as bytes, each row filled up to a whole one."""
    if bits == 16:
        return rows.astype(order + "u2").tobytes()
    if bits == 8:
        return rows.astype("uint8").tobytes()
    places = numpy.arange(bits - 1, -1, -1)
    ones = (rows[:, :, None].astype("uint16") >> places) & 1
    return numpy.packbits(ones.reshape(len(rows), -1).astype("uint8"), axis=1).tobytes()


def parts_of(samples, bits, order, rows, tile, planar):
    """The strips or tiles, in the order of their offsets."""
    height, width, _ = samples.shape
    across, down = tile or (width, rows or height)
    planes = [samples[:, :, i:i + 1] for i in range(samples.shape[2])] if planar else [samples]
    for plane in planes:
        for top in range(0, height, down):
            for left in range(0, width, across):
                part = plane[top:top + down, left:left + across]
                if tile:
                    part = numpy.pad(part, ((0, down - part.shape[0]), (0, across - part.shape[1]),
                                            (0, 0)), mode="edge")
                yield packed(part.reshape(part.shape[0], -1), bits, order)


def write(path, samples, photometric, bits=8, order="<", big=False, planar=False, tile=None,
          rows=None, reverse=False, deflate=False, fields=(), leave_out=(), magic=None):
    """An image [height, width, samples] as a TIFF; `fields`: more of (tag, type, values)."""
    samples = numpy.asarray(samples)
    if samples.ndim == 2:
        samples = samples[:, :, None]
    height, width, count = samples.shape
    start = 16 if big else 8
    data, offsets, sizes = b"", [], []
    for part in parts_of(samples, bits, order, rows, tile, planar):
        part = part.translate(REVERSED) if reverse else part
        part = zlib.compress(part) if deflate else part
        offsets.append(start + len(data))
        sizes.append(len(part))
        data += part + bytes(len(part) % 2)
    place = LONG8 if big else LONG
    entries = {256: (LONG, [width]), 257: (LONG, [height]), 258: (SHORT, [bits] * count),
               259: (SHORT, [8 if deflate else 1]), 262: (SHORT, [photometric]),
               277: (SHORT, [count]), 284: (SHORT, [2 if planar else 1])}
    if tile:
        entries.update({322: (SHORT, [tile[0]]), 323: (SHORT, [tile[1]]), 324: (place, offsets),
                        325: (LONG, sizes)})
    else:
        entries.update({273: (place, offsets), 278: (LONG, [rows or height]), 279: (LONG, sizes)})
    if reverse:
        entries[266] = (SHORT, [2])
    entries.update({tag: (kind, values) for tag, kind, values in fields})
    for tag in leave_out:
        del entries[tag]
    room = 8 if big else 4
    table, extra = b"", b""
    at = start + len(data)
    behind = at + (8 if big else 2) + len(entries) * (20 if big else 12) + room
    for tag, (kind, values) in sorted(entries.items()):
        value = struct.pack(order + LETTERS[kind] * len(values), *values)
        table += struct.pack(order + ("HHQ" if big else "HHL"), tag, kind, len(values))
        if len(value) > room:
            table += struct.pack(order + ("Q" if big else "L"), behind + len(extra))
            extra += value + bytes(len(value) % 2)
        else:
            table += value.ljust(room, b"\0")
    mark = b"II" if order == "<" else b"MM"
    if big:
        head = mark + struct.pack(order + "HHHQ", 43, 8, 0, at)
        directory = struct.pack(order + "Q", len(entries)) + table + bytes(8)
    else:
        head = mark + struct.pack(order + "HL", 42, at)
        directory = struct.pack(order + "H", len(entries)) + table + bytes(4)
    path.write_bytes((magic or head[:4]) + head[4:] + data + directory + extra)
    return path


def color_map(image):
    """An image in "P" as the values of the field."""
    palette = numpy.zeros((256, 3), "uint16")
    entries = numpy.array(image.getpalette(), "uint16").reshape(-1, 3)
    palette[:len(entries)] = entries
    return palette


class Maker:
    def __init__(self, folder):
        self.folder = folder
        self.cat = photograph("chelsea.png").resize((139, 103))
        self.man = photograph().resize((150, 149))
        self.gray = numpy.asarray(self.cat.convert("L"))
        self.rgb = numpy.asarray(self.cat)
        rgba = self.cat.copy()
        rgba.putalpha(soft_alpha(self.cat))
        self.rgba = numpy.asarray(rgba)
        faded = self.rgba[:, :, :3].astype(int) * self.rgba[:, :, 3:] // 255
        self.faded = numpy.dstack([faded, self.rgba[:, :, 3]])
        self.cmyk = numpy.asarray(self.cat.convert("CMYK")).copy()
        self.cmyk[:, :, 3] = self.gray // 4
        self.noise = numpy.random.default_rng(1).integers(0, 256, self.rgba.shape)
        self.lab = numpy.dstack([self.gray, (self.rgb[:, :, :2] ^ 128)])

    def case(self, name, samples, photometric, *, expected=None, refused=None, reason="", **options):
        path = write(self.folder / (name + ".tif"), samples, photometric, **options)
        if expected is not None and not isinstance(expected, Image.Image):
            expected = Image.fromarray(numpy.ascontiguousarray(expected).astype("uint8"))
        return Case(path, expected=expected, refused=refused, reason=reason)

    def wide(self, samples):
        """Of 16 bits, with noise in the lower eight."""
        return samples.astype(int) * 256 + self.noise[:, :, :samples.shape[2]]

    def gray_kinds(self):
        for order, mark in (("<", "II"), (">", "MM")):
            for bits in (1, 2, 4, 8):
                levels = self.gray >> (8 - bits)
                for photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO):
                    for reverse in (False, True):
                        name = f"gray-{bits}-{mark}-{'bw'[photometric]}{'-reversed' * reverse}"
                        unknown = {}
                        if bits == 8 and photometric == WHITE_IS_ZERO and reverse:
                            unknown = {"expected": 255 - levels,
                                       "reason": "Pillow has no decoder for its own kind L;IR"}
                        yield self.case(name, levels, photometric, bits=bits, order=order,
                                        reverse=reverse, **unknown)
        wide = self.wide(self.gray[:, :, None])
        yield from self.wide_gray("gray-16-II", wide, BLACK_IS_ZERO)
        yield from self.wide_gray("gray-16-MM", wide, BLACK_IS_ZERO, order=">")
        yield from self.wide_gray("gray-16-dark", wide // 300, BLACK_IS_ZERO)
        yield from self.wide_gray("gray-16-dark-MM", wide // 300, BLACK_IS_ZERO, order=">")
        yield from self.wide_gray("gray-16-deflate", wide // 300, BLACK_IS_ZERO, deflate=True)
        yield from self.wide_gray("gray-16-deflate-MM", wide // 300, BLACK_IS_ZERO, deflate=True,
                                  order=">")
        yield from self.wide_gray("gray-16-deflate-tiles", wide // 300, BLACK_IS_ZERO, deflate=True,
                                  tile=(32, 48))
        yield from self.wide_gray("gray-12", wide >> 4, BLACK_IS_ZERO, bits=12)
        yield from self.wide_gray("gray-12-dark", wide >> 8, BLACK_IS_ZERO, bits=12)
        yield from self.wide_gray("gray-16-white-is-zero", wide // 300, WHITE_IS_ZERO)
        la = self.rgba[:, :, (1, 3)]
        unassociated = [(338, SHORT, [2])]
        yield self.case("la-not-resized", la[:97, :97], BLACK_IS_ZERO, fields=unassociated)
        yield self.case("la", la, BLACK_IS_ZERO, fields=unassociated)
        yield self.case("la-MM-strips", la, BLACK_IS_ZERO, fields=unassociated, order=">", rows=7)
        yield self.case("la-deflate-tiles", la, BLACK_IS_ZERO, fields=unassociated, tile=(64, 16),
                        deflate=True)
        layers = Image.fromarray(numpy.ascontiguousarray(la), "LA")
        yield self.case("la-planar", la, BLACK_IS_ZERO, fields=unassociated, planar=True,
                        expected=layers, reason="Pillow knows no planes of gray with alpha")
        yield self.case("la-planar-deflate", la, BLACK_IS_ZERO, fields=unassociated, planar=True,
                        deflate=True, expected=layers,
                        reason="Pillow leaves the alpha out of such planes")

    def wide_gray(self, name, samples, photometric, **options):
        """Pillow opens it as I;16, which Pillow 9.4 cannot resize: the same numbers as I."""
        options.setdefault("bits", 16)
        numbers = Image.fromarray(samples[:, :, 0].astype("int32"), "I")
        case = self.case(name, samples, photometric, expected=numbers,
                         reason="Pillow 9.4 cannot resize I;16; as mode I, like a PNG of 16 bits",
                         **options)
        assert numpy.array_equal(numpy.asarray(Image.open(case.path)), samples[:, :, 0])
        yield case

    def palette_kinds(self):
        for bits in (1, 2, 4, 8):
            image = self.cat.quantize(2 ** bits)
            entries = color_map(image)[:2 ** bits] * 256 + 7
            fields = [(320, SHORT, entries.T.ravel().tolist())]
            indices = numpy.asarray(image)
            yield self.case(f"palette-{bits}", indices, PALETTE, bits=bits, fields=fields)
            yield self.case(f"palette-{bits}-MM", indices, PALETTE, bits=bits, fields=fields,
                            order=">")
            colors = {} if bits == 8 else {
                "expected": image, "reason": "Pillow cannot read palettes with reversed bits below 8"}
            yield self.case(f"palette-{bits}-reversed", indices, PALETTE, bits=bits, fields=fields,
                            reverse=True, **colors)
            yield self.case(f"palette-{bits}-deflate-reversed", indices, PALETTE, bits=bits,
                            fields=fields, reverse=True, deflate=True)
            yield self.case(f"palette-{bits}-deflate-tiles", indices, PALETTE, bits=bits,
                            fields=fields, deflate=True, tile=(48, 32))
        short = [(320, SHORT, entries[:100].T.ravel().tolist())]
        yield self.case("palette-short", indices, PALETTE, fields=short)
        layers = numpy.dstack([indices, self.rgba[:, :, 3]])
        unassociated = fields + [(338, SHORT, [2])]
        opaque = {"expected": image, "reason": "Pillow loses the palette of PA when it resizes it"}
        yield self.case("pa", layers, PALETTE, fields=unassociated, **opaque)
        yield self.case("pa-deflate-MM", layers, PALETTE, fields=unassociated, deflate=True,
                        order=">", **opaque)

    def rgb_kinds(self):
        for order, mark in (("<", "II"), (">", "MM")):
            for deflate in (False, True):
                how = {"order": order, "deflate": deflate}
                tail = mark + "-deflate" * deflate
                yield self.case(f"rgb-{tail}", self.rgb, RGB, **how)
                yield self.case(f"rgb-16-{tail}", self.wide(self.rgb), RGB, bits=16, **how)
                yield self.case(f"rgba-{tail}", self.rgba, RGB, **how)
                yield self.case(f"cmyk-{tail}", self.cmyk, CMYK, **how)
                yield self.case(f"lab-{tail}", self.lab, LAB, **how)
                for extra in (0, 1, 2, 999):
                    samples = self.faded if extra == 1 else self.rgba
                    fields = [(338, SHORT, [extra])]
                    yield self.case(f"rgb-{extra}-{tail}", samples, RGB, fields=fields, **how)
                    if extra != 999:
                        yield self.case(f"rgb-16-{extra}-{tail}", self.wide(samples), RGB, bits=16,
                                        fields=fields, **how)
                for spare in (1, 2):
                    more = self.noise[:, :, :spare]
                    for extra in (0, 1, 2):
                        yield self.case(
                            f"rgb-{extra}-and-{spare}-{tail}",
                            numpy.dstack([self.faded if extra == 1 else self.rgba, more]), RGB,
                            fields=[(338, SHORT, [extra] + [0] * spare)], **how)
                    yield self.case(f"cmyk-and-{spare}-{tail}", numpy.dstack([self.cmyk, more]), CMYK,
                                    fields=[(338, SHORT, [0] * spare)], **how)
        yield self.case("rgb-reversed", self.rgb, RGB, reverse=True)
        yield self.case("rgb-reversed-deflate", self.rgb, RGB, reverse=True, deflate=True)
        yield self.case("cmyk-16", self.wide(self.cmyk), CMYK, bits=16)
        yield self.case("cmyk-16-deflate", self.wide(self.cmyk), CMYK, bits=16, deflate=True)
        yield self.case("cmyk-16-MM", self.wide(self.cmyk), CMYK, bits=16, order=">",
                        expected=Image.fromarray(self.cmyk, "CMYK"),
                        reason="Pillow knows 16-bit CMYK in the order II only")

    def part_kinds(self):
        for name, samples, photometric, bits, fields in (
                ("rgb", self.rgb, RGB, 8, []), ("rgba", self.rgba, RGB, 8, [(338, SHORT, [2])]),
                ("cmyk", self.cmyk, CMYK, 8, []), ("gray", self.gray, BLACK_IS_ZERO, 8, []),
                ("gray-1", self.gray >> 7, BLACK_IS_ZERO, 1, []),
                ("gray-4", self.gray >> 4, BLACK_IS_ZERO, 4, []),
                ("rgb-16", self.wide(self.rgb), RGB, 16, []),
                ("lab", self.lab, LAB, 8, [])):
            how = {"bits": bits, "fields": fields}
            yield self.case(f"{name}-strips", samples, photometric, rows=10, **how)
            yield self.case(f"{name}-tiles", samples, photometric, tile=(48, 32), **how)
            yield self.case(f"{name}-one-tile", samples, photometric, tile=(160, 112), **how)
            yield self.case(f"{name}-tiles-deflate", samples, photometric, tile=(16, 16),
                            deflate=True, **how)
        for deflate in (False, True):
            for how, parts in (("strips", {"rows": 10}), ("tiles", {"tile": (32, 32)}),
                               ("whole", {})):
                tail = how + "-deflate" * deflate
                parts = {**parts, "deflate": deflate, "planar": True}
                yield self.case(f"rgb-planar-{tail}", self.rgb, RGB, **parts)
                yield self.case(f"rgba-planar-{tail}", self.rgba, RGB, fields=[(338, SHORT, [2])],
                                **parts)
                yield self.case(f"cmyk-planar-{tail}", self.cmyk, CMYK, **parts)
        planes = {"planar": True, "rows": 20}
        exact = {"expected": self.rgb, "reason": "Pillow reads uncompressed planes as of 8 bits"}
        yield self.case("rgb-16-planar", self.wide(self.rgb), RGB, bits=16, **exact, **planes)
        yield self.case("rgb-16-planar-MM", self.wide(self.rgb), RGB, bits=16, order=">", **exact,
                        **planes)
        yield self.case("rgb-16-planar-deflate", self.wide(self.rgb), RGB, bits=16, deflate=True,
                        **planes)
        yield self.case("rgba-16-planar-deflate-MM", self.wide(self.rgba), RGB, bits=16, deflate=True,
                        order=">", fields=[(338, SHORT, [2])], **planes)
        associated = [(338, SHORT, [1])]
        opened = Image.open(write(self.folder / "faded", self.faded, RGB, fields=associated))
        yield self.case("rgb-1-planar", self.faded, RGB, fields=associated, **planes, expected=opened,
                        reason="Pillow knows no uncompressed planes of associated alpha")
        yield self.case("rgb-1-planar-deflate", self.faded, RGB, fields=associated, deflate=True,
                        **planes)
        opened = Image.open(write(self.folder / "flat", self.lab, LAB))
        for deflate in (False, True):
            yield self.case("lab-planar" + "-deflate" * deflate, self.lab, LAB, **planes,
                            deflate=deflate, expected=opened,
                            reason="Pillow takes a and b for unsigned when they come in planes")

    def field_kinds(self):
        for value in range(1, 9):
            yield self.case(f"turned-{value}", self.rgb, RGB, fields=[(274, SHORT, [value])])
        for kind in (LONG, 6, 8, 9):
            yield self.case(f"turned-6-type-{kind}", self.rgb, RGB, fields=[(274, kind, [6])])
        yield self.case("turned-6-LONG-MM", self.rgb, RGB, fields=[(274, LONG, [6])], order=">")
        yield self.case("turned-6-BYTE", self.rgb, RGB, fields=[(274, 1, [6])],
                        expected=self.cat.transpose(Image.Transpose.ROTATE_270),
                        reason="Pillow compares bytes with a number")
        yield self.case("turned-9", self.rgb, RGB, fields=[(274, SHORT, [9])])
        yield self.case("turned-0", self.rgb, RGB, fields=[(274, SHORT, [0])])
        for name, samples, photometric, fields in (
                ("gray-16", self.wide(self.gray[:, :, None]) // 300, BLACK_IS_ZERO, []),):
            numbers = Image.fromarray(samples[:, :, 0].astype("int32"), "I")
            yield self.case(f"turned-8-{name}", samples, photometric, bits=16,
                            fields=fields + [(274, SHORT, [8])],
                            expected=numbers.transpose(Image.Transpose.ROTATE_90),
                            reason="Pillow 9.4 cannot resize I;16")
        yield self.case("turned-7-lab-tiles", self.lab, LAB, fields=[(274, SHORT, [7])],
                        tile=(32, 32), deflate=True)
        yield self.case("turned-5-cmyk-planar", self.cmyk, CMYK, fields=[(274, SHORT, [5])],
                        planar=True)
        yield self.case("big-II", self.rgb, RGB, big=True, rows=8)
        yield self.case("big-II-deflate", self.rgba, RGB, big=True, rows=8, deflate=True)
        yield self.case("big-II-tiles", self.gray, BLACK_IS_ZERO, big=True, tile=(32, 32))
        for deflate in (False, True):
            yield self.case("big-MM" + "-deflate" * deflate, self.rgb, RGB, big=True, order=">",
                            deflate=deflate, rows=8, expected=self.cat,
                            reason="Pillow 9.4 takes a BigTIFF in the order MM for a TIFF")
        yield self.case("magic-II", self.rgb, RGB, magic=b"II\0\x2a")
        yield self.case("magic-MM", self.rgb, RGB, magic=b"MM\x2a\0", order=">")
        yield self.case("no-photometric", self.gray, BLACK_IS_ZERO, leave_out=[262])
        yield self.case("no-rows-per-strip", self.rgb, RGB, leave_out=[278])
        yield self.case("no-byte-counts", self.rgb, RGB, leave_out=[279])
        yield self.case("no-planar", self.rgb, RGB, leave_out=[284])
        yield self.case("one-bits-per-sample", self.rgb, RGB, fields=[(258, SHORT, [8])])
        yield self.case("long-fields", self.rgb, RGB,
                        fields=[(tag, LONG, [value]) for tag, value in ((259, 1), (262, 2), (277, 3))])
        yield self.case("sample-format", self.rgb, RGB, fields=[(339, SHORT, [1, 1, 1])])
        yield self.case("sample-format-one", self.rgb, RGB, fields=[(339, SHORT, [1])], deflate=True)
        yield self.case("spare-bits-per-sample", self.gray, BLACK_IS_ZERO,
                        fields=[(258, SHORT, [8, 8, 8])])
        path = self.folder / "pages.tif"
        self.cat.save(path, save_all=True, append_images=[self.man, self.man.convert("L")])
        yield Case(path)
        path = self.folder / "pages-lzw.tif"
        self.man.convert("L").save(path, save_all=True, append_images=[self.cat],
                                   compression="tiff_lzw")
        yield Case(path)
        path = write(self.folder / "without-next.tif", self.rgb, RGB)
        path.write_bytes(path.read_bytes()[:-6 - 4])  # its bits a sample lie behind the directory
        yield Case(path, refused="cut short", reason="Pillow takes the rest of its fields for missing")

    def refused_kinds(self):
        numbers = self.gray.astype("float32")
        for name, data in (("float", numbers), ("int", numbers.astype("int32"))):
            path = self.folder / f"{name}.tif"
            Image.fromarray(data).save(path)
            yield Case(path, refused="scale them to 8 bits",
                       reason="nobody knows what is black and what is white")
            path = self.folder / f"{name}-lzw.tif"
            Image.fromarray(data).save(path, compression="tiff_lzw")
            yield Case(path, refused="scale them to 8 bits",
                       reason="nobody knows what is black and what is white")
        yield self.case("signed-16", self.wide(self.gray[:, :, None]), BLACK_IS_ZERO, bits=16,
                        fields=[(339, SHORT, [2])], refused="signed numbers",
                        reason="nobody knows what is black and what is white")
        unknown = {"refused": "not supported", "reason": "sound, and of a kind nobody reads"}
        yield self.case("rgb-4", self.rgb >> 4, RGB, bits=4, **unknown)
        yield self.case("logluv", self.rgb, 32845, **unknown)
        yield self.case("mask", self.gray >> 7, 4, bits=1, **unknown)
        yield self.case("five-inks", self.noise[:, :, [0, 1, 2, 3, 0]], CMYK, **unknown)
        yield self.case("jpeg2000-inside", self.rgb, RGB, fields=[(259, SHORT, [34712])],
                        refused="compression, number 34712", reason="libtiff has no such codec")
        cut = {"refused": "cut short", "reason": "pixels end early"}
        for name, how in (("plain", {}), ("tiles", {"tile": (32, 32)}), ("planes", {"planar": True})):
            path = write(self.folder / f"cut-{name}.tif", self.rgb, RGB, order=">", **how)
            data = path.read_bytes()
            at = struct.unpack(">L", data[4:8])[0]
            moved = bytearray(data + bytes(100))
            # The last part is moved to the end, and ends too early.
            tag = 324 if "tile" in how else 273
            entries = struct.unpack(">H", data[at:at + 2])[0]
            for i in range(entries):
                entry = at + 2 + 12 * i
                if struct.unpack(">H", data[entry:entry + 2])[0] == tag:
                    count, value = struct.unpack(">LL", data[entry + 4:entry + 12])
                    place = entry + 8 if count == 1 else value + 4 * (count - 1)
                    moved[place:place + 4] = struct.pack(">L", len(data))
            path.write_bytes(moved)
            yield Case(path, **cut)
        yield self.case("strips-missing", self.rgb, RGB, rows=10, fields=[(278, LONG, [5])],
                        refused="are missing", reason="Pillow leaves half of the image black")
        yield self.case("no-palette", self.gray, PALETTE, refused="palette is missing",
                        reason="as Pillow")
        yield self.case("huge-tile", self.gray[:16, :16], BLACK_IS_ZERO, tile=(16, 16), deflate=True,
                        fields=[(322, LONG, [1 << 20]), (323, LONG, [1 << 20])],
                        refused="its tiles have more pixels", reason="a bomb")

    def converted_kinds(self):
        """What libtiff's tools make of them: each compression, predictor and arrangement."""
        sources = {
            "gray": write(self.folder / "s-gray", self.gray, BLACK_IS_ZERO),
            "bilevel": write(self.folder / "s-bilevel", self.gray >> 7, WHITE_IS_ZERO, bits=1),
            "rgb": write(self.folder / "s-rgb", self.rgb, RGB),
            "rgb-16": write(self.folder / "s-rgb-16", self.wide(self.rgb), RGB, bits=16),
            "rgba": write(self.folder / "s-rgba", self.rgba, RGB, fields=[(338, SHORT, [2])]),
            "palette": write(self.folder / "s-palette", self.gray // 16, PALETTE, bits=4, fields=[
                (320, SHORT, [i * 4000 for i in range(16)] * 3)]),
        }
        strips, tiles, planes = ["-s", "-r", "8"], ["-t", "-w", "32", "-l", "48"], ["-p", "separate"]
        for source, name, options in (
                ("rgb", "lzw", ["-c", "lzw"]), ("rgb", "lzw-2", ["-c", "lzw:2"]),
                ("rgb", "lzw-2-tiles", ["-c", "lzw:2", *tiles]),
                ("rgb", "lzw-2-planes", ["-c", "lzw:2", *planes, *strips]),
                ("rgb", "lzw-2-MM", ["-c", "lzw:2", "-B"]),
                ("rgb", "big-lzw-2", ["-c", "lzw:2", "-8"]),
                ("rgba", "lzw-2", ["-c", "lzw:2"]), ("rgba", "zip-2", ["-c", "zip:2", *tiles]),
                ("rgb-16", "lzw-2", ["-c", "lzw:2"]), ("rgb-16", "zip-2-MM", ["-c", "zip:2", "-B"]),
                ("rgb", "packbits", ["-c", "packbits"]),
                ("rgb", "packbits-tiles", ["-c", "packbits", *tiles]),
                ("rgb", "zip-2", ["-c", "zip:2"]), ("rgb", "lzma", ["-c", "lzma"]),
                ("rgb", "lzma-2", ["-c", "lzma:2"]), ("rgb", "zstd", ["-c", "zstd"]),
                ("rgb", "zstd-2", ["-c", "zstd:2", *strips]), ("rgb", "webp", ["-c", "webp"]),
                ("rgba", "webp-alpha", ["-c", "webp:90"]), ("rgb", "jpeg", ["-c", "jpeg:r", "-r", "16"]),
                ("rgb", "jpeg-tiles", ["-c", "jpeg:r", "-t", "-w", "32", "-l", "32"]),
                ("rgb", "jpeg-ycbcr", ["-c", "jpeg", "-r", "16"]), ("gray", "jpeg", ["-c", "jpeg", "-r", "16"]),
                ("rgb", "jpeg-planes", ["-c", "jpeg:r", "-r", "16", *planes]),
                ("gray", "lzw-2", ["-c", "lzw:2"]), ("gray", "zip", ["-c", "zip", "-f", "lsb2msb"]),
                ("bilevel", "g3", ["-c", "g3"]), ("bilevel", "g3-2d", ["-c", "g3:2d"]),
                ("bilevel", "g3-fill", ["-c", "g3:1d:fill"]), ("bilevel", "g4", ["-c", "g4"]),
                ("bilevel", "g4-strips", ["-c", "g4", *strips]),
                ("bilevel", "g4-tiles", ["-c", "g4", *tiles]),
                ("bilevel", "g4-reversed", ["-c", "g4", "-f", "lsb2msb"]),
                ("bilevel", "g3-reversed", ["-c", "g3", "-f", "lsb2msb"]),
                ("bilevel", "lzw-reversed", ["-c", "lzw", "-f", "lsb2msb"]),
                ("bilevel", "packbits", ["-c", "packbits"]),
                ("palette", "lzw", ["-c", "lzw"]), ("palette", "lzw-tiles", ["-c", "lzw", *tiles]),
                ("palette", "big-zip", ["-c", "zip", "-8"])):
            path = self.folder / f"{source}-by-tiffcp-{name}.tif"
            subprocess.run(["tiffcp", *options, sources[source], path], check=True,
                           stderr=subprocess.DEVNULL)
            yield Case(path)
        for name in ("tiff_ccitt", "group3", "group4", "packbits"):
            path = self.folder / f"{name}.tif"
            self.man.convert("1").save(path, compression=name)
            yield Case(path)
        for quality in (20, 95):
            path = self.folder / f"pillow-jpeg-{quality}.tif"
            self.man.save(path, compression="jpeg", quality=quality)
            yield Case(path)

    def ycbcr_kinds(self):
        even = numpy.asarray(self.cat.convert("YCbCr"))
        shown = self.folder / "shown.tif"
        reference = [(532, LONG, [0, 255, 128, 255, 128, 255])]
        for across, down in ((1, 1), (2, 1), (2, 2), (4, 2)):
            height, width = (side // 8 * 8 for side in even.shape[:2])
            blocks = even[:height, :width].reshape(height // down, down, width // across, across, 3)
            units = numpy.concatenate([
                blocks[..., 0].transpose(0, 2, 1, 3).reshape(height // down, width // across, -1),
                blocks[:, 0, :, 0, 1:]], axis=2)
            fields = [(256, LONG, [width]), (257, LONG, [height]), (258, SHORT, [8, 8, 8]),
                      (277, SHORT, [3]), (278, LONG, [height]), (530, SHORT, [across, down])]
            for deflate in (False, True):
                path = write(self.folder / f"ycbcr-{across}{down}{'-deflate' * deflate}.tif",
                             units.reshape(height // down, -1), YCBCR, deflate=deflate, fields=fields)
                if deflate:
                    yield Case(path)
                    continue
                subprocess.run(["tiff2rgba", "-c", "none", path, shown], check=True,
                               stderr=subprocess.DEVNULL)
                yield Case(path, expected=Image.open(shown).convert("RGB"),
                           reason="Pillow takes uncompressed YCbCr for RGBX")
        path = write(self.folder / "ycbcr-turned.tif", units.reshape(height // down, -1), YCBCR,
                     deflate=True, fields=fields + [(274, SHORT, [3])])
        yield Case(path, expected=Image.open(shown).convert("RGB").transpose(
            Image.Transpose.ROTATE_180), reason="libtiff turns it for Pillow, which turns it back")

    def old_jpeg_kinds(self):
        """Compression 6: a JPEG file within the file, which fields point at."""
        for subsampling, across in ((0, 1), (2, 2)):
            file = io.BytesIO()
            image = self.man.resize((160, 128))
            image.save(file, "JPEG", quality=90, subsampling=subsampling)
            data = file.getvalue()
            # Its bytes stand in for samples, in one row.
            path = write(self.folder / f"old-jpeg-{subsampling}.tif",
                         numpy.frombuffer(data, "uint8")[None, :], YCBCR, fields=[
                             (256, LONG, [160]), (257, LONG, [128]), (258, SHORT, [8, 8, 8]),
                             (259, SHORT, [6]), (277, SHORT, [3]), (278, LONG, [128]),
                             (512, SHORT, [1]), (513, LONG, [8]), (514, LONG, [len(data)]),
                             (530, SHORT, [across, across])])
            yield Case(path)

    def all(self):
        for kinds in (self.gray_kinds, self.palette_kinds, self.rgb_kinds, self.part_kinds,
                      self.field_kinds, self.refused_kinds, self.converted_kinds, self.ycbcr_kinds,
                      self.old_jpeg_kinds):
            yield from kinds()


def make(folder):
    return Maker(folder).all()
