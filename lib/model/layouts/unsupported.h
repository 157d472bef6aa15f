// Checkpoints that are no CLIP that we can run: what they are, by the names of their tensors.
#pragma once

#include "checkpoint/checkpoint.h"

namespace clip {

// Throws Error (kUnsupported) that names the kind of model where its tensors or its config show it,
// else the first tensor that CLIP does not have.
[[noreturn]] void refuse_unsupported(const Checkpoint& checkpoint);

}  // namespace clip
