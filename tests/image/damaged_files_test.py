"""Images of every kind of every format, damaged: damaged_files_test.py BINARY

At least 20,000 mutated files (CLIP_TEST_MUTATIONS says another number), the same ones in each run:
each gives an image or an error that names it. None crashes the program, and its memory stays below
a limit. A cut file must be refused wherever Pillow finds it cut; bytes behind the end do no harm.
"""

import importlib
import os
import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import PIL
from images import Image, make

KINDS = Path(__file__).parent / "kinds"
MUTATIONS = int(os.environ.get("CLIP_TEST_MUTATIONS", "20000"))
FILES_A_RUN = 2000
MAX_SEED_BYTES = 200_000
MAX_BYTES = 1 << 29  # of memory; the images have a megapixel, at most
WORDS = [b"\0", b"\xff", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\x7f", b"\x00\x80", b"\x7f\xff\xff\xff",
         b"\x80\0\0\0", b"\x01\0\0\0", b"\0\0\0\x01", b"\x10\0\0\0", b"\xff\xff", b"\xff\xd9",
         b"\xff\xda", b"IDAT", b"IEND", b"#", b" 65535 ", b" 0 ", b"99999999999", b"-1"]
COMPLAINTS = []  # what libraries have written to stderr
FRACTIONS = (0, 0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99)


def seeds(folder):
    """Files of all kinds, by format: name -> bytes."""
    sys.path.insert(0, str(KINDS))
    (folder / "photographs").mkdir()
    formats = {"photographs": {path.name: path.read_bytes()
                               for path in make(folder / "photographs")}}
    for module in sorted(KINDS.glob("*.py")):
        if module.stem == "kind":
            continue
        (folder / module.stem).mkdir()
        cases = list(importlib.import_module(module.stem).make(folder / module.stem))
        formats[module.stem] = {case.path.name: case.path.read_bytes() for case in cases}
    for files in formats.values():
        for name in [name for name, data in files.items() if len(data) > MAX_SEED_BYTES]:
            del files[name]
    return formats


def mutated(data, source):
    bytes_ = bytearray(data)
    for _ in range(source.choice((1, 1, 2, 3, 6, 20))):
        # Half of the changes hit the first bytes, where the structure is.
        end = source.choice((len(bytes_), len(bytes_), min(len(bytes_), 1024),
                             min(len(bytes_), 80)))
        at = source.randrange(end) if end else 0
        what = source.randrange(8)
        if what <= 1 and bytes_:
            bytes_[at] = source.randrange(256)
        elif what == 2 and bytes_:
            bytes_[at] ^= 1 << source.randrange(8)
        elif what <= 4:
            word = source.choice(WORDS)
            bytes_[at:at + len(word)] = word
        elif what == 5:
            del bytes_[at:at + source.randrange(1, 65)]
        elif what == 6:
            bytes_[at:at] = bytes_[at:at + source.randrange(1, 65)]
        elif source.randrange(4) == 0:
            del bytes_[at:]
    return bytes(bytes_)


def limit_memory():
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_BYTES, MAX_BYTES))


def outcomes(binary, paths):
    """For each path None, where it is an image, or the error."""
    results = []
    for start in range(0, len(paths), FILES_A_RUN):
        some = paths[start:start + FILES_A_RUN]
        done = subprocess.run([binary, "crop-limited", "8"], input="\n".join(map(str, some)).encode(),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              preexec_fn=None if is_sanitized(binary) else limit_memory)
        rest, got = done.stdout, 0
        while rest:
            line, rest = rest.split(b"\n", 1)
            got += 1
            if line == b"ok":
                rest = rest[8 * 8 * 3:]
                results.append(None)
            else:
                assert line.startswith(b"error: "), line
                results.append(line[7:].decode(errors="replace"))
        if done.returncode != 0 or got != len(some):
            kept = Path(tempfile.gettempdir()) / f"damaged-{some[min(got, len(some) - 1)].name}"
            kept.write_bytes(some[min(got, len(some) - 1)].read_bytes())
            sys.exit(f"the program ended with {done.returncode} at {kept}:\n"
                     + done.stderr.decode(errors="replace")[-4000:])
        if done.stderr:
            print("libraries write to stderr:\n" + done.stderr.decode(errors="replace")[:500])
            COMPLAINTS.append(done.stderr)
    return results


def is_sanitized(binary):
    """The sanitizers reserve terabytes of addresses."""
    with open(binary, "rb") as file:
        return b"__asan_init" in file.read()


def pillow_refuses(path):
    # Newer ones take another image of an ICO, which may be the one that is cut.
    if path.suffix == ".ico" and not PIL.__version__.startswith("9.4."):
        return False
    try:
        with Image.open(path) as image:
            image.load()
    except Exception:  # pylint: disable=broad-except
        return True
    return False


def check_mutations(binary, formats, folder):
    source = random.Random(3)
    each = -(-MUTATIONS // len(formats))
    wrong, images, tried = [], 0, 0
    for name, files in formats.items():
        names = sorted(files)
        for start in range(0, each, FILES_A_RUN):
            paths = []
            for i in range(start, min(start + FILES_A_RUN, each)):
                seed = names[i % len(names)]
                paths.append(folder / f"{i}-{seed}")
                paths[-1].write_bytes(mutated(files[seed], source))
            for path, error in zip(paths, outcomes(binary, paths)):
                tried += 1
                images += error is None
                if error is not None and path.name not in error:
                    wrong.append(f"{name}: {path.name} is not named in: {error}")
                path.unlink()
    print(f"{tried} mutated files, {images} of them images")
    if not 0 < images < tried:
        wrong.append("nothing was refused, or all: the mutations try only one way")
    return tried, wrong


def check_cuts(binary, formats, folder):
    wrong, cut, longer = [], [], []
    for files in formats.values():
        for name in sorted(files)[::max(1, len(files) // 25)]:
            data = files[name]
            for fraction in FRACTIONS:
                cut.append(folder / f"cut-{fraction}-{name}")
                cut[-1].write_bytes(data[: int(len(data) * fraction)])
            whole, more = folder / f"whole-{name}", folder / f"longer-{name}"
            whole.write_bytes(data)
            more.write_bytes(data + b"some more")
            longer.append((whole, more))
    refused = 0
    for path, error in zip(cut, outcomes(binary, cut)):
        refused += error is not None
        if error is None and pillow_refuses(path):
            wrong.append(f"{path.name}: Pillow finds it cut, clip-cli does not")
        elif error is not None and path.name not in error:
            wrong.append(f"{path.name} is not named in: {error}")
    # Numbers in text may go on, so what follows them counts.
    for (whole, more), before, after in zip(longer, outcomes(binary, [pair[0] for pair in longer]),
                                            outcomes(binary, [pair[1] for pair in longer])):
        if before is None and after is not None and whole.read_bytes()[:2] not in (b"P2", b"P3"):
            wrong.append(f"{more.name}: {after}")
    print(f"{refused} of {len(cut)} cut files refused")
    return len(cut) + len(longer), wrong


def main():
    binary = sys.argv[1]
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        folder = Path(folder)
        formats = seeds(folder)
        (folder / "damaged").mkdir()
        tried, wrong = check_mutations(binary, formats, folder / "damaged")
        more, others = check_cuts(binary, formats, folder / "damaged")
    wrong += others
    if COMPLAINTS:
        wrong.append("libraries write to stderr")
    print("\n".join(wrong))
    print(f"{tried + more - len(wrong)} passed, {len(wrong)} failed")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
