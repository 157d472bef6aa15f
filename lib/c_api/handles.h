// What the opaque handles of the C API are made of.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "c_api/shared_encoder.h"
#include "clip/c.h"
#include "clip/image.h"
#include "clip/image_index.h"
#include "clip/model.h"

struct clip_model {
  std::shared_ptr<const clip::Model> model;
  std::string name;
  clip::Precision precision;  // that it computes in
  clip::EncoderOptions encoder;
  clip::DecodeOptions decode;
  clip::SharedTextEmbedder texts;
  clip::SharedImageEncoder images;
};

struct clip_index {
  std::unique_ptr<clip::ImageIndex> index;
  std::size_t dim;  // of the model
  int threads;
};

struct clip_hits {
  std::vector<clip::ImageHit> hits;
};
