// The weights that a CLIP of given dimensions has: names and shapes as in OpenAI's published files.
#pragma once

#include <string>
#include <vector>

#include "model/config.h"
#include "model/weights.h"

namespace clip {

struct ExpectedWeight {
  std::string name;
  Shape shape;
};

// Every weight of both towers; needs a config of known vision kind.
std::vector<ExpectedWeight> expected_weights(const ModelConfig& config);

}  // namespace clip
