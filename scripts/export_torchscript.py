#!/usr/bin/env python3
"""Writes TorchScript exports of CLIP that clip-cli loads.

    export_torchscript.py SOURCE OUTPUT [--seed N] [--arch NAME] [--activation NAME] [--force]

SOURCE is one of
    file:PATH                a model's file or folder: safetensors or torch.save, names of OpenAI,
                             open_clip or Hugging Face. A state dict with no JSON beside it, such as
                             a fine-tune of OpenAI's, also needs --arch, and --activation where the
                             architecture's name does not say it: --arch ViT-B/32
    openai:NAME              a published model, through OpenAI's package `clip`
    open_clip:ARCH/PRETRAINED    a model of the package `open_clip_torch`
    random:NAME              seeded random weights of an architecture of data/models, as OpenAI or
                             open_clip spells it, or `tiny` or `tiny-rn`
    random-published:NAME    the same, in exactly the structure of a published .pt file: float16
                             weights, traced graphs full of "cuda:0" and half constants, no metadata

The random sources and files need PyTorch and NumPy alone (Debian: python3-torch, python3-numpy).
The output appears under its name only when it is complete.

An export is a TorchScript archive with the methods encode_image(pixels [count, 3, n, n]) and
encode_text(ids [count, context]), each giving [count, embedding], and the extra file clip.json. Its
fields, all but `format` optional; what is missing is read off the weights, or is as OpenAI's:

    format            1
    name              what to call the model
    image_size        n, pixels a side
    mean, std         three numbers each, for RGB in [0, 1]
    resize            "shortest-side-bicubic" and centre crop, or "squash-bicubic" of both sides
    context_length    tokens a prompt may have, start and end included
    vocab_size        tokens there are
    embedding_dim     numbers an embedding has
    activation        "quick_gelu" or "gelu"
    vision_heads, text_heads    of attention, where they are not width / 64
    start_of_text, end_of_text  ids
"""

import argparse
import io
import json
import os
import sys
import tempfile
import warnings
from pathlib import Path

from clip_files import Damaged, Unknown, open_model
from clip_reference import (ACTIVATIONS, CONFIGS, END, HEAD_WIDTH, IMAGE_MEAN, IMAGE_STD, START,
                            from_config, from_state_dict, randomize, torch)

# c10::ScalarType, as the graphs hold types.
HALF, BFLOAT16 = 5, 15


class Usage(Exception):
    """The command line names something that is not there. Exit code 2."""


RESIZES = {
    ("shortest", "bicubic"): "shortest-side-bicubic",
    ("squash", "bicubic"): "squash-bicubic",
}


def metadata(config, name):
    """clip.json. Raises Unknown where it cannot say what the config does."""
    activations = set(config.activations() if config.patch else config.activations()[1:])
    if len(activations) > 1 or "gelu_tanh" in activations:
        raise Unknown(f"clip.json cannot say the activation: {', '.join(sorted(activations))}")
    for tower, eps in (("image", config.vision_eps if config.patch else 1e-5),
                       ("text", config.text_eps)):
        if eps != 1e-5:
            raise Unknown(f"clip.json cannot say the layer norms' epsilon: {eps} ({tower} tower)")
    if (config.resize, config.interpolation) not in RESIZES:
        raise Unknown(f"clip.json cannot say the resize: {config.resize}, {config.interpolation}")
    fields = {
        "format": 1,
        "name": name,
        "image_size": config.image_size,
        "mean": config.mean,
        "std": config.std,
        "resize": RESIZES[config.resize, config.interpolation],
        "context_length": config.context,
        "vocab_size": config.vocabulary,
        "embedding_dim": config.embedding,
        "activation": activations.pop(),
        "start_of_text": START,
        "end_of_text": END,
    }
    widths = (config.attention_width(), config.text_width)
    for key, width, heads in zip(("vision_heads", "text_heads"), widths, config.heads()):
        if width != HEAD_WIDTH * heads:
            fields[key] = heads
    return fields


class WithoutProducts:
    """While it lasts, products of matrices are zeros on the CPU: traces record which operations there
    are, and not what comes out. PyTorch 1.13 takes a quarter of an hour for those of ViT-L/14@336px in
    bfloat16 on a processor without instructions for it."""

    SHAPES = {
        "mm": lambda a, b: (a.shape[0], b.shape[1]),
        "addmm": lambda _, a, b, **scales: (a.shape[0], b.shape[1]),
        "bmm": lambda a, b: (a.shape[0], a.shape[1], b.shape[2]),
        "baddbmm": lambda _, a, b, **scales: (a.shape[0], a.shape[1], b.shape[2]),
    }

    def __enter__(self):
        self.kernels = torch.library.Library("aten", "IMPL")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that kernels are replaced
            for name, shape in self.SHAPES.items():
                self.kernels.impl(name, self.zeros(shape), "CPU")

    def __exit__(self, *error):
        del self.kernels

    @staticmethod
    def zeros(shape):
        return lambda *tensors, **scales: tensors[-1].new_zeros(shape(*tensors, **scales))


def trace(model, image_size, context, with_forward=False):
    """The module with encode_image and encode_text (and forward) traced, any batch size."""
    pixels = torch.zeros(2, 3, image_size, image_size)
    ids = torch.zeros(3, context, dtype=torch.int64)
    ids[:, 0], ids[:, 1] = START, END
    inputs = {"encode_image": (pixels,), "encode_text": (ids,)}
    if with_forward:
        inputs = {"forward": (pixels, ids), **inputs}
    with torch.no_grad():
        return torch.jit.trace_module(model, inputs, check_trace=False)


def random_model(name, seed):
    if name not in CONFIGS:
        raise Usage(f"unknown model {name}; there are: {', '.join(CONFIGS)}")
    return randomize(from_config(CONFIGS[name]), seed)


def traced(model, name):
    config = model.config
    return trace(model, config.image_size, config.context), metadata(config, name), None


def export_random(name, options):
    return traced(random_model(name, options.seed), f"random {name}")


def export_file(name, options):
    path = Path(name)
    if not path.exists():
        raise Usage(f"{path} does not exist")
    return traced(open_model(path, options.arch, options.activation), path.stem)


# --- the published structure ---------------------------------------------------------------------


def published_type(name, tensor):
    """float16 for what is multiplied by, float32 for norms, embeddings, and their like."""
    parts = name.split(".")
    norm = any(part.startswith(("ln_", "bn")) for part in parts) or parts[-2:-1] == ["1"]
    if "downsample.1" in name or norm or "embedding" in name or name == "logit_scale":
        return torch.float32
    return torch.float16 if tensor.is_floating_point() else tensor.dtype


def nodes_of(block):
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from nodes_of(inner)


def graphs_of(module):
    for part in module.modules():
        for name in part._c._method_names():  # pylint: disable=protected-access
            yield part._c._get_method(name).graph  # pylint: disable=protected-access


def move_graphs_to_gpu(module):
    """Constants as tracing on a GPU in half precision leaves them.

    There is no half arithmetic on CPUs in PyTorch 1.13, so the trace was made in bfloat16 on a CPU;
    the graphs are the same but for these constants.
    """
    for graph in graphs_of(module):
        for node in nodes_of(graph):
            if node.kind() != "prim::Constant" or not node.hasAttribute("value"):
                continue
            kind = node.kindOf("value")
            users = {use.user.kind() for use in node.output().uses()}
            if kind == "i" and node.i("value") == BFLOAT16:
                node.i_("value", HALF)
            elif kind == "s" and node.s("value") == "cpu" and users != {"aten::arange"}:
                node.s_("value", "cuda:0")


def export_published(name, options):
    model = random_model(name, options.seed)
    config = model.config
    weights = {key: value.to(published_type(key, value))
               for key, value in model.state_dict().items()}
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if weights[key].dtype == torch.float16:
                parameter.data = weights[key].to(torch.bfloat16)
    for buffer, value in (("input_resolution", config.image_size),
                          ("context_length", config.context), ("vocab_size", config.vocabulary)):
        model.register_buffer(buffer, torch.tensor(value))
    with WithoutProducts():
        module = trace(model, config.image_size, config.context, with_forward=True)
    move_graphs_to_gpu(module)
    with torch.no_grad():
        for key, parameter in module.named_parameters():
            parameter.data = weights[key]
    return module, None, "cuda:0"


# --- other packages ------------------------------------------------------------------------------


def package(name, pip_name):
    try:
        return __import__(name)
    except ImportError as error:
        raise RuntimeError(f"this source needs the package {name}: pip install {pip_name}") from error


def export_openai(name, _options):
    clip = package("clip", "git+https://github.com/openai/CLIP.git")
    if name not in clip.available_models():
        raise Usage(f"unknown model {name}; there are: {', '.join(clip.available_models())}")
    model, _ = clip.load(name, device="cpu", jit=False)
    return traced(from_state_dict(model.state_dict()), name)


def export_open_clip(name, _options):
    open_clip = package("open_clip", "open_clip_torch")
    architecture, slash, pretrained = name.partition("/")
    if not slash:
        raise Usage("expected open_clip:ARCH/PRETRAINED, as in open_clip:ViT-B-32/laion2b_s34b_b79k")
    model, _, preprocess = open_clip.create_model_and_transforms(architecture, pretrained)
    model = model.float().eval()
    size = model.visual.image_size
    size = size[0] if isinstance(size, (tuple, list)) else size
    settings = open_clip.get_model_config(architecture)
    text, vision = settings["text_cfg"], settings["vision_cfg"]
    fields = {
        "format": 1,
        "name": f"{architecture} {pretrained}",
        "image_size": size,
        "mean": list(model.visual.image_mean),
        "std": list(model.visual.image_std),
        "resize": "shortest-side-bicubic",
        "context_length": text.get("context_length", 77),
        "vocab_size": text.get("vocab_size", 49408),
        "embedding_dim": settings["embed_dim"],
        "activation": "quick_gelu" if settings.get("quick_gelu") else "gelu",
        "text_heads": text.get("heads", 8),
        "start_of_text": START,
        "end_of_text": END,
    }
    if isinstance(vision.get("layers"), int):
        fields["vision_heads"] = vision["width"] // vision.get("head_width", 64)
    for step in getattr(preprocess, "transforms", []):
        if type(step).__name__ == "Resize" and not isinstance(step.size, int):
            fields["resize"] = "squash-bicubic"
    return trace(model, size, fields["context_length"]), fields, None


SOURCES = {
    "file": export_file,
    "openai": export_openai,
    "open_clip": export_open_clip,
    "random": export_random,
    "random-published": export_published,
}


# --- writing -------------------------------------------------------------------------------------


def pickled(text):
    """A string as pickle's BINUNICODE writes it."""
    return b"X" + len(text).to_bytes(4, "little") + text.encode()


def write_archive(module, fields, location, path):
    """Saves the module as torch.jit.save does, without the debug records, which hold the paths of
    this machine and change from run to run; storages are said to lie on `location`."""
    saved = io.BytesIO()
    extra = {} if fields is None else {"clip.json": json.dumps(fields, indent=1)}
    torch.jit.save(module, saved, _extra_files=extra)
    saved.seek(0)
    reader = torch._C.PyTorchFileReader(saved)  # pylint: disable=protected-access
    writer = torch._C.PyTorchFileWriter(str(path))  # pylint: disable=protected-access
    for name in reader.get_all_records():
        # The writer adds these itself.
        if name.endswith(".debug_pkl") or name in ("version", "byteorder") or name[0] == ".":
            continue
        data = reader.get_record(name)
        if location is not None and name.endswith(".pkl"):
            data = data.replace(pickled("cpu"), pickled(location))
        writer.write_record(name, data, len(data))
    writer.write_end_of_file()


def export(source, output, options):
    kind, colon, name = source.partition(":")
    if not colon or kind not in SOURCES:
        raise Usage(f"unknown source {source}; expected one of: "
                    + ", ".join(f"{known}:..." for known in SOURCES))
    if kind != "file" and (options.arch or options.activation):
        raise Usage(f"--arch and --activation are for file:..., not for {kind}:...")
    module, fields, location = SOURCES[kind](name, options)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".export-") as folder:
        # The archive's root folder is named after the file, as PyTorch does.
        path = Path(folder) / output.name
        write_archive(module, fields, location, path)
        os.replace(path, output)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0],
                                     epilog="Sources and the format: see the head of this script.")
    parser.add_argument("source", metavar="SOURCE", help="KIND:NAME, as in random:ViT-B/32")
    parser.add_argument("output", metavar="OUTPUT", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="of the random weights [0]")
    parser.add_argument("--arch", metavar="NAME",
                        help="file: the architecture of weights without JSON, as in ViT-B/32")
    parser.add_argument("--activation", choices=list(ACTIVATIONS),
                        help="file: the activation of such weights")
    parser.add_argument("--force", action="store_true", help="overwrite OUTPUT")
    options = parser.parse_args()
    try:
        if options.output.exists() and not options.force:
            raise Usage(f"{options.output} exists; --force overwrites it")
        export(options.source, options.output, options)
    except Usage as error:
        print(f"export_torchscript.py: {error}", file=sys.stderr)
        return 2
    except (RuntimeError, OSError, Damaged, Unknown) as error:
        print(f"export_torchscript.py: {error}", file=sys.stderr)
        return 1
    size = options.output.stat().st_size / (1 << 20)
    print(f"{options.output}: {size:.1f} MiB", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
