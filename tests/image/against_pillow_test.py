"""Preprocessing against Pillow and torchvision, pixel by pixel: against_pillow_test.py BINARY"""

import sys
import tempfile
from pathlib import Path

from pictures import Image, as_stored, as_upright, make, numpy, preprocess, torch, transform, transforms

# OpenCV's decoders give other pixels here, as lib/image/decode.h lists; what is compared is the
# resampling of the decoded pixels.
DECODER_DIFFERS = {"cmyk.jpg", "cmyk.tif", "rgba.tif", "maxval.pgm"}
# Pillow cannot resize this one at all; ours has to work, and nothing is there to compare it with.
PILLOW_FAILS = {"gray16.tif"}

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


def redecoded(decoded):
    width, height, channels, data = decoded
    pixels = numpy.frombuffer(data, dtype="uint8").reshape(height, width, channels)
    if channels == 1:
        return Image.fromarray(pixels[:, :, 0])
    return Image.fromarray(numpy.ascontiguousarray(pixels[:, :, [2, 1, 0, 3][:channels]]))


def main():
    binary = sys.argv[1]
    wrong, compared = [], 0
    with tempfile.TemporaryDirectory() as folder:
        paths = make(Path(folder))
        differing = [path for path in paths if path.name in DECODER_DIFFERS]
        same = [path for path in paths if path.name not in DECODER_DIFFERS | PILLOW_FAILS]
        only_ours = [path for path in paths if path.name in PILLOW_FAILS]
        for size in (224, 336):
            for path, ours in zip(same, preprocess(binary, "crop", size, same)):
                compare(f"{path.name} at {size}", ours, transform(size)(as_upright(path)), wrong)
                compared += 1
            decoded = preprocess(binary, "decoded", size, differing)
            for path, ours, pixels in zip(differing, preprocess(binary, "crop", size, differing),
                                          decoded):
                expected = transform(size)(redecoded(pixels))
                compare(f"{path.name} at {size}, as decoded", ours, expected, wrong)
                compared += 1
            for path, ours in zip(only_ours, preprocess(binary, "crop", size, only_ours)):
                if isinstance(ours, str):
                    wrong.append(f"{path.name}: {ours}")
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
    assert len(same) >= 60, len(same)
    print(f"{len(paths)} pictures; decoders differ on {sorted(DECODER_DIFFERS)}")
    print("\n".join(wrong))
    print(f"{compared - len(wrong)} passed, {len(wrong)} failed")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
