#include "clip/model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/sha256.h"
#include "checkpoint/checkpoint.h"
#include "clip/error.h"
#include "model/layouts/layout.h"
#include "model/weights.h"

namespace clip {
namespace {

// Everything that the embeddings and scores of a model depend on, and nothing that they do not. A
// model that only its own code can run depends on that code, too.
std::string identity_of(const Checkpoint& checkpoint, const Layout& layout,
                        const ModelConfig& config) {
  const Preprocessing& rule = config.preprocessing;
  std::string stated = fmt::format(
      "{}\nlayout {} {}\nimage {} {} {} {}\ntext {} {} {}\nheads {} {}\nlogit scale {}\n",
      checkpoint.content_digest(/*with_code=*/!config.recognised), layout.name,
      name_of(config.text.activation), rule.image_size, name_of(rule.resize, rule.interpolation),
      rule.mean, rule.std, config.text.context_length, config.text.start_of_text,
      config.text.end_of_text, config.vision.heads, config.text.heads, config.logit_scale);
  // What most models share is left out, so that theirs stay what they were when nothing else could
  // be stated.
  if (config.vision.activation != config.text.activation) {
    stated += fmt::format("image activation {}\n", name_of(config.vision.activation));
  }
  for (const float epsilon : {config.vision.norm_epsilon, config.text.norm_epsilon}) {
    if (epsilon != 1e-5F) stated += fmt::format("epsilon {}\n", epsilon);
  }
  return sha256(stated);
}

// Takes the options' image size over, and makes the preprocessing follow the tower's.
void set_image_size(const std::string& path, const OpenOptions& options, ModelConfig* config) {
  VisionConfig& vision = config->vision;
  if (options.image_size != 0 && options.image_size != vision.image_size) {
    if (vision.kind != VisionKind::kTransformer) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{} is a {}, which takes images of {} pixels only", path,
                              name_of(vision.kind), vision.image_size));
    }
    const std::int64_t patch = vision.patch_size;
    if (options.image_size < patch || options.image_size % patch != 0 ||
        options.image_size > 16384) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("images of {} pixels a side cannot be cut into patches of {}: {} and "
                              "{} can",
                              options.image_size, patch,
                              std::max(options.image_size / patch, std::int64_t{1}) * patch,
                              (options.image_size / patch + 1) * patch));
    }
    vision.image_size = options.image_size;
  }
  config->preprocessing.image_size = static_cast<int>(vision.image_size);
}

}  // namespace

const char* name_of(VisionKind kind) {
  switch (kind) {
    case VisionKind::kTransformer:
      return "ViT";
    case VisionKind::kResNet:
      return "ModifiedResNet";
    case VisionKind::kUnknown:
      break;
  }
  return "unknown";
}

const char* name_of(Activation activation) {
  switch (activation) {
    case Activation::kGelu:
      return "gelu";
    case Activation::kGeluTanh:
      return "gelu_tanh";
    case Activation::kQuickGelu:
      break;
  }
  return "quick_gelu";
}

struct Model::Parts {
  std::unique_ptr<const Checkpoint> checkpoint;
  ModelConfig config;
  std::unique_ptr<const Weights> weights;
  std::string identity;
  mutable std::once_flag tokenizer_made;
  mutable std::unique_ptr<const Tokenizer> tokenizer;
};

Model::Model(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Model::~Model() = default;

std::shared_ptr<const Model> Model::open(const std::string& path, const OpenOptions& options) {
  auto parts = std::make_unique<Parts>();
  parts->checkpoint = open_checkpoint(path);
  const Layout& layout = layout_of(*parts->checkpoint);
  parts->config = layout.read_config(*parts->checkpoint, options);
  parts->config.layout = layout.name;
  set_image_size(path, options, &parts->config);
  parts->weights =
      std::make_unique<const Weights>(resolve_weights(layout, *parts->checkpoint, &parts->config));
  parts->identity = identity_of(*parts->checkpoint, layout, parts->config);
  return std::shared_ptr<const Model>(new Model(std::move(parts)));
}

const std::string& Model::path() const {
  return parts_->checkpoint->path();
}
const ModelConfig& Model::config() const {
  return parts_->config;
}
const std::string& Model::identity() const {
  return parts_->identity;
}
const Checkpoint& Model::checkpoint() const {
  return *parts_->checkpoint;
}
const Weights& Model::weights() const {
  return *parts_->weights;
}

const Tokenizer& Model::tokenizer() const {
  std::call_once(parts_->tokenizer_made, [this] {
    auto tokenizer = make_clip_tokenizer();
    const TextConfig& text = parts_->config.text;
    // A model for another tokenizer would take these ids for other words, and answer nonsense.
    if (text.vocab_size != tokenizer->vocab_size() ||
        text.start_of_text != tokenizer->start_of_text() ||
        text.end_of_text != tokenizer->end_of_text()) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{} has a vocabulary of {} with start {} and end {}, but the only "
                              "tokenizer is that of CLIP: {} with {} and {}",
                              path(), text.vocab_size, text.start_of_text, text.end_of_text,
                              tokenizer->vocab_size(), tokenizer->start_of_text(),
                              tokenizer->end_of_text()));
    }
    parts_->tokenizer = std::move(tokenizer);
  });
  return *parts_->tokenizer;
}

}  // namespace clip
