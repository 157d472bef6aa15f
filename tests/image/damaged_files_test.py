"""Pictures cut short, and with bytes changed at random: damaged_files_test.py BINARY

A cut file must be an error wherever Pillow finds it cut; a changed one must never crash.
"""

import random
import sys
import tempfile
from pathlib import Path

from images import Image, make, preprocess

KINDS = ["baseline.jpg", "progressive.jpg", "gray.jpg", "rgb.png", "palette.png", "interlaced.png",
         "lossy.webp", "lossless.webp", "none.tif", "lzw.tif", "deflate.tif", "rgb.bmp", "palette.bmp",
         "rgb.ppm", "gray.pgm", "text.ppm"]


def pillow_refuses(path):
    try:
        with Image.open(path) as image:
            image.load()
    except Exception:  # pylint: disable=broad-except
        return True
    return False


def main():
    binary = sys.argv[1]
    source = random.Random(3)
    wrong, refused, tried = [], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        whole = {path.name: path.read_bytes() for path in make(Path(folder)) if path.name in KINDS}
        assert len(whole) == len(KINDS)
        damaged = Path(folder) / "damaged"
        damaged.mkdir()
        cut, changed, longer = [], [], []
        for name, data in whole.items():
            for fraction in (0, 0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999):
                path = damaged / f"cut-{fraction}-{name}"
                path.write_bytes(data[: int(len(data) * fraction)])
                cut.append(path)
            for i in range(25):
                bytes_ = bytearray(data)
                # Half of the changes hit the first kilobyte, where the structure is.
                for _ in range(source.randint(1, 5)):
                    end = len(data) if source.random() < 0.5 else min(len(data), 1024)
                    bytes_[source.randrange(end)] = source.randrange(256)
                path = damaged / f"changed-{i}-{name}"
                path.write_bytes(bytes_)
                changed.append(path)
            path = damaged / f"longer-{name}"
            path.write_bytes(data + b"some more")
            longer.append(path)
        for path, result in zip(cut, preprocess(binary, "crop", 64, cut)):
            tried += 1
            if isinstance(result, str):
                refused += 1
                if path.name not in result:
                    wrong.append(f"{path.name} is not named in: {result}")
            elif pillow_refuses(path):
                wrong.append(f"{path.name}: Pillow finds it cut, clip-cli does not")
        # Numbers in text may go on, so what follows them counts; elsewhere it does not.
        for path, result in zip(longer, preprocess(binary, "crop", 64, longer)):
            tried += 1
            if isinstance(result, str) and not path.name.endswith("text.ppm"):
                wrong.append(f"{path.name}: {result}")
        preprocess(binary, "crop", 64, changed)  # fails when the program crashes
        tried += len(changed)
    print("\n".join(wrong))
    print(f"{refused} of {len(cut)} cut files refused; {len(changed)} changed files survived")
    print(f"{tried - len(wrong)} passed, {len(wrong)} failed")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
