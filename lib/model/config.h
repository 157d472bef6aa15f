// What a model is: its dimensions and the rules for its pictures and prompts. Everything comes from
// the weights' shapes and the export's clip.json, never from a name.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "model/export_metadata.h"
#include "model/weights.h"

namespace clip {

enum class VisionKind {
  kTransformer,  // ViT
  kResNet,       // ModifiedResNet with attention pooling
  kUnknown,      // only the export's own code knows
};

struct VisionConfig {
  VisionKind kind = VisionKind::kUnknown;
  std::int64_t image_size = 224;         // pixels a side
  std::int64_t patch_size = 0;           // ViT: pixels a side
  std::int64_t width = 0;                // ViT: of a token; ResNet: channels of the first stage
  std::int64_t heads = 0;                // of attention; ResNet: of the attention pool
  std::int64_t layers = 0;               // ViT
  std::array<std::int64_t, 4> stages{};  // ResNet: blocks in each of the four stages
};

struct TextConfig {
  std::int64_t context_length = 77;  // tokens, start and end included
  std::int64_t vocab_size = 49408;
  std::int64_t width = 0, heads = 0, layers = 0;
};

enum class Activation { kQuickGelu, kGelu };
enum class ResizeMode { kShortestSide, kSquash };

struct ModelConfig {
  std::string name;  // as clip.json says, else empty
  std::int64_t embedding_dim = 0;
  float logit_scale = 100;  // what cosines are multiplied with before the softmax
  Activation activation = Activation::kQuickGelu;
  ResizeMode resize = ResizeMode::kShortestSide;
  // Of OpenAI's preprocessing, which published files rely on and do not state.
  std::array<float, 3> mean = {0.48145466F, 0.4578275F, 0.40821073F};
  std::array<float, 3> deviation = {0.26862954F, 0.26130258F, 0.27577711F};
  std::int64_t start_of_text = 49406, end_of_text = 49407;
  VisionConfig vision;
  TextConfig text;

  // True when every weight is one that CLIP's towers have, and none is missing. Otherwise only the
  // export's own code can run it, and `unrecognised` says why.
  bool recognised = false;
  std::string unrecognised;
  // What neither the weights nor clip.json say, and what was taken instead ("image size 224").
  std::vector<std::string> assumed;
};

// Throws Error when the weights are CLIP's but one is missing or has the wrong shape (naming it and
// the shape expected), or when clip.json contradicts them.
ModelConfig read_config(const Weights& weights, const ExportMetadata& metadata);

}  // namespace clip
