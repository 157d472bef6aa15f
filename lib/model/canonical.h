// The weights that a CLIP of given dimensions has, by the project's own names, whatever a file
// calls them. Towers are built from these names alone; a layout (layouts/layout.h) says where each
// is found.
//
// The canonical form is the split one: queries, keys and values apart, projections [out, in]. So a
// layout that stores them fused gives views of what it stores, and nothing is copied.
//
//   text.token_embedding [vocabulary, Wt]       image.patch_embedding.weight [Wv, 3, p, p]
//   text.position_embedding [context, Wt]       image.class_embedding [Wv]
//   text.blocks.<i>. ...                        image.position_embedding [(n/p)^2 + 1, Wv]
//   text.norm_final.{weight,bias}               image.{norm_pre,norm_post}.{weight,bias}
//   text.projection.weight [D, Wt]              image.blocks.<i>. ..., image.projection.weight [D,
//   Wv] <block>.{norm_1,norm_2}.{weight,bias},
//   <block>.attention.{query,key,value,output}.{weight,bias}, <block>.mlp.{up,down}.{weight,bias}
//   ResNets: image.stem.<i>.{conv.weight,norm.*},
//   image.stages.<s>.<i>.{conv_<k>.weight,norm_<k>.*},
//   image.stages.<s>.0.{shortcut_conv.weight,shortcut_norm.*}, image.pool.position_embedding,
//   image.pool.{query,key,value,output}.{weight,bias}; a norm has weight, bias, mean, variance
//   logit_scale []
#pragma once

#include <string>
#include <vector>

#include "checkpoint/tensor.h"
#include "clip/model_config.h"

namespace clip {

struct CanonicalWeight {
  std::string name;
  Shape shape;
};

// Every weight of both towers; needs a config of known vision kind.
std::vector<CanonicalWeight> canonical_weights(const ModelConfig& config);

}  // namespace clip
