// clip_model_options, as callers of this and of other versions give them, checked.
#pragma once

#include "clip/c.h"
#include "clip/engine.h"
#include "clip/image.h"
#include "clip/model.h"

namespace clip {

// All members, with zeros for those that the caller does not know. `given` may be null. Throws
// Error (kInvalidArgument) for a value that cannot be meant, and (kUnsupported) for members of a
// later version that are not 0.
clip_model_options read_options(const clip_model_options* given);

OpenOptions open_options(const clip_model_options& options);
EncoderOptions encoder_options(const clip_model_options& options);
// With a budget of memory for all that use the result.
DecodeOptions decode_options(const clip_model_options& options);

}  // namespace clip
