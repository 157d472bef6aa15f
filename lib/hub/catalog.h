// The nine models that OpenAI published: their files and dimensions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace clip {

struct PublishedModel {
  const char* name;    // as OpenAI writes it: "ViT-B/32"
  const char* file;    // as OpenAI's package stores it in ~/.cache/clip
  const char* sha256;  // of the file
  std::int64_t parameters;
  int megabytes;         // of the file, 10^6 bytes, about
  double imagenet_top1;  // zero-shot, in percent
  std::int64_t image_size, embedding_dim;
  const char* vision;  // "ViT" or "ModifiedResNet"
  std::int64_t vision_width, patch_size;
  std::int64_t blocks;  // ViT: layers; ResNet: of all four stages
  std::int64_t text_width;
};

const std::vector<PublishedModel>& published_models();

// The published model whose file has this SHA-256, or null.
const PublishedModel* find_by_sha256(const std::string& sha256);

}  // namespace clip
