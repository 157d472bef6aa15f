"""CLIP's tokenizer in straightforward Python: what the one in lib/text is compared with.

Cleaning as facts about ftfy and OpenAI's package state it (mojibake_reference.py for the repair of
wrongly decoded text), the split by the module `regex` (Debian: python3-regex), merging as the paper on byte-pair encoding does,
with a cache of words. Written for clarity.
"""

import html
import html.entities
import re
import unicodedata

try:
    import regex
except ImportError as missing:
    raise SystemExit(f"missing: apt-get install python3-regex ({missing})") from missing

from mojibake_reference import fix_encoding

START, END = 49406, 49407

WORDS = regex.compile(
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
    regex.IGNORECASE,
)
REFERENCE = re.compile(r"&#?[0-9A-Za-z]{1,24};")
TERMINAL_ESCAPE = re.compile("\x1b\\[[0-9;]*[a-zA-Z]")
LIGATURES = {
    0x132: "IJ", 0x133: "ij", 0x149: "\u02bcn", 0x1F1: "DZ", 0x1F2: "Dz", 0x1F3: "dz",
    0x1C4: "D\u017d", 0x1C5: "D\u017e", 0x1C6: "d\u017e", 0x1C7: "LJ", 0x1C8: "Lj", 0x1C9: "lj",
    0x1CA: "NJ", 0x1CB: "Nj", 0x1CC: "nj", 0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi",
    0xFB04: "ffl", 0xFB05: "\u017ft", 0xFB06: "st",
}
WIDTHS = {c: unicodedata.normalize("NFKC", chr(c)) for c in range(0xFF01, 0xFFF0)}
WIDTHS[0x3000] = " "
QUOTES = {c: "'" for c in (0x2BC, *range(0x2018, 0x201C))}
QUOTES.update({c: '"' for c in range(0x201C, 0x2020)})
CONTROLS = dict.fromkeys(
    [*range(0x09), 0x0B, *range(0x0E, 0x20), 0x7F, *range(0x206A, 0x2070), 0xFEFF,
     *range(0xFFF9, 0xFFFD)]
)


def _unescape_one(match):
    text = match[0]
    if text.startswith("&#"):
        plain = html.unescape(text)
        return text if ";" in plain else plain
    name = text[1:]
    if name in html.entities.html5:
        return html.entities.html5[name]
    small = name.lower()
    if name == name.upper() and small in html.entities.html5 and html.unescape(text) == text:
        return html.entities.html5[small].upper()
    return text


def _windows_1252(match):
    byte = match[0].encode("latin-1")
    try:
        return byte.decode("windows-1252")
    except UnicodeDecodeError:
        return match[0]


def fix_line(text, unescape):
    while True:
        before = text
        if unescape:
            text = REFERENCE.sub(_unescape_one, text)
        text = fix_encoding(text)
        text = re.sub("[\x80-\x9f]", _windows_1252, text)
        text = text.translate(LIGATURES).translate(WIDTHS).translate(QUOTES)
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        text = text.replace("\u2028", "\n").replace("\u2029", "\n")
        text = TERMINAL_ESCAPE.sub("", text).translate(CONTROLS)
        text = unicodedata.normalize("NFC", text)
        if text == before:
            return text


def fix_text(text):
    fixed, unescape = [], True
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        unescape = unescape and "<" not in line
        fixed.append(fix_line(line, unescape))
    return "".join(fixed)


def clean(text):
    text = html.unescape(html.unescape(fix_text(text))).strip()
    return regex.sub(r"\s+", " ", text).strip().lower()


def byte_alphabet():
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    alphabet = {byte: chr(byte) for byte in printable}
    alphabet.update({byte: chr(0x100 + i) for i, byte in enumerate(others)})
    return alphabet


class Tokenizer:
    def __init__(self, merges_path):
        with open(merges_path, encoding="utf-8") as file:
            merges = [tuple(line.split()) for line in file]
        self.alphabet = byte_alphabet()
        symbols = list(self.alphabet.values())
        vocabulary = symbols + [symbol + "</w>" for symbol in symbols]
        vocabulary += ["".join(merge) for merge in merges]
        self.ids = {symbol: i for i, symbol in enumerate(vocabulary)}
        self.ranks = {merge: rank for rank, merge in enumerate(merges)}
        self.cache = {"<|startoftext|>": [START], "<|endoftext|>": [END]}

    def encode_word(self, word):
        if word in self.cache:
            return self.cache[word]
        symbols = [self.alphabet[byte] for byte in word.encode()]
        symbols[-1] += "</w>"
        while len(symbols) > 1:
            pairs = set(zip(symbols, symbols[1:]))
            best = min(pairs, key=lambda pair: self.ranks.get(pair, float("inf")))
            if best not in self.ranks:
                break
            merged, i = [], 0
            while i < len(symbols):
                if tuple(symbols[i : i + 2]) == best:
                    merged.append("".join(best))
                    i += 2
                else:
                    merged.append(symbols[i])
                    i += 1
            symbols = merged
        ids = [self.ids[symbol] for symbol in symbols]
        self.cache[word] = ids
        return ids

    def encode(self, text):
        return [i for word in WORDS.findall(clean(text)) for i in self.encode_word(word)]
