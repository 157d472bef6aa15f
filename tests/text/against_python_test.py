"""The tokenizer against the one in Python, on texts made at random: against_python_test.py
TOKENIZE_FILE MERGES"""

import json
import random
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
from tokenizer_reference import Tokenizer  # noqa: E402

WORDS = "a photo of the quick brown Fox's DON'T we've 'LL x2 3.14 $5 (it's) İstanbul ΣΑΣ straße".split()
PIECES = [
    "&amp;", "&lt;", "&eacute;", "&EACUTE;", "&notit;", "&copy", "&#39;", "&#x1F600;", "&#128;", "&#0;",
    "&amp;amp;lt;", "&bogus;", "&", ";", "#", "<", ">", "\x1b[31m", "\x1b[", "\x85", "\x93", "\ufeff",
    "\r\n", "\r", "\n", "\t", "\u2028", "\u3000", "\u00a0", "\u200b", "\u00ad", "ﬁ", "ﬅ", "ŉ", "ǆ",
    "Ａ", "ｶﾞ", "￣", "‘", "’", "“", "”", "ʼ", "é", "e\u0301", "\u0327\u0301", "한", "가", "'ſ", "'S",
    "<|startoftext|>", "<|endoftext|>", "<|STARTOFTEXT|>", "<|ſtartoftext|>", "<|endoftext|", "👩‍🚀", "½",
    "Ⅷ", "٣", "K", "Å", "\x00", "\x7f", "ΑΣ", "Σ", "ẞ", "İ", "'re", "'RE", "!?", "...", "''",
]
# The tokenizer knows Unicode 15.0. What this Python does not know is left out, and so are the
# characters of 15.1, which it may know.
def is_known(c):
    return unicodedata.category(c) != "Cn" and not 0x2EBF0 <= ord(c) < 0x2EE60


ASSIGNED = [chr(c) for c in range(0x20, 0x30000) if not 0xD800 <= c < 0xE000 and is_known(chr(c))]


def random_text(source):
    parts = []
    for _ in range(source.randint(1, 12)):
        kind = source.random()
        if kind < 0.3:
            parts.append(source.choice(WORDS))
        elif kind < 0.7:
            parts.append(source.choice(PIECES))
        elif kind < 0.85:
            parts.append(source.choice(ASSIGNED))
        else:
            parts.append(chr(source.randint(0x20, 0x17F)))
        if source.random() < 0.3:
            parts.append(" ")
    return "".join(parts)


# Words of many alphabets, which wrong encodings make mojibake of.
FOREIGN = ("schön Köln größer café naïve mañana niño élève voilà à Ąžuolas čeština řeka źdźbło İstanbul güneş "
           "привет кошка собака ґанок γάτα σκύλος Άνθρωπος שלום سلام بيت बिल्ली 東京 日本語 고양이 한국 ไทย 😀 👍🏽 "
           "“quoted” it’s — … • № € £10 ½ 20°C x² ±3 ™ © ® «a» ¡hola! ¿qué? às àquela fácil").split()
ENCODINGS = ["latin-1", "cp1252", "cp1251", "cp1250", "cp1253", "cp1254", "cp1257", "iso8859-2",
             "mac_roman", "cp437"]


def wrongly_decoded(source, text):
    """UTF-8 read as something else; what has no character there stays a control or is lost."""
    encoding, lost = source.choice(ENCODINGS), source.random() < 0.1
    return "".join(bytes([byte]).decode(encoding, "ignore") or ("\ufffd" if lost else chr(byte))
                   for byte in text.encode())


def random_mojibake(source):
    parts = []
    for _ in range(source.randint(1, 4)):
        words = source.choices(FOREIGN + WORDS, k=source.randint(1, 5))
        text = " ".join(words)
        for _ in range(source.choice([0, 1, 1, 1, 2, 2, 3])):
            text = wrongly_decoded(source, text)
        parts.append(text)
    text = source.choice([" ", "\n", ""]).join(parts)
    kind = source.random()
    if kind < 0.1:
        text = text.replace("\u00a0", " ")
    elif kind < 0.2:
        at = source.randrange(len(text))
        text = text[:at] + source.choice(["", "?", "\ufffd", "\x1a", " "]) + text[at + 1:]
    elif kind < 0.25:
        units = text.encode("utf-16-be")
        data = b"".join(chr(int.from_bytes(units[i:i + 2], "big")).encode("utf-8", "surrogatepass")
                        for i in range(0, len(units), 2))
        text = "".join(map(chr, data))  # CESU-8
    return text


def random_bytes(source):
    whole = random_text(source).encode()
    data = bytearray(whole)
    for _ in range(source.randint(1, 4)):
        if data:
            data[source.randrange(len(data))] = source.randrange(256)
    # A changed byte may have made a character of a newer Unicode.
    known = all(map(is_known, data.decode(errors="replace")))
    return bytes(data) if known else random_bytes(source)


def main():
    binary, merges = sys.argv[1:]
    source = random.Random(20260101)
    cases = [{"text": random_text(source)} for _ in range(12000)]
    cases += [{"bytes": random_bytes(source).hex()} for _ in range(3000)]
    cases += [{"text": random_mojibake(source)} for _ in range(20000)]
    tokenizer = Tokenizer(merges)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.jsonl"
        path.write_text("".join(json.dumps(case) + "\n" for case in cases))
        done = subprocess.run([binary, path], capture_output=True, text=True, check=True)
    lines = done.stdout.split("\n")[:-1]
    assert len(lines) == len(cases), (len(lines), len(cases))
    wrong = 0
    for case, line in zip(cases, lines):
        text = case.get("text") or bytes.fromhex(case.get("bytes", "")).decode(errors="replace")
        expected = tokenizer.encode(text)
        if expected != [int(word) for word in line.split()]:
            wrong += 1
            if wrong <= 10:
                print(f"{ascii(text)}\n  Python {expected}\n  ours   {line}")
    print(f"{len(cases) - wrong} passed, {wrong} failed")
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main())
