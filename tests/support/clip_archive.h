// Archives of small made-up CLIPs, for tests that damage them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "checkpoint/tensor.h"
#include "clip/model_config.h"
#include "zip_writer.h"

namespace clip_test {

struct TensorValues {
  clip::Shape shape;
  std::vector<float> values;
};

using Tensors = std::map<std::string, TensorValues>;  // by the name that files store it under

// A ViT of image 8, patch 4, width 64 and one layer, or a ModifiedResNet of image 32, width 16 and
// one block a stage; embedding dimension 8; a text tower of context 5, vocabulary 10, width 64.
clip::ModelConfig small_config(clip::VisionKind kind);

// All its weights, filled with small numbers.
Tensors small_weights(const clip::ModelConfig& config);

// The same weights by their canonical names (model/canonical.h), for layers and towers.
Tensors small_canonical_weights(const clip::ModelConfig& config);

// The records of an archive with these tensors in a module tree, as torch.jit.save lays them out,
// without code.
Records module_records(const Tensors& tensors);

// The bytes of a safetensors file with these tensors, as float32.
std::string safetensors_file(const Tensors& tensors);

}  // namespace clip_test
