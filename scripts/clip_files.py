"""Model files of CLIP, written and read: a container, a layout, and the JSON beside them.

    write_model(weights, config, "folder", layout="hf", dtype="float16", shards=2)
    config, state = read_model("folder")      # state: {name: tensor} under clip_reference's names
    model = open_model("folder")              # the reference model, in float32

`weights` is a model of clip_reference, a state dict under its names, or RandomWeights(config,
seed), which draws them while they are written: a safetensors file then needs the memory of its
largest tensor, a torch.save file that of its shard.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path

from clip_containers import Damaged, is_torchscript, read, write
from clip_layouts import (LAYOUTS, Unknown, config_without_json, from_hf_config, from_layout,
                          from_open_clip_config, layout_of, to_hf_config, to_hf_preprocessor,
                          to_layout, to_open_clip_config)
from clip_reference import config_of, from_state_dict, random_weights, shapes_of, torch

CONTAINERS = ("safetensors", "bin", "pt", "pth")
FLOATS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}

# Without their extensions, in the order in which a folder is searched.
STEMS = {"open_clip": ("open_clip_model", "open_clip_pytorch_model", "model", "pytorch_model"),
         "hf": ("model", "pytorch_model")}


class RandomWeights:
    """The weights of random_weights(config, seed), drawn anew at each pass."""

    def __init__(self, config, seed=0):
        self.config, self.seed = config, seed

    def items(self):
        return random_weights(self.config, self.seed)

    def shapes(self):
        return shapes_of(self.config)


def shapes(state):
    """The weights as tensors without memory."""
    if isinstance(state, RandomWeights):
        return state.shapes()
    return {name: torch.empty_like(tensor, device="meta") for name, tensor in state.items()}


def file_name(layout, container):
    """As the packages call the file."""
    if layout == "openai":
        return f"model.{container}"
    first, second = ("model", "pytorch_model")
    if layout != "hf":
        first, second = ("open_clip_model", "open_clip_pytorch_model")
    return f"{first if container == 'safetensors' else second}.{container}"


def write_config(config, folder, layout, legacy=False):
    """The JSON of the layout; none for openai. Gives the paths."""
    documents = {}
    if layout == "hf":
        documents = {"config.json": to_hf_config(config, legacy),
                     "preprocessor_config.json": to_hf_preprocessor(config, legacy)}
    elif layout != "openai":
        custom = layout == "open_clip_custom_text"
        documents = {"open_clip_config.json": to_open_clip_config(config, custom)}
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return [folder / name for name in documents]


def write_model(weights, config, folder, layout="open_clip", container="safetensors", dtype=None,
                shards=1, legacy=False, wrapper=None, prefix="", position_ids=None):
    """Writes a model into `folder`, which is made, and gives the paths of its files.

    layout        one of LAYOUTS
    container     one of CONTAINERS; all but safetensors are files of torch.save
    dtype         one of FLOATS for all weights; None keeps their types
    shards        files, with an index beside them, where more than 1
    legacy        hf: JSON of the form of 2021, and position_ids, unless that is given
    wrapper       torch.save: None, "state_dict" or "model_state_dict"
    prefix        torch.save: "module.", or nothing

    Raises Unknown, before anything is written, where the layout cannot say what the config does.
    """
    if layout not in LAYOUTS or container not in CONTAINERS:
        raise ValueError(f"unknown layout {layout} or container {container}")
    folder = Path(folder)
    state = weights.state_dict() if isinstance(weights, torch.nn.Module) else weights
    position_ids = legacy if position_ids is None else position_ids

    def converted(items):
        for name, tensor in to_layout(items, layout, position_ids):
            if dtype is not None and tensor.is_floating_point():
                tensor = tensor.to(FLOATS[dtype])
            yield name, tensor

    plan = dict(converted(shapes(state).items()))
    folder.mkdir(parents=True, exist_ok=True)
    paths = write_config(config, folder, layout, legacy)
    with torch.no_grad():
        return paths + write(folder / file_name(layout, container), plan, converted(state.items()),
                             shards, wrapper, prefix)


@contextlib.contextmanager
def new_folder(folder):
    """A temporary folder beside `folder`, whose files move there when all of them are complete;
    JSON last, so that a model that is described is whole."""
    folder = Path(folder)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as name:
        yield Path(name)
        os.makedirs(folder, exist_ok=True)
        for path in sorted(Path(name).iterdir(), key=lambda path: path.suffix == ".json"):
            os.replace(path, folder / path.name)


def write_digests(paths):
    """Writes the SHA-256 of files of one folder to SHA256SUMS in it, as sha256sum does."""
    lines = []
    for path in sorted(map(Path, paths)):
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            for part in iter(lambda: file.read(1 << 20), b""):
                digest.update(part)
        lines.append(f"{digest.hexdigest()}  {path.name}\n")
    (path.parent / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


# --- reading -------------------------------------------------------------------------------------


def weights_in(folder, layout):
    """The file, or the index of shards, that holds a folder's weights."""
    for stem in STEMS[layout]:
        for container in CONTAINERS:
            for ending in ("", ".index.json"):
                path = folder / f"{stem}.{container}{ending}"
                if path.exists():
                    return path
    raise Damaged(f"{folder}: no weights; expected a file such as {STEMS[layout][0]}.safetensors")


def _json(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Damaged(f"{path}: no JSON") from error


def _known_shape(config, state, path):
    """Raises unless the config describes the weights."""
    wanted = shapes_of(config)
    for name, tensor in wanted.items():
        if name not in state and not name.endswith("num_batches_tracked"):
            raise Damaged(f"{path}: the config promises {name}, which is not in the weights")
        # open_clip has a logit scale of shape [1] in some models.
        if name in state and name != "logit_scale" and state[name].shape != tensor.shape:
            raise Damaged(f"{path}: {name} has shape {list(state[name].shape)}, by the config "
                          f"{list(tensor.shape)}")
    strangers = [name for name in state if name not in wanted]
    if strangers:
        raise Damaged(f"{path}: {strangers[0]} has no place in a CLIP that is known here")


def _read_torchscript(path):
    extra = {"clip.json": ""}
    try:
        module = torch.jit.load(str(path), map_location="cpu", _extra_files=extra)
    except RuntimeError:  # PyTorch refuses to open an archive without the extra file
        module = torch.jit.load(str(path), map_location="cpu")
    fields = json.loads(extra["clip.json"] or "{}")
    state = dict(from_layout(dict(module.state_dict()), "open_clip"))
    layout_of(state)
    # Without clip.json it is one of OpenAI's files, which have all else in common.
    config = config_of(state, fields.get("activation", "quick_gelu"))
    config.mean = tuple(fields.get("mean", config.mean))
    config.std = tuple(fields.get("std", config.std))
    config.resize = {"shortest-side-bicubic": "shortest", "squash-bicubic": "squash"}[
        fields.get("resize", "shortest-side-bicubic")]
    config.vision_heads = fields.get("vision_heads")
    config.text_heads = fields.get("text_heads")
    return config, state


def read_model(path, arch=None, activation=None, **preprocessing):
    """(config, {name: tensor}) of a folder, a file or an index of shards, in any layout and
    container; names are clip_reference's, types those of the file.

    A file without JSON beside it that is no TorchScript archive needs `arch` and `activation`, as
    config_without_json has them; mean, std, resize and interpolation may be given too. Elsewhere
    they may not.
    """
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    given = [name for name, value in {"arch": arch, "activation": activation,
                                      **preprocessing}.items() if value is not None]

    def refuse(where):
        if given:
            raise Unknown(f"{where} says what the model is; without {', '.join(given)}, then")

    if path.is_file() and not path.name.endswith(".json") and is_torchscript(path):
        refuse(path)
        config, state = _read_torchscript(path)
        _known_shape(config, state, path)
        return config, state
    if path.is_dir():
        known = "open_clip" if (path / "open_clip_config.json").exists() else "hf"
        if known == "hf" and not (path / "config.json").exists():
            raise Damaged(f"{path}: neither open_clip_config.json nor config.json")
        path = weights_in(path, known)
    stored = read(path)
    layout = layout_of(stored)
    state = dict(from_layout(stored, layout))
    if layout != "hf" and (folder / "open_clip_config.json").exists():
        refuse(folder / "open_clip_config.json")
        config = from_open_clip_config(_json(folder / "open_clip_config.json"))
    elif layout == "hf" and (folder / "config.json").exists():
        refuse(folder / "config.json")
        preprocessor = folder / "preprocessor_config.json"
        if not preprocessor.exists():
            raise Unknown(f"{folder}: no preprocessor_config.json, which says how images are "
                          "prepared")
        config = from_hf_config(_json(folder / "config.json"), _json(preprocessor))
    else:
        chosen = {name: value for name, value in preprocessing.items() if value is not None}
        config = config_without_json(state, arch, activation, **chosen)
    _known_shape(config, state, path)
    return config, state


def open_model(path, arch=None, activation=None):
    """The reference model of any of our files, computing in float32."""
    config, state = read_model(path, arch, activation)
    state["logit_scale"] = state["logit_scale"].reshape([])
    return from_state_dict(state, config=config)
