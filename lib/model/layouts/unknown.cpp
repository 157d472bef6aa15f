#include "model/layouts/unknown.h"

#include <fmt/format.h>

#include "clip/error.h"
#include "model/export_metadata.h"
#include "model/layouts/unsupported.h"

namespace clip {
namespace {

// clip.json, else the buffers of published files, else OpenAI's numbers, which are then said to be
// assumed.
void take_stated_sizes(const Checkpoint& checkpoint, const ExportMetadata& metadata,
                       ModelConfig* config) {
  const auto take = [&](const char* what, const std::optional<std::int64_t>& stated,
                        const char* buffer, std::int64_t* size) {
    if (stated) {
      *size = *stated;
    } else if (checkpoint.find(buffer) != nullptr) {
      *size = checkpoint.integer(buffer);
    } else {
      config->assumed.push_back(fmt::format("{} {}", what, *size));
    }
    if (*size < 1) {
      throw Error(ErrorCode::kCorrupt, fmt::format("{}: the {} is 0", checkpoint.path(), what));
    }
  };
  take("image size", metadata.image_size, "input_resolution", &config->vision.image_size);
  take("context length", metadata.context_length, "context_length", &config->text.context_length);
  config->embedding_dim = metadata.embedding_dim.value_or(0);
}

ModelConfig read_config(const Checkpoint& checkpoint, const OpenOptions&) {
  // Without code of its own, nothing can run it.
  if (!checkpoint.has_code()) refuse_unsupported(checkpoint);
  const ExportMetadata metadata = read_export_metadata(checkpoint);
  ModelConfig config;
  apply_metadata(metadata, &config);
  config.unrecognised =
      checkpoint.tensors().empty()
          ? "it has no weights"
          : fmt::format("weight {} is not one that CLIP has", checkpoint.tensors().begin()->first);
  take_stated_sizes(checkpoint, metadata, &config);
  config.preprocessing.image_size = static_cast<int>(config.vision.image_size);
  read_logit_scale(checkpoint, &config);
  return config;
}

}  // namespace

Layout unknown_layout() {
  return {"unknown",
          [](const Checkpoint&) { return true; },
          read_config,
          {},
          [](const std::string&) { return true; }};
}

}  // namespace clip
