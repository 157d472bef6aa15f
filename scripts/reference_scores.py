#!/usr/bin/env python3
"""The scores that PyTorch computes from a model's weights, for comparison with clip-cli's.

    reference_scores.py --model PATH --images IMAGE... --texts TEXT... --ids-json IDS [--exif]
                        [--arch NAME] [--activation NAME]

The model is a file or folder that clip_files.py reads, and runs through clip_reference.py in
float32; images go through Pillow and torchvision as in OpenAI's package and in open_clip (with
--exif, turned upright first); token ids are those of IDS, the output of
`clip-cli tokenize --json TEXT...`. Prints one object per image as
`clip-cli score --json` does: image, scores: [{text, cosine, score, probability}].

Needs Debian's python3-torch, python3-torchvision and python3-pil.
"""

import argparse
import json
from pathlib import Path

from clip_files import Damaged, Unknown, open_model
from clip_reference import END, IMAGE_MEAN, IMAGE_STD, START, torch

try:
    from PIL import Image, ImageOps
    from torchvision import transforms
except ImportError as missing:
    raise SystemExit(
        f"missing: apt-get install python3-torchvision python3-pil ({missing})"
    ) from missing

INTERPOLATIONS = transforms.InterpolationMode


def longest_side(size, interpolation):
    """The longest side becomes `size`, and the image lies in the middle of a black square."""

    def apply(image):
        scale = max(image.size) / size
        width, height = (round(side / scale) for side in image.size)
        image = transforms.functional.resize(image, [height, width], interpolation)
        left, top = (size - width) // 2, (size - height) // 2
        return transforms.functional.pad(
            image, [left, top, size - width - left, size - height - top])

    return apply


def image_transform(size, mean=IMAGE_MEAN, std=IMAGE_STD, resize="shortest",
                    interpolation="bicubic"):
    """As OpenAI's package and open_clip prepare images: the conversion to RGB comes after the
    resize."""
    interpolation = INTERPOLATIONS(interpolation)
    steps = {
        "shortest": [transforms.Resize(size, interpolation), transforms.CenterCrop(size)],
        "squash": [transforms.Resize((size, size), interpolation)],
        "longest": [longest_side(size, interpolation)],
    }[resize]
    return transforms.Compose([
        *steps,
        lambda image: image.convert("RGB"),
        transforms.ToTensor(),
        transforms.Normalize(mean, std),
    ])


def openai_transform(size):
    return image_transform(size)


def transform_of(config):
    return image_transform(config.image_size, config.mean, config.std, config.resize,
                           config.interpolation)


def load(path, arch=None, activation=None):
    return open_model(path, arch, activation)


def load_image(path, exif):
    image = Image.open(path)
    return ImageOps.exif_transpose(image) if exif else image


def padded_ids(path, texts, context):
    ids = {}
    for line in Path(path).read_text(encoding="utf-8").rstrip("\n").split("\n"):
        entry = json.loads(line)
        ids[entry["text"]] = entry["ids"]
    rows = torch.zeros(len(texts), context, dtype=torch.int64)
    for row, text in zip(rows, texts):
        prompt = [START, *ids[text], END]
        row[: len(prompt)] = torch.tensor(prompt)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--images", nargs="+", required=True)
    parser.add_argument("--texts", nargs="+", required=True)
    parser.add_argument("--ids-json", required=True, metavar="IDS")
    parser.add_argument("--exif", action="store_true", help="apply the EXIF orientation")
    parser.add_argument("--arch", help="of weights without JSON beside them, as in ViT-B-32")
    parser.add_argument("--activation", help="of such weights")
    options = parser.parse_args()

    try:
        model = load(options.model, options.arch, options.activation)
    except (Damaged, Unknown, OSError) as error:
        raise SystemExit(f"reference_scores.py: {error}") from error
    transform = transform_of(model.config)
    with torch.no_grad():
        texts = model.encode_text(
            padded_ids(options.ids_json, options.texts, model.config.context))
        texts = texts / texts.norm(dim=-1, keepdim=True)
        for path in options.images:
            pixels = transform(load_image(path, options.exif)).unsqueeze(0)
            image = model.encode_image(pixels)
            image = image / image.norm(dim=-1, keepdim=True)
            cosines = (image @ texts.t())[0]
            probabilities = torch.softmax(model.logit_scale.exp() * cosines, dim=0)
            scores = [
                {"text": text, "cosine": cosine, "score": 100 * cosine, "probability": probability}
                for text, cosine, probability in zip(
                    options.texts, cosines.tolist(), probabilities.tolist())
            ]
            print(json.dumps({"image": str(path), "scores": scores}))


if __name__ == "__main__":
    main()
