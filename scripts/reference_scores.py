#!/usr/bin/env python3
"""The scores that PyTorch computes from an export's weights, for comparison with clip-cli's.

    reference_scores.py --model FILE --images IMAGE... --texts TEXT... --ids-json IDS [--exif]

Weights are read from the export and run through clip_reference.py in float32; images go through
Pillow and torchvision as in OpenAI's package (with --exif, turned upright first); token ids are
those of IDS, the output of `clip-cli tokenize --json TEXT...`. Prints one object per image as
`clip-cli score --json` does: image, scores: [{text, cosine, score, probability}].

Needs Debian's python3-torch, python3-torchvision and python3-pil.
"""

import argparse
import json
from pathlib import Path

from clip_reference import from_state_dict, torch

try:
    from PIL import Image, ImageOps
    from torchvision import transforms
except ImportError as missing:
    raise SystemExit(
        f"missing: apt-get install python3-torchvision python3-pil ({missing})"
    ) from missing

OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)
START, END = 49406, 49407


def openai_transform(size):
    """As OpenAI's package prepares images: the conversion to RGB comes after the resize."""
    return transforms.Compose([
        transforms.Resize(size, interpolation=transforms.InterpolationMode.BICUBIC),
        transforms.CenterCrop(size),
        lambda image: image.convert("RGB"),
        transforms.ToTensor(),
        transforms.Normalize(OPENAI_MEAN, OPENAI_STD),
    ])


def load(path):
    extra = {"clip.json": ""}
    try:
        module = torch.jit.load(path, map_location="cpu", _extra_files=extra)
    except RuntimeError:  # PyTorch refuses to open an archive without the extra file
        module = torch.jit.load(path, map_location="cpu")
    fields = json.loads(extra["clip.json"] or "{}")
    return from_state_dict(module.state_dict(), fields.get("activation", "quick_gelu"))


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
    options = parser.parse_args()

    model = load(options.model)
    transform = openai_transform(model.config.image_size)
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
