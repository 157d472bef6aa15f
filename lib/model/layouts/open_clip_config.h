// open_clip_config.json, which open_clip's push_to_hf_hub writes beside weights: the architecture
// (model_cfg) and the preprocessing (preprocess_cfg). Keys, their defaults and their meaning are
// those of open_clip's model.py, transformer.py and transform.py.
#pragma once

#include "checkpoint/checkpoint.h"
#include "clip/model_config.h"

namespace clip {

constexpr const char* kOpenClipConfig = "open_clip_config.json";

// `config` has the dimensions that the weights show; what they do not show is taken from the
// document, and the rest must agree with it. Another image size than that of the weights is taken
// over: their position embeddings are resampled for it. Throws Error for a document that is damaged
// (kCorrupt) and for whatever in it is not supported (kUnsupported), naming the key.
void apply_open_clip_config(const Checkpoint& checkpoint, ModelConfig* config);

}  // namespace clip
