// Which models and options an engine takes: what several of them say alike, and what a program asks
// without the libraries that an engine needs.
#pragma once

#include <string>

#include "clip/engine.h"

namespace clip {

// Engine::unsuitable of engines that build towers of known weights, on any device.
std::string needs_known_weights(const Model& model, const EncoderOptions& options);

// Engine::unsuitable of engines that run the file's own code.
std::string needs_own_code(const Model& model, const EncoderOptions& options);

// For an engine, by its name, that builds towers of known weights: throws Error (kUnsupported) for
// a model whose weights are not known, and for float16 on the CPU.
void check_known_weights(const char* engine, const Model& model, const EncoderOptions& options);

}  // namespace clip
