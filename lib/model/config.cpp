#include "model/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "error.h"
#include "model/layout.h"

namespace clip {
namespace {

// Heads are 64 wide in every published model; clip.json may say otherwise.
constexpr std::int64_t kHeadWidth = 64;
// No CLIP comes near; a hostile file's layer numbers must not be counted for ever.
constexpr std::int64_t kMaxLayers = 1000;

// A module is CLIP's when most of these are there; then what is missing is an error in the file.
constexpr const char* kLandmarks[] = {
    "logit_scale",        "ln_final.weight",        "positional_embedding",
    "text_projection",    "token_embedding.weight", "transformer.resblocks.0.ln_1.weight",
    "visual.conv1.weight"};
constexpr int kLandmarksNeeded = 4;

bool is_clip(const Weights& weights) {
  int found = 0;
  for (const char* name : kLandmarks) found += weights.find(name) != nullptr;
  return found >= kLandmarksNeeded;
}

// One dimension of a weight that must be there; `shape` names the dimensions for the error.
std::int64_t dimension(const Weights& weights, const std::string& name, std::size_t axis,
                       std::size_t rank, const char* shape) {
  const Weight* weight = weights.find(name);
  if (weight == nullptr) {
    throw Error(
        fmt::format("{} lacks the weight {}, expected with shape {}", weights.path(), name, shape));
  }
  if (weight->shape.size() != rank || element_count(weight->shape) == 0) {
    throw Error(fmt::format("{}: weight {} has shape {}, expected {}", weights.path(), name,
                            to_string(weight->shape), shape));
  }
  return weight->shape[axis];
}

// How many of prefix0, prefix1, ... have any weight: gaps are found by the layout's check.
std::int64_t count_layers(const Weights& weights, const std::string& prefix) {
  std::int64_t layers = 0;
  for (auto at = weights.all().lower_bound(prefix);
       at != weights.all().end() && at->first.compare(0, prefix.size(), prefix) == 0; ++at) {
    const std::int64_t index = std::atoll(at->first.c_str() + prefix.size());
    layers = std::max(layers, index + 1);
  }
  if (layers > kMaxLayers) {
    throw Error(fmt::format("{} numbers its layers up to {}{}, expected at most {} layers",
                            weights.path(), prefix, layers - 1, kMaxLayers));
  }
  return layers;
}

// Positional embeddings have a row for each cell of a square grid, and one for the class token.
std::int64_t grid_side(const Weights& weights, const std::string& name) {
  const std::int64_t rows = dimension(weights, name, 0, 2, "[grid x grid + 1, width]");
  const auto side = static_cast<std::int64_t>(std::llround(std::sqrt(double(rows - 1))));
  if (side < 1 || side * side + 1 != rows) {
    throw Error(fmt::format("{}: weight {} has {} rows, expected a square number and one",
                            weights.path(), name, rows));
  }
  return side;
}

void read_dimensions(const Weights& weights, ModelConfig* config) {
  TextConfig& text = config->text;
  text.vocab_size = dimension(weights, "token_embedding.weight", 0, 2, "[vocabulary, text width]");
  text.width = dimension(weights, "token_embedding.weight", 1, 2, "[vocabulary, text width]");
  text.context_length =
      dimension(weights, "positional_embedding", 0, 2, "[context length, text width]");
  text.layers = count_layers(weights, "transformer.resblocks.");
  text.heads = text.width / kHeadWidth;
  config->embedding_dim =
      dimension(weights, "text_projection", 1, 2, "[text width, embedding dimension]");

  VisionConfig& vision = config->vision;
  if (count_layers(weights, "visual.layer1.") > 0) {
    vision.kind = VisionKind::kResNet;
    vision.width = dimension(weights, "visual.layer1.0.conv1.weight", 0, 4, "[width, width, 1, 1]");
    for (std::size_t stage = 0; stage < vision.stages.size(); ++stage) {
      vision.stages[stage] = count_layers(weights, fmt::format("visual.layer{}.", stage + 1));
    }
    vision.heads = vision.width * 32 / kHeadWidth;
    // The stem halves the picture twice, each later stage once: 32 pixels a cell.
    vision.image_size = 32 * grid_side(weights, "visual.attnpool.positional_embedding");
  } else {
    vision.kind = VisionKind::kTransformer;
    const char* shape = "[vision width, 3, patch, patch]";
    vision.width = dimension(weights, "visual.conv1.weight", 0, 4, shape);
    vision.patch_size = dimension(weights, "visual.conv1.weight", 2, 4, shape);
    vision.layers = count_layers(weights, "visual.transformer.resblocks.");
    vision.heads = vision.width / kHeadWidth;
    vision.image_size = vision.patch_size * grid_side(weights, "visual.positional_embedding");
  }
}

// Tensors that a CLIP may carry beside its weights.
bool may_stand_beside(const std::string& name) {
  const std::string last = name.substr(name.rfind('.') + 1);
  return last == "input_resolution" || last == "context_length" || last == "vocab_size" ||
         last == "num_batches_tracked" || last == "attn_mask";
}

// The name of a weight that CLIP does not have, or nothing.
std::string foreign_weight(const Weights& weights, const std::vector<ExpectedWeight>& expected) {
  std::set<std::string> known;
  for (const auto& weight : expected) known.insert(weight.name);
  for (const auto& [name, weight] : weights.all()) {
    if (known.count(name) == 0 && !may_stand_beside(name)) return name;
  }
  return "";
}

void check_layout(const Weights& weights, const std::vector<ExpectedWeight>& expected) {
  for (const auto& [name, shape] : expected) {
    const Weight* weight = weights.find(name);
    if (weight == nullptr) {
      throw Error(fmt::format("{} lacks the weight {}, expected with shape {}", weights.path(),
                              name, to_string(shape)));
    }
    if (weight->shape != shape) {
      throw Error(fmt::format("{}: weight {} has shape {}, expected {}", weights.path(), name,
                              to_string(weight->shape), to_string(shape)));
    }
    if (!is_floating_point(weight->type)) {
      throw Error(fmt::format("{}: weight {} has type {}, expected floating-point numbers",
                              weights.path(), name, name_of(weight->type)));
    }
  }
}

// clip.json and the buffers of published files repeat what the weights say; they must agree.
void check_agreement(const Weights& weights, const ExportMetadata& metadata,
                     const ModelConfig& config) {
  const auto check = [&](const char* what, std::int64_t said, std::int64_t found,
                         const char* where) {
    if (said == found) return;
    throw Error(fmt::format("{}: {} says that the {} is {}, but the weights are made for {}",
                            weights.path(), where, what, said, found));
  };
  const auto from_json = [&](const char* what, const std::optional<std::int64_t>& said,
                             std::int64_t found) {
    if (said) check(what, *said, found, "clip.json");
  };
  from_json("image size", metadata.image_size, config.vision.image_size);
  from_json("context length", metadata.context_length, config.text.context_length);
  from_json("vocabulary size", metadata.vocab_size, config.text.vocab_size);
  from_json("embedding dimension", metadata.embedding_dim, config.embedding_dim);
  const auto from_buffer = [&](const char* what, const char* buffer, std::int64_t found) {
    if (weights.find(buffer) != nullptr) check(what, weights.integer(buffer), found, buffer);
  };
  from_buffer("image size", "input_resolution", config.vision.image_size);
  from_buffer("context length", "context_length", config.text.context_length);
  from_buffer("vocabulary size", "vocab_size", config.text.vocab_size);
}

// For a module that is not CLIP's: clip.json, else the buffers, else OpenAI's numbers, said openly.
void take_stated_sizes(const Weights& weights, const ExportMetadata& metadata,
                       ModelConfig* config) {
  const auto take = [&](const char* what, const std::optional<std::int64_t>& said,
                        const char* buffer, std::int64_t* size) {
    if (said) {
      *size = *said;
    } else if (weights.find(buffer) != nullptr) {
      *size = weights.integer(buffer);
    } else {
      config->assumed.push_back(fmt::format("{} {}", what, *size));
    }
    if (*size < 1) throw Error(fmt::format("{}: the {} is 0", weights.path(), what));
  };
  take("image size", metadata.image_size, "input_resolution", &config->vision.image_size);
  take("context length", metadata.context_length, "context_length", &config->text.context_length);
  config->embedding_dim = metadata.embedding_dim.value_or(0);
}

void check_heads(const Weights& weights, const char* tower, std::int64_t width,
                 std::int64_t heads) {
  if (heads >= 1 && width % heads == 0) return;
  throw Error(
      fmt::format("{}: the {} tower has width {}, which {} heads do not divide; say the "
                  "heads in clip.json",
                  weights.path(), tower, width, heads));
}

void read_logit_scale(const Weights& weights, ModelConfig* config) {
  if (weights.find("logit_scale") == nullptr) {
    config->assumed.push_back(fmt::format("logit scale {}", config->logit_scale));
    return;
  }
  // Kept as a logarithm, as trained: the paper's t, "log parametrized temperature".
  const double logarithm = weights.scalar("logit_scale");
  config->logit_scale = static_cast<float>(std::exp(logarithm));
  if (!std::isfinite(config->logit_scale)) {
    throw Error(
        fmt::format("{}: logit_scale is {}, expected the logarithm of a scale, 4.6052 in "
                    "published models",
                    weights.path(), logarithm));
  }
}

}  // namespace

ModelConfig read_config(const Weights& weights, const ExportMetadata& metadata) {
  ModelConfig config;
  config.name = metadata.name.value_or("");
  config.mean = metadata.mean.value_or(config.mean);
  config.deviation = metadata.deviation.value_or(config.deviation);
  if (metadata.resize == "squash-bicubic") config.resize = ResizeMode::kSquash;
  if (metadata.activation == "gelu") config.activation = Activation::kGelu;
  config.start_of_text = metadata.start_of_text.value_or(config.start_of_text);
  config.end_of_text = metadata.end_of_text.value_or(config.end_of_text);

  if (!is_clip(weights)) {
    const auto first = weights.all().begin();
    config.unrecognised = first == weights.all().end()
                              ? "it has no weights"
                              : fmt::format("weight {} is not one that CLIP has", first->first);
    take_stated_sizes(weights, metadata, &config);
    read_logit_scale(weights, &config);
    return config;
  }
  read_dimensions(weights, &config);
  config.vision.heads = metadata.vision_heads.value_or(config.vision.heads);
  config.text.heads = metadata.text_heads.value_or(config.text.heads);
  const auto expected = expected_weights(config);
  const std::string foreign = foreign_weight(weights, expected);
  if (foreign.empty()) {
    check_layout(weights, expected);
    const bool resnet = config.vision.kind == VisionKind::kResNet;
    check_heads(weights, "vision", config.vision.width * (resnet ? 32 : 1), config.vision.heads);
    check_heads(weights, "text", config.text.width, config.text.heads);
    config.recognised = true;
  } else {
    config.unrecognised = fmt::format("weight {} is not one that CLIP has", foreign);
  }
  check_agreement(weights, metadata, config);
  read_logit_scale(weights, &config);
  return config;
}

}  // namespace clip
