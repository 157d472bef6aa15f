#!/usr/bin/env python3
"""Scores an image with texts: score_image.py MODEL IMAGE TEXT..."""

import sys
from ctypes import CDLL, byref, c_char_p, c_int, c_size_t, c_void_p

import numpy

if len(sys.argv) < 4:
    sys.exit(f"usage: {__doc__}")
clip = CDLL("libclip-cli.so.0")
for name, result, arguments in [
    ("clip_model_open", c_void_p, [c_char_p, c_void_p, c_void_p]),
    ("clip_model_dim", c_size_t, [c_void_p]),
    ("clip_embed_text", c_int, [c_void_p, c_char_p, c_size_t, c_void_p, c_size_t, c_void_p]),
    ("clip_embed_image_file", c_int, [c_void_p, c_char_p, c_void_p, c_size_t, c_void_p]),
    ("clip_error_message", c_char_p, [c_void_p]),
]:
    getattr(clip, name).restype, getattr(clip, name).argtypes = result, arguments

error = c_void_p()


def checked(value):
    if error:  # it is NULL after a call that succeeds
        sys.exit(clip.clip_error_message(error).decode())
    return value


def embedded(embed, *what):
    row = numpy.empty(clip.clip_model_dim(model), numpy.float32)
    checked(embed(model, *what, row.ctypes.data, len(row), byref(error)))
    return row.astype(numpy.float64)


path, image, *texts = (argument.encode() for argument in sys.argv[1:])
model = checked(clip.clip_model_open(path, None, byref(error)))
image = embedded(clip.clip_embed_image_file, image)  # [dim], of length 1
for text in texts:
    score = 100 * image @ embedded(clip.clip_embed_text, text, len(text))
    print(f"{score:.4f}\t{text.decode()}")
