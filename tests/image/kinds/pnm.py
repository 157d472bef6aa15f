"""PNM, P1 to P6: every largest value, comments, plain and raw."""

import random
import subprocess

from images import Image, numpy, photograph
from kind import Case


def plain(samples, per_line=17):
    flat = [str(value) for value in numpy.asarray(samples).ravel()]
    return "\n".join(" ".join(flat[i:i + per_line])
                     for i in range(0, len(flat), per_line)).encode()


def raw(samples, maxval):
    return samples.astype(">u2" if maxval > 255 else "uint8").tobytes()


def bits(samples):
    return numpy.packbits(samples.astype("uint8"), axis=1).tobytes()


def make(folder):  # pylint: disable=too-many-locals,too-many-statements
    def case(name, data, **more):
        path = folder / name
        path.write_bytes(data)
        return Case(path, **more)

    photo = photograph("chelsea.png").resize((131, 88))
    rgb = numpy.asarray(photo).astype("uint32")
    gray = numpy.asarray(photo.convert("L")).astype("uint32")
    black = gray < 120
    size = b"131 88"
    rng = numpy.random.default_rng(4)

    for name, image in (("rgb.ppm", photo), ("gray.pgm", photo.convert("L")),
                        ("bilevel.pbm", photo.convert("1")),
                        ("rgb.pnm", photo),
                        ("integer.pgm", Image.fromarray((gray * 257).astype("int32"), mode="I"))):
        image.save(folder / f"pillow-{name}")
        yield Case(folder / f"pillow-{name}")
    photo.save(folder / "source.png")
    for name, options in (("rgb.ppm", []), ("gray.pgm", []), ("bilevel.pbm", []),
                          ("plain.ppm", ["-compress", "none"]), ("plain.pgm", ["-compress", "none"]),
                          ("plain.pbm", ["-compress", "none"]), ("16.ppm", ["-depth", "16"]),
                          ("16.pgm", ["-depth", "16"]), ("plain-16.ppm", ["-depth", "16", "-compress",
                                                                          "none"])):
        path = folder / f"magick-{name}"
        subprocess.run(["convert", str(folder / "source.png"), *options, str(path)], check=True)
        yield Case(path)

    # Largest values
    for maxval in (1, 2, 3, 7, 15, 31, 63, 100, 127, 128, 200, 254, 255, 256, 257, 1000, 1023, 4095,
                   16383, 32767, 65534, 65535):
        head = b"%s %d\n" % (size, maxval)
        levels, colors = gray * maxval // 255, rgb * maxval // 255
        noisy = (levels ^ rng.integers(0, 2, levels.shape)).clip(0, maxval)
        yield case(f"max-{maxval}.pgm", b"P5 " + head + raw(noisy, maxval))
        yield case(f"max-{maxval}.ppm", b"P6 " + head + raw(colors, maxval))
        yield case(f"plain-{maxval}.pgm", b"P2 " + head + plain(noisy))
        yield case(f"plain-{maxval}.ppm", b"P3 " + head + plain(colors))
    for maxval in (100, 1000):
        yield case(f"above-{maxval}.ppm",
                   b"P6 %s %d\n" % (size, maxval) + raw(rgb * maxval // 200, maxval))
        yield case(f"above-{maxval}.pgm",
                   b"P5 %s %d\n" % (size, maxval) + raw(gray * maxval // 200, maxval))
        yield case(f"plain-above-{maxval}.pgm",
                   b"P2 %s %d\n" % (size, maxval) + plain(gray * maxval // 100))

    # Comments and spaces
    body = raw(rgb, 255)
    yield case("comment.ppm", b"P6\n# a comment\n131 88\n255\n" + body)
    yield case("comments.ppm", b"P6 #1\n131#2\n #3\r\n 88 # 4 5 6\n# 7\n\t255\n" + body)
    yield case("comment-in-a-number.ppm", b"P6\n13#two lines\n1 88 255\n" + body)
    yield case("comment-returns.ppm", b"P6\r#old\r131\r88\r255\r" + body)
    yield case("data-begin-with-hash.ppm", b"P6 131 88 255\n" + b"#" + body[1:])
    yield case("data-begin-with-newline.ppm", b"P6 131 88 255\n" + b"\n" + body[1:])
    yield case("crlf.pgm", b"P2\r\n131 88\r\n255\r\n" + plain(gray).replace(b"\n", b"\r\n"))
    yield case("tabs.pgm", b"P2\t131\v88\f255\t" + plain(gray).replace(b" ", b"\t"))
    lines = plain(gray).split(b"\n")
    yield case("comments-in-data.pgm",
               b"P2 131 88 255\n" + b"\n".join(line + b" # %d 1 2 3" % i if i % 3 == 0 else line
                                               for i, line in enumerate(lines)) + b"\n")
    yield case("comment-in-a-sample.pgm",
               b"P2 131 88 255\n" + plain(gray).replace(b"123", b"1#x\n23", 5))
    yield case("comment-at-the-end.pgm", b"P2 131 88 255\n" + plain(gray) + b"\n# no more")
    yield case("zeros-in-front.pgm",
               b"P2 00131 0088 0255\n" + b" ".join(b"%05d" % value for value in gray.ravel()))
    yield case("no-space.ppm", b"P6#comment\n131 88 255\n" + body, expected=photo,
               reason="Pillow wants a space before the first comment; netpbm does not")

    # Bits
    text = "\n".join("".join("01"[bit] for bit in row) for row in black).encode()
    yield case("plain.pbm", b"P1\n131 88\n" + text)
    yield case("plain-spaces.pbm", b"P1\n131 88\n" + b" ".join(text[i:i + 1]
                                                             for i in range(len(text))))
    yield case("plain-comments.pbm",
               b"P1 #1\n131 88\n" + text.replace(b"\n", b"#0101\n"))
    yield case("raw.pbm", b"P4 131 88\n" + bits(black))
    for width in (1, 7, 8, 9, 64):
        part = black[:9, 40:40 + width]
        yield case(f"width-{width}.pbm", b"P4 %d 9\n" % width + bits(part))
    source = random.Random(2)
    yield case("padding-set.pbm",
               b"P4 5 9\n" + bytes(source.randrange(256) for _ in range(9)))

    # More than one image; the first counts
    yield case("two.ppm", (b"P6 131 88 255\n" + body) * 2)
    yield case("two.pbm", (b"P4 131 88\n" + bits(black)) * 2)
    yield case("two-plain.pgm", (b"P2 131 88 255\n" + plain(gray) + b"\n") * 2)
    yield case("text-behind.pbm", b"P1 131 88\n" + text + b"\nthe end",
               expected=Image.fromarray(~black), reason="Pillow reads on behind the last bit")

    # Refusals
    yield case("cut.ppm", b"P6 131 88 255\n" + body[:-1])
    yield case("cut-16.pgm", b"P5 131 88 65535\n" + raw(gray, 65535)[:-1])
    yield case("cut-1000.pgm", b"P5 131 88 1000\n" + raw(gray, 1000)[:-1])
    yield case("cut.pbm", b"P4 131 88\n" + bits(black)[:-1])
    yield case("cut-plain.pgm", b"P2 131 88 255\n" + b"\n".join(lines[:-1]) + b"\n")
    yield case("cut-in-a-number.pgm", b"P2 131 88 255\n" + b"\n".join(lines[:-1]),
               refused="cut short", reason="Pillow repeats the last number of a cut file")
    yield case("cut-plain.pbm", b"P1 131 88\n" + text[:-1])
    yield case("cut-header.ppm", b"P6 131 8")
    yield case("no-maxval.pgm", b"P5 131 88\n")
    yield case("maxval-0.pgm", b"P5 131 88 0\n" + raw(gray, 255))
    yield case("maxval-65536.pgm", b"P5 131 88 65536\n" + raw(gray, 65535))
    yield case("no-number.pgm", b"P2 131 88 255\n" + plain(gray).replace(b"1 ", b"one ", 1))
    yield case("a-2.pbm", b"P1 131 88\n" + text.replace(b"1", b"2", 1))
    yield case("negative.pgm", b"P5 -131 88 255\n" + raw(gray, 255))
    yield case("no-pixels.pgm", b"P5 0 88 255\n" + raw(gray, 255))
    yield case("pam.pam", b"P7\nWIDTH 131\nHEIGHT 88\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n" + body,
               refused="PAM", reason="Pillow does not read PAM")
    yield case("pfm.pfm", b"PF\n131 88\n-1.0\n" + (rgb / 255).astype("<f4").tobytes(),
               refused="PFM", reason="Pillow 9.4 does not read PFM")
