#!/usr/bin/env python3
"""Writes any CLIP model that clip-cli loads as safetensors in open_clip's layout.

    export_safetensors.py SOURCE FOLDER [--dtype TYPE] [--force]
                          [--arch NAME] [--activation NAME] [--mean R G B] [--std R G B]
                          [--resize MODE] [--interpolation NAME]

SOURCE is a TorchScript file (OpenAI's own, or of export_torchscript.py), a folder with safetensors
or torch.save files in open_clip's or Hugging Face's layout, or one such file or index of shards.
FOLDER gets open_clip_model.safetensors and open_clip_config.json, which clip-cli, open_clip
(local-dir:FOLDER) and others read, and SHA256SUMS, by which `clip-cli models verify` and
`sha256sum -c` find every bit that changes later. They appear under their names only when all are
complete.

Weights without JSON beside them, such as the state dict of a fine-tuned model, do not say how many
attention heads there are, nor the activation: --arch names one of data/models/architectures.tsv,
and --activation one of quick_gelu, gelu and gelu_tanh. OpenAI's spelling of an architecture,
ViT-B/32, and open_clip's ViT-B-32-quickgelu say quick_gelu themselves. How images are prepared is
taken to be OpenAI's way, unless the other options say otherwise.

Needs PyTorch and NumPy (Debian: python3-torch, python3-numpy).
"""

import argparse
import sys
from pathlib import Path

from clip_files import (FLOATS, Damaged, Unknown, new_folder, read_model, write_digests,
                        write_model)
from clip_reference import ACTIVATIONS

PREPROCESSING = ("mean", "std", "resize", "interpolation")


def described(config):
    """The config's facts that weights do not hold, in a line."""
    vision, text = config.heads()
    return (f"heads {vision} and {text}, activation {config.activations()[1]}, "
            f"resize {config.resize}, {config.interpolation}, mean {list(config.mean)}, "
            f"std {list(config.std)}")


def export(options):
    given = {name: getattr(options, name) for name in PREPROCESSING}
    for name in ("mean", "std"):
        given[name] = given[name] and tuple(given[name])
    config, state = read_model(options.source, options.arch, options.activation, **given)
    with new_folder(options.folder) as folder:
        write_digests(write_model(state, config, folder, layout="open_clip", dtype=options.dtype))
    print(f"{options.folder}: {described(config)}", file=sys.stderr)
    if options.arch is not None:
        assumed = [name for name in PREPROCESSING if given[name] is None]
        if assumed:
            print(f"export_safetensors.py: assumed to be OpenAI's: {', '.join(assumed)}",
                  file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0],
                                     epilog="More: see the head of this script.")
    parser.add_argument("source", metavar="SOURCE", type=Path)
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("--dtype", choices=list(FLOATS), help="of all weights [as they are]")
    parser.add_argument("--arch", metavar="NAME", help="of weights without JSON, as in ViT-B-32")
    parser.add_argument("--activation", choices=list(ACTIVATIONS), help="of such weights")
    parser.add_argument("--mean", nargs=3, type=float, metavar=("R", "G", "B"))
    parser.add_argument("--std", nargs=3, type=float, metavar=("R", "G", "B"))
    parser.add_argument("--resize", choices=["shortest", "squash", "longest"])
    parser.add_argument("--interpolation", choices=["bicubic", "bilinear"])
    parser.add_argument("--force", action="store_true", help="overwrite what FOLDER holds")
    options = parser.parse_args()
    if options.folder.exists() and not options.force:
        print(f"export_safetensors.py: {options.folder} exists; --force overwrites its files",
              file=sys.stderr)
        return 2
    try:
        export(options)
    except (Damaged, Unknown, RuntimeError, OSError) as error:
        print(f"export_safetensors.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
