// Small models with random weights, as folders with a config and safetensors: in transformers'
// layout, which can state every number of both towers, and ResNets in open_clip's.
#pragma once

#include <cstdint>
#include <string>

#include "clip/model_config.h"
#include "support.h"

namespace clip_test {

// Two layers and two heads a tower, of these widths; images of 32 pixels in patches of 8, or a
// ResNet for images of 64; a context of 77 tokens and a vocabulary of 300. Change what a test is
// about.
clip::ModelConfig small_vit_config(std::int64_t vision_width, std::int64_t text_width);
clip::ModelConfig small_resnet_config(std::int64_t text_width);

// Writes a model of this config, whose weights are those of every model with the same shapes, and
// gives the path of its folder.
std::string write_model(const TemporaryFolder& folder, const std::string& name,
                        const clip::ModelConfig& config);

}  // namespace clip_test
