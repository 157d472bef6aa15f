// The architectures of the models that open_clip publishes, by its names for them: what a file of
// weights without a config does not say. The table is data/models/architectures.tsv.
#pragma once

#include <string>
#include <vector>

#include "clip/model_config.h"

namespace clip {

// "ViT-B-32": its dimensions, exact GELU, and OpenAI's preprocessing; "ViT-B-32-quickgelu": the
// same with OpenAI's activation. Case does not matter. Throws Error (kInvalidArgument) that names
// the nearest ones.
ModelConfig architecture(const std::string& name);

// Without those that end in "-quickgelu".
std::vector<std::string> architecture_names();

}  // namespace clip
