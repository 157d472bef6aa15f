#!/usr/bin/env python3
"""Finds images of a folder that has an index: search_index.py MODEL FOLDER TEXT"""

import sys
from ctypes import CDLL, byref, c_char_p, c_double, c_float, c_int, c_size_t, c_void_p

if len(sys.argv) != 4:
    sys.exit(f"usage: {__doc__}")
clip = CDLL("libclip-cli.so.0")
for name, result, arguments in [
    ("clip_model_open", c_void_p, [c_char_p, c_void_p, c_void_p]),
    ("clip_model_dim", c_size_t, [c_void_p]),
    ("clip_embed_text", c_int, [c_void_p, c_char_p, c_size_t, c_void_p, c_size_t, c_void_p]),
    ("clip_index_open", c_void_p, [c_char_p, c_void_p, c_void_p]),
    ("clip_index_search", c_int, [c_void_p, c_void_p, c_size_t, c_size_t, c_void_p, c_void_p]),
    ("clip_hits_count", c_size_t, [c_void_p]),
    ("clip_hits_path", c_char_p, [c_void_p, c_size_t]),
    ("clip_hits_score", c_double, [c_void_p, c_size_t]),
    ("clip_error_message", c_char_p, [c_void_p]),
]:
    getattr(clip, name).restype, getattr(clip, name).argtypes = result, arguments

error, hits = c_void_p(), c_void_p()


def checked(value):
    if error:  # it is NULL after a call that succeeds
        sys.exit(clip.clip_error_message(error).decode())
    return value


path, folder, text = (argument.encode() for argument in sys.argv[1:])
model = checked(clip.clip_model_open(path, None, byref(error)))
index = checked(clip.clip_index_open(folder, model, byref(error)))
query = (c_float * clip.clip_model_dim(model))()
checked(clip.clip_embed_text(model, text, len(text), query, len(query), byref(error)))
checked(clip.clip_index_search(index, query, len(query), 10, byref(hits), byref(error)))
for i in range(clip.clip_hits_count(hits)):
    print(f"{clip.clip_hits_score(hits, i):.4f}\t{clip.clip_hits_path(hits, i).decode()}")
