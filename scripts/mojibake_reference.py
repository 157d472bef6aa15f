"""The repair of wrongly decoded text in Python: what the one in lib/text is compared with.

Made of Python's own codecs and regular expressions, and of the facts that ftfy 6.3 by Robyn Speer
states (Apache-2.0): its categories of characters, its rules of what looks wrong, and the order of
its steps.
"""

import re

ENCODINGS = ["latin-1", "cp1252", "cp1251", "cp1250", "cp1253", "cp1254", "cp1257", "iso8859-2",
             "mac_roman", "cp437"]
LOOSE = ENCODINGS[1:7]  # bytes without a meaning are control characters, U+FFFD is 1A

COMMON = "\u00a0\u00ad\u00b7\u00b4\u2013\u2014\u2015\u2026\u2019"
C1 = "\x80-\x9f"
BAD = ("\u00a6\u00a4\u00a8\u00ac\u00af\u00b8\u0192\u02c6\u02c7\u02d8\u02db\u02dc\u2020\u2021\u2030\u2310"
       "\u25ca\ufffd\u00aa\u00ba")
LAW = "\u00b6\u00a7"
CURRENCY = "\u00a2\u00a3\u00a5\u20a7\u20ac"
OPENS = "\u00a1\u00ab\u00bf\u00a9\u0384\u0385\u2018\u201a\u201c\u201e\u2022\u2039\uf8ff"
CLOSES = "\u00ae\u00bb\u02dd\u201d\u203a\u2122"
NUMERIC = ("\u00b2\u00b3\u00b9\u00b1\u00bc\u00bd\u00be\u00d7\u00b5\u00f7\u2044\u2202\u2206\u220f\u2211"
           "\u221a\u221e\u2229\u222b\u2248\u2260\u2261\u2264\u2265\u2116")
KAOMOJI = "\u00d2-\u00d6\u00d9-\u00dc\u00f2-\u00f6\u00f8-\u00fc\u0150\u014c\u016a\u0172\u00b0"
UPPER = ("\u00c0-\u00d1\u00d8\u00dc\u00ddĂĀĄĆČĎĐĘĚĒĖĞĢİĪĶĹĽŁĻŃŇŅŒŘŚŞŠŢŤŮŰŸŹŻŽҐ")
LOWER = "\u00df\u00e0-\u00f1ăąāćčďđęěēėğģįīķĺľłļœŕśşšť\u00fcźżžґ\ufb01\ufb02"
UPPER_COMMON = "\u00de\u0391-\u03a9ΆΈΉΊΌΎΏΪΫ\u0401-\u042f"
LOWER_COMMON = "\u03b1-\u03c9άέήίΰ\u0430-\u045f"
BOX = "│┌┐┘├┤┬┼\u2550-\u256c▀▄█▌▐░▒▓"

ACCENTED = LOWER + UPPER
NEAR_BAD = ACCENTED + BOX + OPENS + CLOSES + CURRENCY + NUMERIC + LAW
ARABIC = f"[ØÙ][{COMMON}{CURRENCY}{BAD}{NUMERIC}{OPENS}ŸŠ®°µ»]"

WRONG = re.compile("|".join((
    f"[{C1}]",
    f"[{BAD}{NEAR_BAD}][{BAD}]",
    f"[a-zA-Z][{LOWER_COMMON}{UPPER_COMMON}][{BAD}]",
    f"[{BAD}][{NEAR_BAD}]",
    f"[{LOWER}{LOWER_COMMON}{BOX}{CLOSES}{CURRENCY}{NUMERIC}][{UPPER}]",
    f"[{BOX}{CLOSES}{CURRENCY}{NUMERIC}][{LOWER}]",
    f"[{LOWER}{BOX}{CLOSES}][{CURRENCY}]",
    rf"\s[{UPPER}][{CURRENCY}]",
    f"[{UPPER}{BOX}][{NUMERIC}{LAW}]",
    f"[{ACCENTED}{BOX}{CURRENCY}{CLOSES}][{OPENS}][{NUMERIC}]",
    f"[{ACCENTED}{CURRENCY}{NUMERIC}{BOX}{LAW}][{CLOSES}][{OPENS}]",
    f"[{CURRENCY}{NUMERIC}{BOX}][{OPENS}]",
    f"[a-z][{UPPER}][{OPENS}{CURRENCY}]",
    f"[{BOX}][{KAOMOJI}]",
    f"[{ACCENTED}{CURRENCY}{NUMERIC}{OPENS}{CLOSES}{LAW}][{BOX}]",
    f"[{BOX}][{CLOSES}]",
    rf"[{ACCENTED}][{OPENS}{CLOSES}]\w",
    "[Œœ][^A-Za-z]",
    f"[{UPPER}]°",
    f"[ÂÃÎÐ][€œŠš¢£Ÿž\u00a0\u00ad®©°·»{OPENS}{CLOSES}–—´]",
    "×[²³]",
    ARABIC + ARABIC,
    "à[²µ¹¼½¾]",
    "√[±∂†≠®™´≤≥¥µø]",
    "≈[°¢]",
    "‚Ä[ìîïòôúùû†°¢π]",
    "‚[âó][àä°ê]",
    "вЂ",
    f"[ВГРС][{C1}{BAD}{OPENS}{CLOSES}{CURRENCY}°µ][ВГРС]",
    "ГўВЂВ.[A-Za-z ]",
    "Ã[\u00a0¡]",
    r"[a-z]\s?[ÃÂ] ",
    "^[ÃÂ] ",
    f"[a-z.,?!{CLOSES}]Â[ {OPENS}{CLOSES}]",
    "β€[™\u00a0Ά\u00ad®°]",
    f"[ΒΓΞΟ][{C1}{BAD}{OPENS}{CLOSES}{CURRENCY}°][ΒΓΞΟ]",
    "ā€",
)))

SPACED = re.compile(
    rb"[\xc2\xc3\xc5\xce\xd0\xd9] |[\xe2\xe3] [\x80-\x84\x86-\x9f\xa1-\xbf]"
    rb"|[\xe0-\xe3][\x80-\x84\x86-\x9f\xa1-\xbf] |\xf0 [\x80-\xbf]{2}|\xf0[\x80-\xbf] [\x80-\xbf]"
    rb"|\xf0[\x80-\xbf]{2} ")
WORD_A = re.compile(rb"\xc3 (?! |quele|quela|quilo|s )")
LOSSY = re.compile(
    rb"[\xc2-\xdf]\x1a|[\xc2-\xc3]\?"
    rb"|\xed[\xa0-\xaf][\x1a?]\xed[\xb0-\xbf][\x1a?\x80-\xbf]"
    rb"|\xed[\xa0-\xaf][\x1a?\x80-\xbf]\xed[\xb0-\xbf][\x1a?]"
    rb"|[\xe0-\xef][\x1a?][\x1a\x80-\xbf]|[\xe0-\xef][\x1a\x80-\xbf][\x1a?]"
    rb"|[\xf0-\xf4][\x1a?][\x1a\x80-\xbf]{2}|[\xf0-\xf4][\x1a\x80-\xbf][\x1a?][\x1a\x80-\xbf]"
    rb"|[\xf0-\xf4][\x1a\x80-\xbf]{2}[\x1a?]|\x1a")
SURROGATES = re.compile(rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]")


def table_of(encoding):
    """The characters of all bytes."""
    table = [chr(byte) for byte in range(256)]
    for byte in range(128, 256):
        table[byte] = bytes([byte]).decode(encoding, "ignore") or table[byte]
    if encoding in LOOSE:
        table[0x1A] = "\ufffd"
    return table


TABLES = {encoding: table_of(encoding) for encoding in ENCODINGS}
NUMBERS = {encoding: {character: byte for byte, character in enumerate(table)}
           for encoding, table in TABLES.items()}


def characters(first, last):
    """What bytes become in the encodings of Latin, Greek and Cyrillic letters."""
    return "".join(sorted({TABLES[encoding][byte] for encoding in ENCODINGS[:7]
                           for byte in range(first, last + 1)}))


NEXT = re.escape(characters(0x80, 0xBF) + " ")
STRICT = re.escape("".join(set(characters(0x80, 0xBF)) - set("–—―‘’‚“”„•…")))
PIECES = re.compile(f"(?<![{STRICT}])(?:[{characters(0xC2, 0xDF)}][{NEXT}]"
                    f"|[{characters(0xE0, 0xEF)}][{NEXT}]{{2}}"
                    f"|[{characters(0xF0, 0xF0)}{characters(0xF3, 0xF3)}][{NEXT}]{{3}})+")


def decode(data):
    """UTF-8, with CESU-8's pairs of surrogates and Java's NUL; None for anything else."""
    if data.endswith(b"\xc0\n"):
        data = data[:-2] + b"\0"
    data = data.replace(b"\xc0\x80", b"\0")
    data = SURROGATES.sub(
        lambda pair: pair[0].decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass")
        .decode("utf-16").encode(), data)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def fix_once(text):
    if text.isascii() or not WRONG.search(text):
        return text
    for encoding in ENCODINGS:
        if not all(character in NUMBERS[encoding] for character in text):
            continue
        data = bytes(NUMBERS[encoding][character] for character in text)
        if encoding != "mac_roman" and SPACED.search(data):
            data = SPACED.sub(lambda found: found[0].replace(b" ", b"\xa0"),
                              WORD_A.sub(b"\xc3\xa0 ", data))
        if encoding in LOOSE:
            data = LOSSY.sub("\ufffd".encode(), data)
        fixed = decode(data)
        if fixed is not None:
            return fixed

    def fix_piece(found):
        piece = found[0]
        return fix_encoding(piece) if len(piece) < len(text) and WRONG.search(piece) else piece

    fixed = PIECES.sub(fix_piece, text)
    if fixed != text:
        return fixed
    return re.sub("[\x80-\x9f]", lambda found: TABLES["cp1252"][ord(found[0])], text)


def fix_encoding(text):
    while True:
        before, text = text, fix_once(text)
        if text == before:
            return text
