"""The C API from Python, by ctypes alone: scores are those of clip-cli score."""

import os
import sys
from ctypes import CDLL, byref, c_char_p, c_float, c_int, c_size_t, c_void_p
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
from common import PROMPTS, ROOT, json_lines, run  # noqa: E402

MODEL, IMAGE = (str(ROOT / "data/demo" / name) for name in ("demo-model.pt", "cat.png"))
clip = CDLL(os.environ["CLIP_C_LIBRARY"])
for name, result, arguments in [
    ("clip_model_open", c_void_p, [c_char_p, c_void_p, c_void_p]),
    ("clip_model_close", None, [c_void_p]),
    ("clip_model_dim", c_size_t, [c_void_p]),
    ("clip_embed_text", c_int, [c_void_p, c_char_p, c_size_t, c_void_p, c_size_t, c_void_p]),
    ("clip_embed_image_bytes", c_int, [c_void_p, c_char_p, c_size_t, c_void_p, c_size_t, c_void_p]),
    ("clip_error_message", c_char_p, [c_void_p]),
    ("clip_error_free", None, [c_void_p]),
]:
    getattr(clip, name).restype, getattr(clip, name).argtypes = result, arguments
error = c_void_p()
model = clip.clip_model_open(MODEL.encode(), None, byref(error))
assert model and not error, clip.clip_error_message(error)


def embedded(embed, data):
    row = (c_float * clip.clip_model_dim(model))()
    assert embed(model, data, len(data), row, len(row), byref(error)) == 0, clip.clip_error_message(error)
    return row


image = embedded(clip.clip_embed_image_bytes, Path(IMAGE).read_bytes())
scores = [100 * sum(map(float.__mul__, image, embedded(clip.clip_embed_text, prompt.encode())))
          for prompt in PROMPTS]
expected = json_lines(run("score", "--json", "--model", MODEL, IMAGE, *PROMPTS).stdout)[0]["scores"]
assert max(abs(a - b["score"]) for a, b in zip(scores, expected, strict=True)) < 1e-3, (scores, expected)
assert clip.clip_embed_text(model, b"\xff", 1, (c_float * 1000)(), 1000, byref(error)) == 1
assert b"not UTF-8" in clip.clip_error_message(error)
clip.clip_error_free(error)
clip.clip_model_close(model)
