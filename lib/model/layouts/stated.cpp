#include "model/layouts/stated.h"

#include <fmt/format.h>

#include "clip/error.h"
#include "model/architectures.h"

namespace clip {
namespace {

void check_dimensions(const Checkpoint& checkpoint, const std::string& name,
                      const ModelConfig& wanted, const ModelConfig& found) {
  const auto check = [&](const char* what, std::int64_t expected, std::int64_t got) {
    if (expected == got) return;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} is not of the architecture {}: its {} is {}, and that of {} is {}",
                            checkpoint.path(), name, what, got, name, expected));
  };
  if (wanted.vision.kind != found.vision.kind) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} is not of the architecture {}: its image tower is a {}",
                            checkpoint.path(), name, name_of(found.vision.kind)));
  }
  check("embedding dimension", wanted.embedding_dim, found.embedding_dim);
  check("width of the image tower", wanted.vision.width, found.vision.width);
  check("number of layers of the image tower", wanted.vision.layers, found.vision.layers);
  for (std::size_t i = 0; i < wanted.vision.stages.size(); ++i) {
    check("number of blocks of a stage", wanted.vision.stages[i], found.vision.stages[i]);
  }
  check("patch size", wanted.vision.patch_size, found.vision.patch_size);
  check("image size", wanted.vision.image_size, found.vision.image_size);
  check("MLP width of the image tower", wanted.vision.mlp_width, found.vision.mlp_width);
  check("width of the text tower", wanted.text.width, found.text.width);
  check("number of layers of the text tower", wanted.text.layers, found.text.layers);
  check("context length", wanted.text.context_length, found.text.context_length);
  check("vocabulary size", wanted.text.vocab_size, found.text.vocab_size);
}

}  // namespace

void check_stated(const Checkpoint& checkpoint, const std::string& where, const char* what,
                  std::int64_t stated, std::int64_t found) {
  if (stated == found) return;
  throw Error(ErrorCode::kCorrupt,
              fmt::format("{}: {} says that the {} is {}, but the weights are made for {}",
                          checkpoint.path(), where, what, stated, found));
}

void apply_architecture(const Checkpoint& checkpoint, const std::string& name,
                        ModelConfig* config) {
  const ModelConfig known = architecture(name);
  check_dimensions(checkpoint, name, known, *config);
  config->vision.heads = known.vision.heads;
  config->vision.activation = known.vision.activation;
  config->text.heads = known.text.heads;
  config->text.activation = known.text.activation;
}

void check_architecture(const Checkpoint& checkpoint, const OpenOptions& options,
                        const ModelConfig& config) {
  const ModelConfig known = architecture(options.architecture);
  check_dimensions(checkpoint, options.architecture, known, config);
  const bool agree = known.vision.heads == config.vision.heads &&
                     known.text.heads == config.text.heads &&
                     known.text.activation == config.text.activation &&
                     known.vision.activation == config.vision.activation;
  if (agree) return;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("{} is not of the architecture {}: its config states the activations {} (image) "
                  "and {} (text), and {} and {} heads",
                  checkpoint.path(), options.architecture, name_of(config.vision.activation),
                  name_of(config.text.activation), config.vision.heads, config.text.heads));
}

void refuse_without_config(const Checkpoint& checkpoint, const char* document) {
  throw Error(ErrorCode::kUnsupported,
              fmt::format("{} has weights of CLIP and nothing that says which activation, how many "
                          "heads and which preprocessing they were trained with: put the {} of its "
                          "repository beside it, or name its architecture as open_clip does "
                          "(ViT-B-32-quickgelu for OpenAI's weights and their fine-tunes)",
                          checkpoint.path(), document),
              Hint::kNameArchitecture);
}

}  // namespace clip
