// Numbers that no weight may have: NaN and infinity, of damage, or of a training that failed.
#pragma once

#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace clip {

struct NotFinite {
  std::string tensor;
  bool nan = false;  // else infinity
};

// The floating-point tensors that hold such numbers, by name. Reads all of them. Infinities in
// masks ("attn_mask") are meant.
std::vector<NotFinite> tensors_not_finite(const Checkpoint& checkpoint);

}  // namespace clip
