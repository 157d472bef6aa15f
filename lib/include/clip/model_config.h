// What a model is: its dimensions and the rules for its images and prompts. Everything comes from
// the weights' shapes and from what the file itself states, never from a name.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "clip/preprocessing.h"

namespace clip {

enum class VisionKind {
  kTransformer,  // ViT
  kResNet,       // ModifiedResNet with attention pooling
  kUnknown,      // only the file's own code knows
};
const char* name_of(VisionKind kind);  // "ViT", "ModifiedResNet", "unknown"

enum class Activation { kQuickGelu, kGelu };
const char* name_of(Activation activation);  // "quick_gelu", "gelu"

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
  std::int64_t start_of_text = 49406, end_of_text = 49407;
  std::int64_t width = 0, heads = 0, layers = 0;
};

struct ModelConfig {
  std::string name;  // as the file states it, else empty
  std::int64_t embedding_dim = 0;
  float logit_scale = 100;  // what cosines are multiplied with before the softmax
  Activation activation = Activation::kQuickGelu;
  Preprocessing preprocessing;  // its image_size is that of `vision`
  VisionConfig vision;
  TextConfig text;

  // True when every weight is one that CLIP's towers have, and none is missing. Otherwise only the
  // file's own code can run it, and `unrecognised` says why.
  bool recognised = false;
  std::string unrecognised;
  // What the file does not state, and what was taken instead ("image size 224").
  std::vector<std::string> assumed;
};

}  // namespace clip
