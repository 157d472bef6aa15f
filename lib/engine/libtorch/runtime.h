// What all engines share that need LibTorch: devices by their names, and its errors as ours.
#pragma once

#include <c10/core/Device.h>

#include <string>

namespace clip::libtorch {

// "cpu", "cuda" (which is "cuda:0") or "cuda:N". Throws Error (kInvalidArgument) for any other name
// and for a GPU that is not there, and (kUnsupported) where this LibTorch has no CUDA, or finds no
// GPU at all.
at::Device parse_device(const std::string& name);

// Of the message of an exception of LibTorch, which appends a C++ backtrace and the interpreter's
// stack: the first lines, which are for people.
std::string first_lines(const std::string& message);

}  // namespace clip::libtorch
