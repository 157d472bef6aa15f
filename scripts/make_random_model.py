#!/usr/bin/env python3
"""Writes model files of CLIP with seeded random weights, for tests and benchmarks.

    make_random_model.py ARCH FOLDER [--layout LAYOUT] [--container EXT] [--dtype TYPE]
                         [--shards N] [--legacy] [--wrapper KEY] [--module] [--seed N]
                         [--activation NAME] [--resize MODE] [--interpolation NAME] [--force]

ARCH is an architecture of data/models/architectures.tsv, or tiny or tiny-rn. Layouts and containers
are those of clip_files.py: open_clip, open_clip_custom_text, hf and openai (names alone, no JSON);
safetensors, and bin, pt and pth of torch.save. A safetensors file needs the memory of its largest
tensor, a torch.save file that of its shard: ViT-bigG-14 in 3 shards of bfloat16 needs 2 GB.

The weights are those of export_torchscript.py's random:ARCH with the same seed.
Needs PyTorch and NumPy (Debian: python3-torch, python3-numpy).
"""

import argparse
import dataclasses
import sys
from pathlib import Path

from clip_containers import WRAPPERS
from clip_files import CONTAINERS, FLOATS, RandomWeights, Unknown, new_folder, write_model
from clip_layouts import LAYOUTS, architecture
from clip_reference import ACTIVATIONS


def make(options):
    config, says = architecture(options.arch)
    config = dataclasses.replace(config, activation=options.activation or says or "quick_gelu",
                                 resize=options.resize, interpolation=options.interpolation)
    with new_folder(options.folder) as folder:
        paths = write_model(
            RandomWeights(config, options.seed), config, folder, options.layout, options.container,
            options.dtype, options.shards, options.legacy, options.wrapper,
            "module." if options.module else "")
        sizes = [(path.name, path.stat().st_size) for path in paths]
    for name, size in sizes:
        print(f"{options.folder / name}: {size / (1 << 20):.1f} MiB", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0],
                                     epilog="More: see the head of this script.")
    parser.add_argument("arch", metavar="ARCH")
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("--layout", choices=LAYOUTS, default="open_clip", help="[open_clip]")
    parser.add_argument("--container", choices=CONTAINERS, default="safetensors",
                        help="[safetensors]")
    parser.add_argument("--dtype", choices=list(FLOATS), default="float32", help="[float32]")
    parser.add_argument("--shards", type=int, default=1, help="files to write [1]")
    parser.add_argument("--legacy", action="store_true", help="hf: JSON and tensors as of 2021")
    parser.add_argument("--wrapper", choices=WRAPPERS[1:],
                        help="torch.save: the key of the weights")
    parser.add_argument("--module", action="store_true",
                        help="torch.save: names begin with module.")
    parser.add_argument("--seed", type=int, default=0, help="[0]")
    parser.add_argument("--activation", choices=list(ACTIVATIONS), help="[quick_gelu]")
    parser.add_argument("--resize", choices=["shortest", "squash", "longest"], default="shortest",
                        help="[shortest]")
    parser.add_argument("--interpolation", choices=["bicubic", "bilinear"], default="bicubic",
                        help="[bicubic]")
    parser.add_argument("--force", action="store_true", help="overwrite what FOLDER holds")
    options = parser.parse_args()
    if options.folder.exists() and not options.force:
        print(f"make_random_model.py: {options.folder} exists; --force overwrites its files",
              file=sys.stderr)
        return 2
    try:
        make(options)
    except (Unknown, ValueError) as error:  # what cannot be asked for
        print(f"make_random_model.py: {error}", file=sys.stderr)
        return 2
    except (RuntimeError, OSError) as error:
        print(f"make_random_model.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
