"""Files of every kind of every format against Pillow: formats_test.py BINARY [FORMAT...]

Each module of kinds/ makes the files of one format, by Pillow, by the format's own tools, and by
hand where no tool writes a kind. Every file that Pillow 9.4 opens must have equal pixels, decoded
and resized, but for the exceptions, which stand beside the files with their reasons. Where another
Pillow is installed, the files that it opens otherwise are exceptions, too.
"""

import importlib
import re
import sys
import tempfile
import warnings
from pathlib import Path

import PIL
from images import as_upright, numpy, preprocess, transform

warnings.simplefilter("ignore")
KINDS = Path(__file__).parent / "kinds"
MIN_FILES = 250
SIZE = 97
# What Pillow 11.1 does otherwise than 9.4, which is the reference, by the names of the files.
CHANGED = [(re.compile(pattern), reason) for pattern, reason in (
    (r"global-.*short.*\.gif|global-gray-but-one.*\.gif|palette-.*\.(png|tga|tif)|index-out.*\.bmp|"
     r"rle\d-(short-palette|random-\d+)\.bmp", "newer ones fill palettes that are too short with black"),
    (r"no-pixels-.*\.gif|apng-nothing-left\.png", "newer ones refuse frames without pixels"),
    (r".*\.ico", "newer ones choose another image of several"),
    (r"color-16-.*\.tga", "newer ones read the bit of opacity the other way round"),
    (r"9-bits\.j2k|color-\d+\.jp2", "newer ones read other depths and refuse other damage"),
)]


def changed(case):
    """Why another Pillow than the reference may open the file otherwise, or an empty text."""
    if PIL.__version__.startswith("9.4."):
        return ""
    return next((reason for names, reason in CHANGED if names.fullmatch(case.path.name)), "")


def reference(case):
    """The image as Pillow opens it, or what it raises."""
    if case.expected is not None:
        return case.expected
    try:
        return as_upright(case.path)
    except Exception as error:  # pylint: disable=broad-except
        return error


def difference(ours, expected, tolerance):
    got = numpy.frombuffer(ours, dtype="uint8").reshape(expected.shape).astype(int)
    off = numpy.abs(got - expected.astype(int))
    if off.max(initial=0) <= tolerance:
        return ""
    return f"{(off > tolerance).sum()} of {off.size} samples differ, the most by {off.max()}"


def check(case, rgb, crop):
    """What is wrong, or an empty text."""
    if isinstance(rgb, str) != isinstance(crop, str):
        return f"is refused in one way only: {rgb if isinstance(rgb, str) else crop}"
    if case.refused is not None:
        assert case.reason, f"{case.path.name}: an exception without a reason"
        if not isinstance(rgb, str):
            return "is read, and must be refused"
        return "" if case.refused in rgb and case.path.name in rgb else f"another error: {rgb}"
    expected = reference(case)
    if isinstance(expected, Exception):
        return "" if isinstance(rgb, str) else f"is read, and Pillow refuses it: {expected}"
    if isinstance(rgb, str):
        return f"Pillow reads it: {rgb}"
    width, height, pixels = rgb
    if (width, height) != expected.size:
        return f"{width} x {height}, Pillow has {expected.size}"
    wrong = difference(pixels, numpy.asarray(expected.convert("RGB")), case.tolerance)
    if wrong:
        return f"decoded ({expected.mode}): {wrong}"
    wrong = difference(crop, numpy.asarray(transform(SIZE)(expected)), case.tolerance)
    return f"resized ({expected.mode}): {wrong}" if wrong else ""


def main():
    binary, *wanted = sys.argv[1:]
    sys.path.insert(0, str(KINDS))
    failed, total = 0, 0
    for module in sorted(KINDS.glob("*.py")):
        if module.stem == "kind" or (wanted and module.stem not in wanted):
            continue
        with tempfile.TemporaryDirectory() as folder:
            cases = list(importlib.import_module(module.stem).make(Path(folder)))
            paths = [case.path for case in cases]
            assert len({path.name for path in paths}) == len(paths), "two files of one name"
            results = zip(cases, preprocess(binary, "rgb", SIZE, paths),
                          preprocess(binary, "crop", SIZE, paths))
            wrong = [(case.path.name, check(case, rgb, crop)) for case, rgb, crop in results]
        for case in cases:
            case.reason = case.reason or changed(case)
        wrong = [(name, text) for case, (name, text) in zip(cases, wrong)
                 if text and not changed(case)]
        exceptions = [case for case in cases if case.reason]
        print(f"{module.stem}: {len(cases)} files, {len(exceptions)} exceptions, {len(wrong)} wrong")
        for case in exceptions:
            print(f"  exception {case.path.name}: {case.reason}")
        for name, text in wrong:
            print(f"  WRONG {name}: {text}")
        failed += len(wrong)
        total += len(cases)
    assert wanted or total >= MIN_FILES, f"only {total} files"
    print(f"{total - failed} passed, {failed} failed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
