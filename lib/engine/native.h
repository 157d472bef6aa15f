// The engine "native": the towers of lib/nn, built of the weights alone; nothing in the file is
// compiled or run. For models whose weights are recognised, on the CPU.
#pragma once

#include <string>

#include "clip/engine.h"

namespace clip {

// Where ready weights of a tower, "image" or "text", lie in EncoderOptions::ready_folder.
std::string ready_path(const std::string& folder, const Model& model, Precision precision,
                       const char* tower);

// Every call of its encoders sets OpenMP's number of threads for the thread that makes it.
Engine native_engine();

}  // namespace clip
