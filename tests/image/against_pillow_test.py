"""Preprocessing against Pillow and torchvision, pixel by pixel: against_pillow_test.py BINARY"""

import sys
import tempfile
from pathlib import Path

from images import Image, as_stored, as_upright, make, numpy, preprocess, torch, transform, transform_by, transforms

# Pillow cannot resize this one at all; ours has to work, and nothing is there to compare it with.
PILLOW_FAILS = {"gray16.tif"}

RULES = [f"{mode}-{interpolation}" for mode in ("shortest-side", "squash", "longest-side")
         for interpolation in ("bicubic", "bilinear")]

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


def compare(name, ours, expected, wrong):
    expected = numpy.asarray(expected)
    if isinstance(ours, str):
        wrong.append(f"{name}: {ours}")
        return
    got = numpy.frombuffer(ours, dtype=expected.dtype).reshape(expected.shape)
    if not (got == expected).all():
        difference = numpy.abs(got.astype(float) - expected.astype(float))
        wrong.append(f"{name}: {(difference > 0).sum()} of {difference.size} differ, "
                     f"the most by {difference.max():.0f}")


def compare_reduced(binary, folder, wrong):
    """JPEGs decoded at 1/2, 1/4 and 1/8 of their size, as Pillow's draft mode does; gives how many
    were compared."""
    generator = numpy.random.default_rng(1)
    smooth = generator.random((40, 60, 3)) * 255
    compared = 0
    for width, height, scale in ((400, 300, 1), (1000, 896, 2), (1000, 895, 1), (901, 1203, 2), (1800, 900, 2),
                                 (2400, 1801, 4), (4000, 3600, 8), (4003, 9001, 8)):
        path = folder / f"{width}x{height}.jpg"
        image = Image.fromarray(smooth.astype("uint8")).resize((width, height))
        if scale == 4:
            image = image.convert("L")
        image.save(path, quality=90)
        expected = Image.open(path)
        expected.draft(expected.mode, (width // scale, height // scale))
        expected = numpy.asarray(expected)
        got_width, got_height, channels, data = preprocess(binary, "reduced", 224, [path])[0]
        if (got_width, got_height) != (-(-width // scale), -(-height // scale)):
            wrong.append(f"{path.name}: {got_width}x{got_height}, not 1/{scale}")
        got = numpy.frombuffer(data, dtype="uint8").reshape(got_height, got_width, channels)
        got = got[:, :, 0] if channels == 1 else got
        compare(f"{path.name} at 1/{scale}", got.tobytes(), expected, wrong)
        compared += 1
    return compared


def main():
    binary = sys.argv[1]
    wrong, compared = [], 0
    with tempfile.TemporaryDirectory() as folder:
        paths = make(Path(folder))
        same = [path for path in paths if path.name not in PILLOW_FAILS]
        only_ours = [path for path in paths if path.name in PILLOW_FAILS]
        for size in (224, 336):
            for path, ours in zip(same, preprocess(binary, "crop", size, same)):
                compare(f"{path.name} at {size}", ours, transform(size)(as_upright(path)), wrong)
                compared += 1
            for path, ours in zip(only_ours, preprocess(binary, "crop", size, only_ours)):
                if isinstance(ours, str):
                    wrong.append(f"{path.name}: {ours}")
        for rule in RULES:
            for path, ours in zip(same, preprocess(binary, "crop", 97, same, rule)):
                if "palette" in path.name and rule.startswith("longest"):
                    continue  # Pillow pads with the palette's first colour
                compare(f"{path.name}, {rule}", ours, transform_by(rule, 97)(as_upright(path)), wrong)
                compared += 1
        oriented = [path for path in paths if path.name.startswith("exif-")]
        for path, ours in zip(oriented, preprocess(binary, "crop-as-stored", 224, oriented)):
            compare(f"{path.name} as stored", ours, transform(224)(as_stored(path)), wrong)
            compared += 1
        to_tensor = transforms.Compose([transform(224), transforms.ToTensor(),
                                        transforms.Normalize(MEAN, STD)])
        for path, ours in zip(same[:12], preprocess(binary, "tensor", 224, same[:12])):
            expected = to_tensor(as_upright(path)).numpy()
            got = numpy.frombuffer(ours, dtype="float32").reshape(expected.shape)
            if not torch.equal(torch.tensor(got), torch.tensor(expected)):
                wrong.append(f"{path.name}: tensors differ by {abs(got - expected).max()}")
            compared += 1
        compared += compare_reduced(binary, Path(folder), wrong)
    assert len(same) >= 60, len(same)
    print(f"{len(paths)} images")
    print("\n".join(wrong))
    print(f"{compared - len(wrong)} passed, {len(wrong)} failed")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
