"""What is shown in terminals: previews of images, and lines that are replaced in place."""

import base64
import io
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from common import BINARY, MODELS, ROOT, need, run
from images import draw

need("PIL")
from PIL import Image  # noqa: E402 (after the check that it is there)

PROGRAMS = Path(os.environ.get("CLIP_TEST_PROGRAMS", ROOT / "build/release/tests/app"))
RED, BLUE = (220, 30, 40), (20, 60, 200)
LEFT_ALONE = ("TMUX", "STY", "COLORTERM", "TERM", "TERM_PROGRAM", "LC_TERMINAL")


def half_and_half(path, size=(80, 80)):
    """The left half red, the right half blue."""
    image = Image.new("RGB", size, BLUE)
    image.paste(RED, (0, 0, size[0] // 2, size[1]))
    image.save(path)
    return path


def environment(**variables):
    """That of a terminal of which nothing but these is known."""
    kept = {name: value for name, value in os.environ.items()
            if name not in LEFT_ALONE and not re.match("KITTY|ITERM|VTE|KONSOLE|WEZTERM", name)}
    return kept | variables


def preview(columns, rows, mode, image, **variables):
    """The bytes of a preview, written to no terminal."""
    return subprocess.run([PROGRAMS / "show_preview", str(columns), str(rows), mode, image],
                          env=environment(**variables), check=True, capture_output=True).stdout


# Which quarters of a cell the characters of a preview colour: upper left and right, lower left and
# right.
INK = dict(zip(" \u2597\u2596\u2584\u259d\u2590\u259e\u259f\u2598\u259a\u258c\u2599\u2580\u259c\u259b\u2588",
               range(16)))


def quarters(line):
    """The colours of a line that tmux captured with its escape sequences, as far as they are of 24
    bits: those of the upper half, and those of the lower half, two for each cell. tmux 3.5 captures
    more empty cells at the end than 3.3: they are left out."""
    front = back = None
    swapped, upper, lower = False, [], []
    for parameters, character in re.findall(r"\x1b\[([\d;]*)m|([^\x1b])", line):
        if character:
            ink, paper = (back, front) if swapped else (front, back)
            colors = [ink if INK[character] >> bit & 1 else paper for bit in (3, 2, 1, 0)]
            upper += colors[:2]
            lower += colors[2:]
            continue
        numbers = [int(number or 0) for number in parameters.split(";")]
        while numbers:
            number = numbers.pop(0)
            if number == 0:
                front, back, swapped = None, None, False
            elif number in (7, 27):
                swapped = number == 7
            elif number in (39, 49):
                front, back = (None, back) if number == 39 else (front, None)
            elif number in (38, 48):
                color, numbers = tuple(numbers[1:4]), numbers[4:]
                front, back = (color, back) if number == 38 else (front, color)
    while upper and upper[-1] is None and lower[-1] is None:
        del upper[-1], lower[-1]
    return upper, lower


class Temporary(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def check_colors(self, image, size=None):
        """A preview as an image: half red, half blue, its edges and the border left out."""
        if size:
            self.assertEqual(image.size, size)
        width, height = image.size
        for left, expected in ((0.05, RED), (0.55, BLUE)):
            half = image.convert("RGB").crop((round(width * left), round(height * 0.05),
                                              round(width * (left + 0.4)), round(height * 0.95)))
            count = half.width * half.height
            for i, band in enumerate(half.split()):
                mean = sum(value * times for value, times in enumerate(band.histogram())) / count
                self.assertAlmostEqual(mean, expected[i], delta=8)


class Graphics(Temporary):
    """What is written for terminals with graphics, decoded."""

    def setUp(self):
        super().setUp()
        self.image = half_and_half(self.folder / "image.png")

    def kitty(self, data):
        """The image in the commands of kitty's graphics protocol: RGB or RGBA in chunks."""
        commands = re.findall(rb"\x1b_G([^;\x1b]*);?([^\x1b]*)\x1b\\", data)
        keys = dict(pair.split(b"=") for pair in commands[0][0].split(b","))
        self.assertEqual(keys[b"a"], b"T")
        pixels = b"".join(base64.b64decode(payload) for _, payload in commands)
        mode = {b"32": "RGBA", b"24": "RGB"}[keys[b"f"]]
        return Image.frombytes(mode, (int(keys[b"s"]), int(keys[b"v"])), pixels)

    def sixel(self, data):
        """The image in sixels, by the VT3xx's manual, chapter 14."""
        body = re.fullmatch(rb"\x1bP[\d;]*q(.*)\x1b\\\s*", data, re.DOTALL).group(1).decode()
        palette, pixels, color, x, y = {}, {}, 0, 0, 0
        for token in re.finditer(r'"([\d;]*)|#([\d;]+)|!(\d+)([?-~])|([?-~])|([$-])', body):
            if token[2]:
                values = [int(value) for value in token[2].split(";")]
                color = values[0]
                if len(values) == 5:
                    self.assertEqual(values[1], 2)  # red, green, blue, in percent
                    palette[color] = tuple(round(2.55 * value) for value in values[2:])
            elif token[4] or token[5]:
                bits = ord(token[4] or token[5]) - 63
                for _ in range(int(token[3] or 1)):
                    for bit in range(6):
                        if bits >> bit & 1:
                            pixels[x, y + bit] = palette[color]
                    x += 1
            elif token[6]:
                x = 0
                y += 6 if token[6] == "-" else 0
        image = Image.new("RGB", [1 + max(at) for at in zip(*pixels)])
        for at, value in pixels.items():
            image.putpixel(at, value)
        return image

    def iterm(self, data):
        found = re.search(rb"\x1b\]1337;File=([^:]*):([^\x07\x1b]*)(\x07|\x1b\\)", data)
        self.assertIn(b"inline=1", found[1])
        return Image.open(io.BytesIO(base64.b64decode(found[2])))

    def test_asked_for_by_name(self):
        for mode in ("kitty", "sixel", "iterm"):
            with self.subTest(mode=mode):
                data = preview(8, 4, mode, self.image, TERM="xterm-256color")
                self.check_colors(getattr(self, mode)(data))
                # In tmux too: people may have set it up for that.
                data = preview(8, 4, mode, self.image, TERM="tmux-256color", TMUX="/tmp/x,1,0")
                self.check_colors(getattr(self, mode)(data))

    def test_terminals_that_are_known_to_have_them(self):
        for mode, variables in (("kitty", {"TERM": "xterm-kitty", "KITTY_PID": "1"}),
                                ("iterm", {"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}),
                                ("sixel", {"TERM": "mlterm"})):
            with self.subTest(mode=mode):
                self.check_colors(getattr(self, mode)(preview(8, 4, "auto", self.image,
                                                              **variables)))
                # A terminal within that terminal is another one.
                inside = preview(8, 4, "auto", self.image, TMUX="/tmp/x,1,0", **variables)
                self.assertNotRegex(inside, rb"\x1b(_G|P|\]1337)")

    def test_proportions_are_kept(self):
        wide = half_and_half(self.folder / "wide.png", (400, 100))
        # A cell is 10 x 20 where no terminal says otherwise: 20 columns are 200 pixels, and a
        # quarter of that is 2.5 rows.
        width, height = self.kitty(preview(20, 20, "kitty", wide, TERM="xterm-kitty")).size
        self.assertEqual(width, 200)
        self.assertIn(height, (40, 60))

    def test_gray_transparent_and_deep_images(self):
        for name, image, expected in (
                ("gray", Image.new("L", (40, 40), 90), (90, 90, 90)),
                ("clear", Image.new("RGBA", (40, 40), (0, 0, 0, 0)), (255, 255, 255)),
                ("deep", Image.new("I;16", (40, 40), 200), (200, 200, 200))):
            image.save(self.folder / f"{name}.png")
            drawn = self.kitty(preview(4, 2, "kitty", self.folder / f"{name}.png", TERM="kitty"))
            pixel = drawn.convert("RGB").getpixel((drawn.width // 2, drawn.height // 2))
            for value, wanted in zip(pixel, expected):
                self.assertAlmostEqual(value, wanted, delta=2, msg=name)


class Symbols(Temporary):
    """Text in colours, as escape sequences."""

    def test_the_colors_that_the_terminal_has(self):
        image = half_and_half(self.folder / "image.png")
        truecolor = preview(8, 4, "symbols", image, TERM="xterm-256color", COLORTERM="truecolor")
        self.assertRegex(truecolor, rb"[34]8;2;220;30;40")
        self.assertRegex(truecolor, rb"[34]8;2;20;60;200")
        indexed = preview(8, 4, "symbols", image, TERM="screen-256color")
        self.assertRegex(indexed, rb"[34]8;5;\d+")
        self.assertNotIn(b"8;2;", indexed)
        console = preview(8, 4, "symbols", image, TERM="linux")
        self.assertRegex(console, rb"\x1b\[(\d+;)*(4|10)[14]m")  # red or blue behind
        self.assertNotRegex(console, rb"[34]8;[25];")
        for data in (truecolor, indexed, console):
            self.assertEqual(data.count(b"\n"), 4)
            self.assertTrue(data.endswith(b"\r\n"))


class Modules(Temporary):
    def test_libchafa_is_loaded_by_a_preview_alone(self):
        image = half_and_half(self.folder / "image.png")
        loaded = subprocess.run([BINARY, "--version"], env=os.environ | {"LD_DEBUG": "files"},
                                capture_output=True, text=True, check=True).stderr
        self.assertIn("libc.so", loaded)
        self.assertNotIn("chafa", loaded)
        self.assertNotIn("glib", loaded)
        done = subprocess.run([PROGRAMS / "show_preview", "4", "2", "symbols", image],
                              env=os.environ | {"LD_DEBUG": "files"}, capture_output=True,
                              check=True)
        self.assertIn(b"libchafa", done.stderr)

    def test_the_error_names_the_package(self):
        # A library of that name that is none stands for one that is not installed.
        (self.folder / "libchafa.so.0").write_text("")
        done = subprocess.run([PROGRAMS / "show_preview", "4", "2", "symbols", "image.png"],
                              env=os.environ | {"LD_LIBRARY_PATH": str(self.folder)},
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("apt-get install libchafa0", done.stderr)
        self.assertIn("libchafa.so.0", done.stderr)


class Terminal(Temporary):
    """A tmux of its own."""

    WIDTH, HEIGHT = 40, 12

    def setUp(self):
        super().setUp()
        if shutil.which("tmux") is None:
            self.fail("missing tmux: apt-get install tmux")
        self.socket = str(self.folder / "tmux")
        self.addCleanup(self.tmux, "kill-server")

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-S", self.socket, *map(str, arguments)], env=environment(),
                              capture_output=True, text=True, check=False).stdout

    def start(self, *command):
        words = " ".join(shlex.quote(str(word)) for word in command)
        self.tmux("-f", os.devnull, "new-session", "-d", "-x", self.WIDTH, "-y", self.HEIGHT,
                  f"LC_ALL=C.UTF-8 {words}; echo EXIT $?; sleep 100")

    def wait_for(self, condition, what):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.02)
        self.fail(f"{what} did not come; the screen:\n{self.tmux('capture-pane', '-p')}")

    def lines(self, *options):
        """Of the screen, without the empty ones at its end."""
        screen = self.tmux("capture-pane", "-p", *options).rstrip()
        return [line.rstrip() for line in screen.split("\n")]


class PreviewInTmux(Terminal):
    def check_line(self, line, columns):
        """So many half columns are red, and then as many blue; scaling blends at the border."""
        for half in quarters(line):
            self.assertEqual(len(half), 2 * columns)
            for i, color in enumerate(half):
                for value, wanted in zip(color, RED if i < columns else BLUE):
                    self.assertAlmostEqual(value, wanted, delta=32, msg=half)

    def test_blocks_in_the_colors_of_the_image(self):
        image = half_and_half(self.folder / "image.png")
        self.start("env", "COLORTERM=truecolor", PROGRAMS / "show_preview", 16, 8, "auto", image)
        self.wait_for(lambda: "EXIT 0" in self.tmux("capture-pane", "-p"), "the end")
        screen = self.tmux("capture-pane", "-e", "-N", "-p").split("\n")
        self.assertEqual(len(self.lines()), 9)  # eight of the image, and EXIT
        for line in screen[:8]:
            self.check_line(line, 16)
        self.assertEqual(self.lines()[8], "EXIT 0")

    def test_half_blocks_double_the_columns(self):
        # Five columns: the border between red and blue lies within the third.
        image = half_and_half(self.folder / "image.png", (100, 40))
        self.start("env", "COLORTERM=truecolor", PROGRAMS / "show_preview", 5, 1, "auto", image)
        self.wait_for(lambda: "EXIT 0" in self.tmux("capture-pane", "-p"), "the end")
        line = self.tmux("capture-pane", "-e", "-N", "-p").split("\n")[0]
        self.check_line(line, 5)


class Live(Terminal):
    """A block and a progress line on one screen, step by step."""

    def setUp(self):
        super().setUp()
        self.steps, self.done = self.folder / "steps", self.folder / "done"
        os.mkfifo(self.steps)
        self.start("sh", "-c", f"echo before; {PROGRAMS / 'show_live'} {self.done} < {self.steps}")
        self.writer = open(self.steps, "w", encoding="utf-8")  # waits for the reader
        self.addCleanup(self.writer.close)
        self.count = 0

    def step(self, text):
        """Does a step, and gives the screen after it."""
        self.count += 1
        self.writer.write(text + "\n")
        self.writer.flush()
        wanted = f"ok {self.count}\n"
        self.wait_for(lambda: self.done.exists() and wanted in self.done.read_text(), text)
        return self.settled()

    def settled(self):
        """The screen, once tmux has drawn all that it was given."""
        before = None
        for _ in range(100):
            screen = self.lines()
            if screen == before:
                return screen
            before = screen
            time.sleep(0.05)
        self.fail("the screen does not come to rest")

    def test_lines_are_replaced_above_the_status_line(self):
        self.assertEqual(self.step("show 27.1 a.jpg|25.0 b.jpg"),
                         ["before", "27.1 a.jpg", "25.0 b.jpg"])
        screen = self.step("progress")
        self.assertEqual(screen[:3], ["before", "27.1 a.jpg", "25.0 b.jpg"])
        self.assertRegex(screen[3], r"^1/9 images, ")
        # As many lines: the status line stays, whatever is longer or shorter.
        screen = self.step("show 30.0 a much longer name.jpg|9 c")
        self.assertEqual(screen[:3], ["before", "30.0 a much longer name.jpg", "9 c"])
        self.assertRegex(screen[3], r"^1/9 images, ")
        # More lines, and fewer.
        self.assertEqual(self.step("show 1|2|3"), ["before", "1", "2", "3"])
        self.assertRegex(self.step("progress")[4], r"^2/9 images, ")
        self.assertEqual(self.step("show 4"), ["before", "4"])
        screen = self.step("progress")
        self.assertEqual((screen[:2], len(screen)), (["before", "4"], 3))
        # A notice stays, and the block goes on below it.
        self.assertEqual(self.step("notice cannot use x.jpg"),
                         ["before", "clip-cli: cannot use x.jpg"])
        self.step("show 5|6")
        screen = self.step("progress")
        self.assertEqual(screen[:4], ["before", "clip-cli: cannot use x.jpg", "5", "6"])
        self.assertRegex(screen[4], r"^4/9 images, ")
        # At the end nothing is left of either.
        screen = self.step("done 31.2 the last.jpg")
        self.assertEqual(screen[:3], ["before", "clip-cli: cannot use x.jpg",
                                      "31.2 the last.jpg"])
        self.assertRegex(screen[3], r"^clip-cli: 4 images in .*none failed$")
        self.assertEqual(len(screen), 4)

    def test_long_lines_wide_characters_and_many_lines(self):
        long = "27.1 " + "x" * 100
        wide = "25.0 " + "日本語" * 20
        screen = self.step(f"show {long}|{wide}|20.0 \x1b[2Jy")
        self.assertEqual(screen[1], long[:38] + "…")
        self.assertTrue(screen[2].startswith("25.0 日本語") and screen[2].endswith("…"))
        self.assertEqual(screen[3], "20.0 \\x1b[2Jy")
        self.assertEqual(self.step("show a|b"), ["before", "a", "b"])
        # More than the screen has lines: the first ones, and one is left for the status.
        many = [f"line {i}" for i in range(30)]
        self.step("show " + "|".join(many))
        screen = self.step("progress")
        self.assertEqual(screen[:self.HEIGHT - 1], many[:self.HEIGHT - 1])
        self.assertRegex(screen[self.HEIGHT - 1], r"^1/9 images, ")
        # At the bottom of the screen, too, they are replaced in place.
        many[0] = "another"
        self.assertEqual(self.step("show " + "|".join(many))[:2], ["another", "line 1"])
        self.assertEqual(self.step("show z"), ["z"])

    def test_a_terminal_that_is_made_narrower(self):
        self.step("show " + "a" * 38 + "|b")
        self.tmux("resize-window", "-x", 20, "-y", self.HEIGHT)
        self.wait_for(lambda: "a" * 20 in self.lines(), "the smaller window")
        self.step("show c")
        # With what tmux has scrolled away to make room for a wrapped line.
        self.assertEqual(self.lines("-S", "-"), ["before", "c"])


class Search(Terminal):
    """clip-cli search in a terminal."""

    WIDTH, HEIGHT = 100, 40
    COUNT = 1500

    def setUp(self):
        super().setUp()
        self.root = self.folder / "photos"
        self.root.mkdir()

    def search(self, *arguments, model=MODELS / "tiny.pt"):
        self.start("env", f"XDG_DATA_HOME={self.folder / 'data'}", "COLORTERM=truecolor", BINARY,
                   "search", "--model", model, "--in", self.root, "a cat", *arguments)

    def test_hits_so_far_are_shown_and_replaced(self):
        for i in range(self.COUNT):
            draw(self.root / f"{i:04}.png", i)
        (self.root / "broken.png").write_text("no image")
        self.search("--batch", 2)
        screens, end = [], time.monotonic() + 600
        while not screens or not any(line == "EXIT 0" for line in screens[-1]):
            screen = self.lines()
            if not screens or screens[-1] != screen:
                screens.append(screen)
            self.assertLess(time.monotonic(), end, screens[-1])
            time.sleep(0.02)
        hit = re.compile(r" +-?\d+\.\d{4}  .*/\d{4}\.png$")
        # Ten hits above the status line, while images were still embedded.
        during = [screen for screen in screens if len(screen) == 11 and
                  all(hit.match(line) for line in screen[:10]) and " files, " in screen[10]]
        self.assertGreater(len({tuple(screen[:10]) for screen in during}), 1, screens)
        # At the end they are gone, and the best of all are there once.
        last = screens[-1]
        self.assertEqual(last[-1], "EXIT 0")
        self.assertEqual(sum(bool(hit.match(line)) for line in last), 10, last)
        self.assertTrue(all(hit.match(line) for line in last[-11:-1]), last)
        self.assertTrue(last[0].startswith("clip-cli: 1 file could not be used"), last)
        self.assertLessEqual(len(last), 14, last)  # a notice of a long refresh takes two

    def test_previews_below_their_rows(self):
        half_and_half(self.root / "image.png")
        self.search("--preview", "-q")  # nothing of a refresh that took long
        self.wait_for(lambda: "EXIT 0" in self.lines(), "the end")
        self.assertRegex(self.lines()[0], r"^ +-?\d+\.\d{4}  .*/image\.png$")
        screen = self.tmux("capture-pane", "-e", "-N", "-p").split("\n")
        for line in screen[1:13]:  # twelve rows, and of a square twice as many columns
            colors = [color for color in quarters(line)[0] if color]
            self.assertEqual(len(colors), 48)
            self.assertEqual((colors[0], colors[-1]), (RED, BLUE))
        self.assertEqual(self.lines()[13], "EXIT 0")

    def test_previews_are_for_eyes(self):
        for arguments, words in ((["--preview"], "--preview needs a terminal"),
                                 (["--preview=ascii"], "'ascii' is not auto, symbols"),
                                 (["--preview", "--json"], "--preview is for the table")):
            done = run("search", "--in", self.root, "a cat", *arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(words, done.stderr)


class NoTerminal(Temporary):
    def test_nothing_is_written_to_a_file(self):
        done = subprocess.run([PROGRAMS / "show_live", self.folder / "done"], text=True,
                              input="show a|b\nshow c\ndone end\n", capture_output=True, check=True)
        self.assertEqual(done.stdout, "end\n")


if __name__ == "__main__":
    unittest.main()
