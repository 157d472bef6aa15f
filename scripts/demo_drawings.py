"""Draws what the demo model learns from: emoji in several styles, and coloured shapes.

`Glyphs` holds every concept of data/demo/concepts.txt in every style, rasterised once into a cache
folder. `draw_glyph` and `draw_shapes` make a picture of them; all chance comes from the
random.Random that they are given, so the same seed gives the same picture.

Needs Debian's fonts-noto-color-emoji, unicode-data, librsvg2-bin, python3-pil, python3-numpy, and
npm, which fetches the sets of SVGs that are named in STYLES.
"""

import io
import json
import math
import re
import shutil
import subprocess
import sys
import tarfile
import unicodedata
from pathlib import Path

try:
    import numpy
    from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps
except ImportError as missing:
    raise SystemExit(
        f"missing: apt-get install python3-pil python3-numpy ({missing})") from missing

CONCEPTS = Path(__file__).resolve().parent.parent / "data" / "demo" / "concepts.txt"
EMOJI_TEST = Path("/usr/share/unicode/emoji/emoji-test.txt")
NOTO_FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
NOTO_SIZE = 109  # the one size that the font's bitmaps, 136 pixels wide, are asked for with

# Style -> npm package and version. All but the held-out ones may be trained on and shipped:
# Apache 2.0, CC BY 4.0 or MIT (data/demo/README.md). Noto's newest drawings come from the font.
STYLES = {
    "noto": None,
    "noto-v1": "@iconify-json/noto-v1@1.2.5",
    "twemoji": "@iconify-json/twemoji@1.2.5",
    "emojione": "@iconify-json/emojione@1.2.3",
    "fluent": "@iconify-json/fluent-emoji@1.2.7",
    "fluent-flat": "@iconify-json/fluent-emoji-flat@1.2.6",
    "fxemoji": "@iconify-json/fxemoji@1.2.2",
    "openmoji": "@iconify-json/openmoji@1.2.29",
}
HELD_OUT = "openmoji"  # for the measurement alone

GLYPH = 128  # pixels a side in the cache


# --- concepts and their glyphs -------------------------------------------------------------------


class Concept:
    """One line of concepts.txt: what it is called, which emoji show it, and whether it is one of
    the 100 that are measured."""

    def __init__(self, line):
        self.common = line.startswith("*")
        names, _, emoji = line.lstrip("* ").partition("=")
        self.names = [name.strip() for name in names.split(",")]
        self.emoji = [name.strip() for name in emoji.split(";") if name.strip()] or self.names[:1]


def read_concepts():
    lines = CONCEPTS.read_text(encoding="utf-8").splitlines()
    return [Concept(line) for line in lines if line and not line.startswith("#")]


def plain(name):
    """An emoji's name in lower case and without typographic apostrophes."""
    return name.lower().replace("’", "'")


def emoji_characters():
    """Name -> character, for the emoji of one character each."""
    line = re.compile(r"([0-9A-F]+)(?: FE0F)?\s*; fully-qualified\s*# \S+ E[\d.]+ (.*)")
    matches = map(line.match, EMOJI_TEST.read_text(encoding="utf-8").splitlines())
    return {plain(match[2]): chr(int(match[1], 16)) for match in matches if match}


def check_tools(styles):
    tools = {"npm": "npm", "rsvg-convert": "librsvg2-bin"} if any(styles.values()) else {}
    packages = [package for tool, package in tools.items() if not shutil.which(tool)]
    packages += [] if EMOJI_TEST.exists() else ["unicode-data"]
    packages += [] if NOTO_FONT.exists() else ["fonts-noto-color-emoji"]
    if packages:
        raise SystemExit(f"missing: apt-get install {' '.join(packages)}")


def fetch_icons(package, cache):
    """An Iconify set as a dictionary, its package fetched by npm where it is not in the cache."""
    name, version = package.rsplit("@", 1)
    archive = cache / f"{name.lstrip('@').replace('/', '-')}-{version}.tgz"
    if not archive.exists():
        subprocess.run(["npm", "pack", "--silent", package], cwd=cache, check=True,
                       stdout=subprocess.DEVNULL)
    with tarfile.open(archive) as packed:
        return json.load(packed.extractfile("package/icons.json"))


def svg_of(icons, name, character):
    """The SVG of an emoji in an Iconify set, or nothing. Sets name it as Unicode's emoji-test.txt
    or, without separators, as the character itself is named."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.replace("'", "")).strip("-")
    joined = re.sub(r"[^a-z0-9]+", "", unicodedata.name(character, "").lower())
    known = icons["icons"]
    hyphenated = any("-" in key for key in known)
    icon = known.get(slug) if hyphenated else known.get(joined)
    if icon is None:
        return None
    width = icon.get("width", icons.get("width", 16))
    height = icon.get("height", icons.get("height", 16))
    box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
    return (f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="{box}">{icon["body"]}</svg>')


def rasterise(svg):
    """The picture, or nothing where the SVG is faulty, as a few of a set are."""
    command = ["rsvg-convert", "--unlimited", "--keep-aspect-ratio", f"--width={GLYPH}",
               f"--height={GLYPH}"]
    done = subprocess.run(command, input=svg.encode(), capture_output=True, check=False)
    return Image.open(io.BytesIO(done.stdout)).convert("RGBA") if done.returncode == 0 else None


def squared(glyph):
    """Trimmed to what is opaque, and centred in GLYPH x GLYPH pixels; nothing if it is empty."""
    box = glyph.getchannel("A").point(lambda alpha: 255 * (alpha > 8)).getbbox()
    return None if box is None else ImageOps.pad(glyph.crop(box), (GLYPH, GLYPH))


def noto_glyph(character):
    font = ImageFont.truetype(str(NOTO_FONT), NOTO_SIZE)
    glyph = Image.new("RGBA", (150, 150))
    ImageDraw.Draw(glyph).text((4, 4), character, font=font, embedded_color=True)
    return glyph


def draw_all(style, names, characters, cache):
    """Yields (emoji name, glyph) for what the style has."""
    icons = STYLES[style] and fetch_icons(STYLES[style], cache)
    for name in names:
        if icons is None:
            glyph = noto_glyph(characters[name])
        else:
            svg = svg_of(icons, name, characters[name])
            glyph = svg and rasterise(svg)
        glyph = glyph and squared(glyph)
        if glyph:
            yield name, glyph


def emoji_of(concepts):
    """The names of all emoji that show any of the concepts."""
    return sorted({plain(name) for concept in concepts for name in concept.emoji})


def made_of(concepts, styles):
    """What the cache depends on."""
    return {"emoji": emoji_of(concepts), "styles": styles, "side": GLYPH}


def fill_cache(cache, concepts, styles):
    """Writes glyphs.npy, [glyphs, GLYPH, GLYPH, 4], and its index, [style, emoji name] each."""
    check_tools(styles)
    cache.mkdir(parents=True, exist_ok=True)
    characters = emoji_characters()
    names = emoji_of(concepts)
    unknown = [name for name in names if name not in characters]
    if unknown:
        raise SystemExit(f"{CONCEPTS.name}: no emoji is named {', '.join(unknown)}")
    index, pixels = [], []
    for style in styles:
        print(f"drawing {len(names)} emoji in the style {style}", file=sys.stderr, flush=True)
        for name, glyph in draw_all(style, names, characters, cache):
            index.append([style, name])
            pixels.append(numpy.asarray(glyph))
    numpy.save(cache / "glyphs.npy", numpy.stack(pixels))
    (cache / "glyphs.json").write_text(json.dumps({"of": made_of(concepts, styles),
                                                     "glyphs": index}))


class Glyphs:
    """Every concept in every style: `of[concept][style]` lists glyphs for `image`. Other `styles`
    than all of STYLES need a cache of their own."""

    def __init__(self, cache, concepts, styles=None):
        styles = STYLES if styles is None else {style: STYLES[style] for style in styles}
        index = cache / "glyphs.json"
        made = made_of(concepts, styles)
        if not index.exists() or json.loads(index.read_text()).get("of") != made:
            fill_cache(cache, concepts, styles)
        self.pixels = numpy.load(cache / "glyphs.npy", mmap_mode="r")
        at = {tuple(key): i for i, key in enumerate(json.loads(index.read_text())["glyphs"])}
        self.of = []
        for concept in concepts:
            emoji = [plain(name) for name in concept.emoji]
            found = {style: [at[style, name] for name in emoji if (style, name) in at]
                     for style in styles}
            self.of.append({style: glyphs for style, glyphs in found.items() if glyphs})

    def image(self, glyph):
        return Image.fromarray(self.pixels[glyph])


# --- colours and backgrounds ---------------------------------------------------------------------

COLOURS = {
    "red": (220, 30, 35), "orange": (250, 135, 20), "yellow": (250, 220, 40),
    "green": (40, 160, 60), "blue": (40, 90, 215), "purple": (130, 50, 170),
    "pink": (250, 150, 190), "brown": (125, 75, 35), "black": (20, 20, 20),
    "white": (250, 250, 250), "gray": (130, 130, 130),
}
COLOUR_NAMES = list(COLOURS)


def jittered(rng, colour, by=18):
    return tuple(min(255, max(0, part + rng.randint(-by, by))) for part in colour)


def any_colour(rng):
    return tuple(rng.randint(0, 255) for _ in range(3))


def named_background(rng, size, name):
    return Image.new("RGB", (size, size), jittered(rng, COLOURS[name], 10))


def upsampled(rng, size, cells):
    """A few random colours, blended smoothly: gradients with 2 cells, clouds with more."""
    data = bytes(rng.getrandbits(8) for _ in range(3 * cells * cells))
    return Image.frombytes("RGB", (cells, cells), data).resize((size, size), Image.BICUBIC)


def patterned(rng, size):
    """Stripes, a chessboard, or dots, turned."""
    first, second = any_colour(rng), any_colour(rng)
    step = rng.randint(6, 24)
    wide = Image.new("RGB", (2 * size, 2 * size), first)
    draw = ImageDraw.Draw(wide)
    kind = rng.choice(("stripes", "board", "dots"))
    for i, x in enumerate(range(0, 2 * size, step)):
        if kind == "stripes":
            draw.rectangle((x, 0, x + step // 2, 2 * size), fill=second)
            continue
        for y in range(step * (i % 2), 2 * size, 2 * step):
            box = (x, y, x + step - 1, y + step - 1)
            (draw.rectangle if kind == "board" else draw.ellipse)(box, fill=second)
    turned = wide.rotate(rng.uniform(0, 90), Image.BILINEAR)
    middle = size // 2
    return turned.crop((middle, middle, middle + size, middle + size))


def background(rng, size):
    """A background, and its colour's name where it has one plain colour."""
    kind = rng.random()
    if kind < 0.45:
        name = "white" if rng.random() < 0.3 else rng.choice(COLOUR_NAMES)
        return named_background(rng, size, name), name
    if kind < 0.55:
        return Image.new("RGB", (size, size), any_colour(rng)), None
    if kind < 0.85:
        return upsampled(rng, size, rng.choice((2, 2, 3, 4, 8))), None
    return patterned(rng, size), None


# --- pictures ------------------------------------------------------------------------------------


# Of RGB: the grey in it, what is left, and that turned by 90 degrees of hue (through YIQ).
LUMINANCE = ((0.299, 0.587, 0.114),) * 3
CHROMA = ((0.701, -0.587, -0.114), (-0.299, 0.413, -0.114), (-0.299, -0.587, 0.886))
TURNED_CHROMA = ((0.168, 0.330, -0.497), (-0.328, 0.035, 0.292), (1.250, -1.050, -0.203))


def colour_matrix(rng, wild):
    """A matrix for Image.convert: hue turned (in YIQ), saturation, contrast and brightness."""
    angle = math.radians(rng.gauss(0, 30 if wild else 8))
    saturation = rng.uniform(0.4, 1.5) if wild else rng.uniform(0.8, 1.2)
    if wild and rng.random() < 0.12:
        saturation = 0
    contrast = rng.uniform(0.6, 1.2) if wild else rng.uniform(0.85, 1.1)
    u, w = saturation * math.cos(angle), saturation * math.sin(angle)
    turn = numpy.array(LUMINANCE) + u * numpy.array(CHROMA) + w * numpy.array(TURNED_CHROMA)
    offset = 128 * (1 - contrast) + rng.uniform(-1, 1) * (40 if wild else 15)
    rows = numpy.hstack([contrast * turn, numpy.full((3, 1), offset)])
    return tuple(rows.flatten().tolist())


STEEP = [min(255, 8 * value) for value in range(256)]  # makes a blurred mask wide, not soft


def restyled(rng, glyph):
    """The glyph in another hand: with an outline, as inked drawing, in few colours, or flat."""
    colours, alpha = glyph.convert("RGB"), glyph.getchannel("A")
    kind = rng.choice(("border", "border", "ink", "ink", "lines", "poster", "sticker"))
    if kind == "poster":
        colours = ImageOps.posterize(colours, rng.choice((1, 2, 2, 3)))
    elif kind in ("border", "sticker"):
        wider = alpha.filter(ImageFilter.BoxBlur(rng.uniform(2, 4))).point(STEEP)
        pen = (250, 250, 250) if kind == "sticker" else jittered(rng, (25, 25, 25))
        colours = Image.composite(colours, Image.new("RGB", colours.size, pen), alpha)
        alpha = wider
    else:
        # Dark lines where the drawing's colours meet, and along its outline.
        grey = ImageChops.multiply(colours.convert("L"), alpha)
        edges = ImageChops.lighter(grey.filter(ImageFilter.FIND_EDGES),
                                   alpha.filter(ImageFilter.FIND_EDGES))
        edges = edges.filter(ImageFilter.BoxBlur(rng.uniform(0.7, 1.3))).point(STEEP)
        if kind == "lines":
            colours = Image.new("RGB", colours.size, jittered(rng, (240, 240, 240), 15))
        colours = Image.composite(Image.new("RGB", colours.size, (15, 15, 15)), colours, edges)
    colours.putalpha(alpha)
    return colours


def placed(rng, glyph, size, wild):
    """The glyph turned, stretched and moved about, on a transparent size x size picture."""
    scale = rng.uniform(0.42, 1.05) if wild else rng.uniform(0.5, 0.95)
    if scale * size < GLYPH / 2:
        glyph = glyph.reduce(2)  # or the bilinear sampling below would skip pixels
    angle = math.radians(rng.gauss(0, 14 if wild else 10))
    stretch = math.exp(rng.gauss(0, 0.12)) if wild else 1
    shear = rng.gauss(0, 0.1) if wild else 0
    flip = -1 if rng.random() < 0.5 else 1
    room = max(0.05, 1 - scale) * size / 2
    x, y = size / 2 + rng.uniform(-room, room), size / 2 + rng.uniform(-room, room)
    # From pixels of the picture to pixels of the glyph.
    k = glyph.width / (scale * size)
    a, b = flip * k * math.cos(angle) * stretch, flip * k * (math.sin(angle) + shear)
    d, e = -k * math.sin(angle), k * math.cos(angle) / stretch
    middle = glyph.width / 2
    matrix = (a, b, middle - a * x - b * y, d, e, middle - d * x - e * y)
    return glyph.transform((size, size), Image.AFFINE, matrix, Image.BILINEAR)


def weathered(rng, picture, wild):
    """Blur, grain, JPEG's artefacts, a patch that hides something; seldom for the mild ones."""
    size = picture.width
    often = 1 if wild else 0.5
    if rng.random() < 0.2 * often:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.014 * size)))
    if rng.random() < 0.15 * often:
        grain = Image.effect_noise((size, size), rng.uniform(5, 40)).convert("RGB")
        picture = ImageChops.add(picture, grain, 1, -128)
    if rng.random() < 0.15 * often:
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=rng.randint(15, 80))
        picture = Image.open(data).convert("RGB")
    if wild and rng.random() < 0.15:
        x, y = rng.randint(0, size), rng.randint(0, size)
        wide, high = (rng.randint(size // 10, size // 4) for _ in range(2))
        picture.paste(any_colour(rng), (x - wide // 2, y - high // 2, x + wide // 2, y + high // 2))
    return picture


def on_background(rng, size, colour, foreground):
    """A background, plain of a named `colour` where that is given, on which the colour of the
    foreground can be told; and its colour's name, or None."""
    while True:
        if colour is None:
            picture, name = background(rng, size)
        else:
            picture, name = named_background(rng, size, colour), colour
        middle = picture.resize((1, 1), Image.BOX).getpixel((0, 0))
        if math.dist(middle, foreground) > 60 or (colour is not None and rng.random() < 0.1):
            return picture, name


def draw_glyph(rng, glyph, size, wild=True, colour=None):
    """A picture of a glyph, and the name of its background's colour, or None. `wild` pictures, for
    training, are changed more than what anybody would show; `colour` settles the background."""
    if wild and rng.random() < 0.3:
        glyph = restyled(rng, glyph)
    if wild or rng.random() < 0.5:
        colours = glyph.convert("RGB").convert("RGB", colour_matrix(rng, wild))
        colours.putalpha(glyph.getchannel("A"))
        glyph = colours
    mean = glyph.resize((1, 1), Image.BOX).getpixel((0, 0))[:3]  # of what is opaque
    picture, name = on_background(rng, size, colour, mean)
    glyph = placed(rng, glyph, size, wild)
    picture.paste(glyph, (0, 0), glyph)
    return weathered(rng, picture, wild), name


# --- shapes --------------------------------------------------------------------------------------


def regular(corners, inner=1.0):
    """A regular polygon with a corner on top; with `inner`, a star of twice the corners."""
    points = []
    for i in range(corners):
        for radius, half in ((1, 0), (inner, 0.5)) if inner < 1 else ((1, 0),):
            angle = 2 * math.pi * (i + half) / corners
            points.append((radius * math.sin(angle), -radius * math.cos(angle)))
    return points


def heart():
    turns = [2 * math.pi * i / 48 for i in range(48)]
    return [(math.sin(t) ** 3, -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t)
                                 - math.cos(4 * t)) / 16) for t in turns]


# Corners within a circle of radius 1 or so.
SHAPES = {
    "circle": regular(48),
    "square": [(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)],
    "triangle": regular(3),
    "star": regular(5, 0.42),
    "heart": heart(),
    "diamond": [(0, -1), (0.62, 0), (0, 1), (-0.62, 0)],
    "rectangle": [(-1, -0.5), (1, -0.5), (1, 0.5), (-1, 0.5)],
    "oval": [(x, 0.6 * y) for x, y in regular(48)],
    "pentagon": regular(5),
    "hexagon": regular(6),
    "cross": [(-0.3, -1), (0.3, -1), (0.3, -0.3), (1, -0.3), (1, 0.3), (0.3, 0.3), (0.3, 1),
              (-0.3, 1), (-0.3, 0.3), (-1, 0.3), (-1, -0.3), (-0.3, -0.3)],
    "arrow": [(-1, -0.25), (0.2, -0.25), (0.2, -0.7), (1, 0), (0.2, 0.7), (0.2, 0.25), (-1, 0.25)],
}
SHAPE_NAMES = list(SHAPES)
COUNTS = ("", "a", "two", "three", "four")  # COUNTS[n] is n in words


def spots(rng, count):
    """Middles of `count` equal things in the unit square, and the radius that keeps them apart."""
    if count == 1:
        radius = rng.uniform(0.2, 0.45)
        room = 0.48 - radius
        return [(0.5 + rng.uniform(-room, room), 0.5 + rng.uniform(-room, room))], radius
    radius = rng.uniform(0.11, (0, 0, 0.22, 0.19, 0.17)[count])
    while True:
        middles = [(rng.uniform(radius, 1 - radius), rng.uniform(radius, 1 - radius))
                   for _ in range(count)]
        apart = min(math.dist(p, q) for i, p in enumerate(middles) for q in middles[:i])
        if apart > 2.15 * radius:
            return middles, radius


def draw_shapes(rng, shape, colour, count, size, wild=True, ground=None):
    """A picture of 1 to 4 equal shapes, and the name of its background's colour, or None; the
    background never has the shapes' colour. `ground` settles it."""
    fill = jittered(rng, COLOURS[colour])
    while True:
        picture, name = on_background(rng, 2 * size, ground, fill)
        if name != colour:
            break
    draw = ImageDraw.Draw(picture)
    middles, radius = spots(rng, count)
    base = rng.choice((0, 90, 180, 270)) if shape == "arrow" else 0
    outline = rng.random() < 0.25 and jittered(rng, (20, 20, 20), 10)
    for x, y in middles:
        angle = math.radians(base + rng.gauss(0, 6))
        grow = 2 * size * radius * rng.uniform(0.85, 1)
        cos, sin = grow * math.cos(angle), grow * math.sin(angle)
        corners = [(2 * size * x + cos * u - sin * v, 2 * size * y + sin * u + cos * v)
                   for u, v in SHAPES[shape]]
        draw.polygon(corners, fill=fill)
        if outline:
            draw.line(corners + corners[:2], fill=outline, width=max(2, size // 40))
    return weathered(rng, picture.reduce(2), wild), name
