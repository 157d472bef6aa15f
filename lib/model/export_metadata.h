// clip.json, a document that an export may carry: what the weights alone cannot say. Published
// files have none. scripts/export_torchscript.py writes it, and specifies it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "checkpoint/checkpoint.h"
#include "clip/model_config.h"

namespace clip {

struct ExportMetadata {
  std::optional<std::string> name;
  std::optional<std::int64_t> image_size;         // pixels a side
  std::optional<std::array<float, 3>> mean, std;  // per RGB channel, of values in [0, 1]
  std::optional<std::string> resize;              // a ResizeMode, by its name
  std::optional<std::int64_t> context_length, vocab_size, embedding_dim;
  std::optional<std::string> activation;  // "quick_gelu" or "gelu"
  std::optional<std::int64_t> vision_heads, text_heads;
  std::optional<std::int64_t> start_of_text, end_of_text;
};

// Empty when the checkpoint has no clip.json. Throws Error when it has one that is not valid.
ExportMetadata read_export_metadata(const Checkpoint& checkpoint);

// Takes over what no weight says: name, preprocessing, activation, special tokens.
void apply_metadata(const ExportMetadata& metadata, ModelConfig* config);

// Takes the scale from the tensor `logit_scale`, its logarithm, or says that it is assumed. Throws
// Error for one that is no scale.
void read_logit_scale(const Checkpoint& checkpoint, ModelConfig* config);

}  // namespace clip
