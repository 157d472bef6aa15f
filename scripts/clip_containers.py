"""Containers of named tensors: safetensors and torch.save, in one file or in shards.

Writers take the tensors one at a time, so that a model needs no more memory than its largest tensor
(a torch.save file: than its shard), and a plan of what comes:

    plan = {name: tensor without memory}           # its types and shapes are what is written
    write("folder/model.safetensors", plan, tensors)   # tensors: (name, tensor) in the plan's order
    state = read("folder/model.safetensors")       # {name: tensor}, views of the mapped file

`read` tells containers apart by their content. It executes nothing of a torch.save file; a
TorchScript archive is opened by torch.jit, which runs none of its methods.
"""

import json
import math
import os
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy

from clip_reference import torch

DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U8": torch.uint8, "BOOL": torch.bool,
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
MAX_HEADER = 100_000_000  # bytes, as the reference reader has it
WRAPPERS = (None, "state_dict", "model_state_dict")


class Damaged(RuntimeError):
    """A file that is not what its container promises."""


def size_of(tensor):
    """In bytes; also of a tensor without memory."""
    return tensor.numel() * tensor.element_size()


# --- safetensors ---------------------------------------------------------------------------------


def write_safetensors(path, plan, tensors, metadata=None):
    """Header, padded with spaces to a multiple of 8, then the tensors one after the other."""
    header = {"__metadata__": metadata or {"format": "pt"}}
    end = 0
    for name, tensor in plan.items():
        begin, end = end, end + size_of(tensor)
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    expected = iter(plan.items())
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, tensor in tensors:
            planned, shape = next(expected)
            if (name, tensor.dtype, tensor.shape) != (planned, shape.dtype, shape.shape):
                raise ValueError(f"{name} comes where {planned} was planned")
            flat = tensor.detach().contiguous().reshape(-1)
            # NumPy has no bfloat16.
            file.write((flat.view(torch.int16) if flat.dtype == torch.bfloat16 else flat).numpy())
        if next(expected, None) is not None:
            raise ValueError("tensors that were planned are missing")


def read_safetensors(path):
    """{name: tensor}; the tensors are private views of the mapped file, so nothing is read yet."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else MAX_HEADER + 1
        if length > min(MAX_HEADER, size - 8):
            raise Damaged(f"{path}: no safetensors file: its header would not fit")
        try:
            header = json.loads(file.read(length))
        except ValueError as error:
            raise Damaged(f"{path}: no safetensors file: its header is no JSON") from error
    header.pop("__metadata__", None)
    data = numpy.memmap(path, numpy.uint8, mode="c") if size else None
    base = 8 + length
    state, covered = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        if entry["dtype"] not in DTYPES:
            raise Damaged(f"{path}: {name}: unknown type {entry['dtype']}")
        dtype = DTYPES[entry["dtype"]]
        begin, end = entry["data_offsets"]
        item = torch.empty(0, dtype=dtype).element_size()
        if begin != covered or end - begin != item * math.prod(entry["shape"]) or base + end > size:
            raise Damaged(f"{path}: {name}: its place does not fit its shape, or its neighbours")
        covered = end
        raw = data[base + begin : base + end]
        if (base + begin) % item != 0:
            raw = numpy.array(raw)  # tensors must be aligned
        tensor = torch.from_numpy(raw) if end > begin else torch.empty(0, dtype=torch.uint8)
        state[name] = tensor.view(dtype).reshape(entry["shape"])
    if base + covered != size:
        raise Damaged(f"{path}: {size - base - covered} bytes at the end belong to no tensor")
    return {name: state[name] for name in header}


# --- torch.save ----------------------------------------------------------------------------------


def write_torch(path, tensors, wrapper=None, prefix=""):
    """torch.save of a state dict; `wrapper` is the key under which training scripts put it, beside
    others, `prefix` what they leave in front of each name ("module.")."""
    # clone: a view would be saved with all of the storage that it is a view of.
    state = OrderedDict((prefix + name, tensor.detach().clone()) for name, tensor in tensors)
    if wrapper is not None:
        state = {"epoch": 3, "name": "fine-tuned", wrapper: state, "optimizer": {"state": {}}}
    torch.save(state, path)


def unwrapped(loaded):
    """The state dict in what a training script saved, without `module.` before its names."""
    for wrapper in WRAPPERS[1:]:
        if isinstance(loaded, dict) and isinstance(loaded.get(wrapper), dict):
            loaded = loaded[wrapper]
            break
    if not isinstance(loaded, dict):
        raise Damaged(f"holds a {type(loaded).__name__}, no state dict")
    state = {name: value for name, value in loaded.items() if isinstance(value, torch.Tensor)}
    if state and all(name.startswith("module.") for name in state):
        state = {name[len("module."):]: value for name, value in state.items()}
    if not state:
        raise Damaged("holds no tensors")
    return state


def is_torchscript(path):
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.split("/", 1)[-1] == "constants.pkl" for name in archive.namelist())


def read_torch(path):
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
        return unwrapped(loaded)
    except Damaged as error:
        raise Damaged(f"{path}: {error}") from error
    except Exception as error:  # PyTorch raises many kinds
        raise Damaged(f"{path}: PyTorch cannot read it: {error}") from error


# --- either, and shards --------------------------------------------------------------------------


def read_shards(index):
    index = Path(index)
    try:
        weight_map = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{index}: no index of shards") from error
    shards = {}
    for name in sorted(set(weight_map.values())):
        if Path(name).name != name:
            raise Damaged(f"{index}: {name} lies elsewhere")
        shards[name] = read(index.parent / name)
    missing = [name for name, shard in weight_map.items() if name not in shards[shard]]
    if missing:
        raise Damaged(f"{index}: the shards lack {missing[0]}")
    return {name: shards[shard][name] for name, shard in weight_map.items()}


def read(path):
    """{name: tensor} of a file in any container, or of an index of shards."""
    path = Path(path)
    if path.name.endswith(".index.json"):
        return read_shards(path)
    with open(path, "rb") as file:
        start = file.read(9)
    # First: the length before the header may begin like a zip archive or a pickle, neither of which
    # has a { in this place.
    if start[8:9] == b"{":
        return read_safetensors(path)
    if start[:2] == b"PK" or start[:1] == b"\x80":
        if is_torchscript(path):
            return dict(torch.jit.load(str(path), map_location="cpu").state_dict())
        return read_torch(path)
    raise Damaged(f"{path}: neither safetensors nor a file of torch.save")


def _cut(plan, shards):
    """The plan in so many parts of about the same size, in order."""
    total = sum(map(size_of, plan.values()))
    parts = [{} for _ in range(shards)]
    done = 0
    for name, tensor in plan.items():
        middle = done + size_of(tensor) / 2
        parts[min(shards - 1, int(shards * middle / max(total, 1)))][name] = tensor
        done += size_of(tensor)
    return [part for part in parts if part]


def write(path, plan, tensors, shards=1, wrapper=None, prefix=""):
    """Writes the tensors to `path`, whose extension says as what: .safetensors, else torch.save.
    With shards > 1, to STEM-00001-of-0000N.EXT and so on, and STEM.EXT.index.json, which lists
    them. Gives the paths."""
    path = Path(path)
    safetensors = path.suffix == ".safetensors"
    if safetensors and (wrapper or prefix):
        raise ValueError("safetensors hold tensors alone: no wrapper, no prefix")
    if wrapper and shards > 1:
        raise ValueError("shards are plain state dicts")
    tensors = iter(tensors)
    parts = [plan] if shards == 1 else _cut(plan, shards)
    paths, weight_map = [], {}
    for i, part in enumerate(parts):
        target = path
        if shards > 1:
            target = path.with_name(f"{path.stem}-{i + 1:05}-of-{len(parts):05}{path.suffix}")
            weight_map.update({prefix + name: target.name for name in part})
        own = (next(tensors) for _ in part)
        if safetensors:
            write_safetensors(target, part, own)
        else:
            write_torch(target, own, wrapper, prefix)
        paths.append(target)
    if shards > 1:
        index = {"metadata": {"total_size": sum(map(size_of, plan.values()))},
                 "weight_map": weight_map}
        paths.append(path.with_name(path.name + ".index.json"))
        paths[-1].write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    return paths
