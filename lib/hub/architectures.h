// The architectures whose towers can be run, by open_clip's names, and what follows from their
// dimensions: parameters and arithmetic. The table is data/models/architectures.tsv, part of the
// binary, and parsed when it is first asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace clip {

struct Architecture {
  std::string name;  // as open_clip writes it: "ViT-B-32"
  std::int64_t image_size = 0, embedding_dim = 0;
  bool resnet = false;               // ModifiedResNet, else ViT
  std::int64_t patch_size = 0;       // ViT; ModifiedResNet: pixels a position at the end
  std::int64_t width = 0;            // of the image tower
  std::vector<std::int64_t> layers;  // one number, or the blocks of ModifiedResNet's stages
  std::int64_t mlp_width = 0;        // of the image tower; 0 for ModifiedResNet
  std::int64_t text_width = 0, text_layers = 0, context_length = 0, vocab_size = 0;
};

const std::vector<Architecture>& architectures();

// The architecture of that name, or null.
const Architecture* find_architecture(const std::string& name);

// Of both towers, biases, norms and the logit scale included.
std::int64_t parameters_of(const Architecture& architecture);

// Floating-point operations, two a multiplication with its addition, of an image and of a prompt
// that fills the context: the matrix products, convolutions and attention, and no more.
double image_flops_of(const Architecture& architecture);
double text_flops_of(const Architecture& architecture);

}  // namespace clip
