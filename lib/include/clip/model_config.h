/// \file
/// What a model is: its dimensions and the rules for its images and prompts. Everything comes from
/// the weights' shapes, from what the file and the documents beside it state, and from the
/// architecture that a caller names; never from the name of a file.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "clip/preprocessing.h"

namespace clip {

/// What the image tower is.
enum class VisionKind {
  kTransformer,  ///< ViT
  kResNet,       ///< ModifiedResNet with attention pooling
  kUnknown,      ///< only the file's own code knows
};
const char* name_of(VisionKind kind);  ///< "ViT", "ModifiedResNet", "unknown"

/// Of the MLPs. kQuickGelu: x * sigmoid(1.702 x), as OpenAI trained; kGelu: x * Phi(x), exact;
/// kGeluTanh: its approximation by a hyperbolic tangent (Hendrycks and Gimpel, 2016).
enum class Activation { kQuickGelu, kGelu, kGeluTanh };
const char* name_of(Activation activation);  ///< "quick_gelu", "gelu", "gelu_tanh"

/// What the transformers of both towers have.
struct TransformerConfig {
  std::int64_t width = 0;                          ///< of a token
  std::int64_t heads = 0;                          ///< of attention; they divide the width
  std::int64_t layers = 0;                         ///< blocks of attention and MLP
  std::int64_t mlp_width = 0;                      ///< of an MLP's hidden layer
  Activation activation = Activation::kQuickGelu;  ///< of the MLPs
  float norm_epsilon = 1e-5F;                      ///< of layer normalization
};

/// Of a ResNet, `width` is the channels of the first stage, `heads` those of the attention pool,
/// and the rest of the transformer's numbers has no meaning.
struct VisionConfig : TransformerConfig {
  VisionKind kind = VisionKind::kUnknown;  ///< ViT or ResNet
  std::int64_t image_size = 224;           ///< pixels a side
  std::int64_t patch_size = 0;             ///< ViT: pixels a side
  std::array<std::int64_t, 4> stages{};    ///< ResNet: blocks in each of the four stages
};

/// Of the text tower.
struct TextConfig : TransformerConfig {
  std::int64_t context_length = 77;    ///< tokens, start and end included
  std::int64_t vocab_size = 49408;     ///< ids that there are
  std::int64_t start_of_text = 49406;  ///< the id that a prompt begins with
  std::int64_t end_of_text = 49407;    ///< and ends with
};

/// All that is known of a model before its weights are read.
struct ModelConfig {
  std::string name;                ///< as the file states it, else empty
  std::string layout;              ///< whose names the weights have: "openai", "hugging_face", ...
  std::int64_t embedding_dim = 0;  ///< numbers of an embedding; 0 where only the file's code knows
  float logit_scale = 100;         ///< what cosines are multiplied with before the softmax
  Preprocessing preprocessing;     ///< its image_size is that of `vision`
  VisionConfig vision;             ///< the image tower
  TextConfig text;                 ///< the text tower

  /// True when every weight is one that CLIP's towers have, and none is missing. Otherwise only the
  /// file's own code can run it, and `unrecognised` says why.
  bool recognised = false;
  std::string unrecognised;  ///< why not; empty where every weight is
  /// What the file does not state, and what was taken instead ("image size 224").
  std::vector<std::string> assumed;
};

}  // namespace clip
