// clip.json, the extra file that scripts/export_torchscript.py puts into an archive: what the
// weights alone cannot say. Its specification stands in that script. Published files have none.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "model/archive.h"

namespace clip {

struct ExportMetadata {
  std::optional<std::string> name;
  std::optional<std::int64_t> image_size;               // pixels a side
  std::optional<std::array<float, 3>> mean, deviation;  // per RGB channel, of values in [0, 1]
  std::optional<std::string> resize;  // "shortest-side-bicubic" or "squash-bicubic"
  std::optional<std::int64_t> context_length, vocab_size, embedding_dim;
  std::optional<std::string> activation;  // "quick_gelu" or "gelu"
  std::optional<std::int64_t> vision_heads, text_heads;
  std::optional<std::int64_t> start_of_text, end_of_text;
};

// Empty when the archive has no clip.json. Throws Error when it has one that is not valid.
ExportMetadata read_export_metadata(const Archive& archive);

}  // namespace clip
