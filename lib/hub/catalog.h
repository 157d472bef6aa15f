// The models that are known by name: the nine TorchScript files that OpenAI published, and all
// models that open_clip publishes on the Hugging Face Hub (data/models/catalog.tsv, part of the
// binary, and parsed when it is first asked for).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace clip {

struct Architecture;

// A file of OpenAI's.
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

// The addresses that a file of OpenAI's is at, in the order in which they are asked.
std::vector<std::string> addresses_of(const PublishedModel& model);

// A model of open_clip's.
struct CatalogModel {
  std::string architecture, tag;        // as open_clip writes them: "ViT-B-32", "laion2b_s34b_b79k"
  std::string repository;               // on the hub: "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
  std::string activation;               // "quick_gelu" or "gelu"
  std::string mean_std;                 // of pixels: "openai", "imagenet", "half" or "zero_one"
  std::string interpolation;            // "bicubic" or "bilinear"
  std::string resize;                   // "shortest" or "squash"
  std::optional<double> imagenet_top1;  // zero-shot, in percent, where it was published
  std::string licence;                  // empty where it is not known
  bool listed = false;                  // among those that most people choose from
  std::string cannot_run;               // why; empty where it can be run

  bool runs() const { return cannot_run.empty(); }
  std::string name() const { return architecture + "/" + tag; }

  // Null for models that cannot be run.
  const Architecture* dimensions() const;

  // OpenAI's own file of the same weights, or null.
  const PublishedModel* published() const;
};

const std::vector<CatalogModel>& catalog();

// By repository, in any case; where two models share one, the first. Null where there is none.
const CatalogModel* find_by_repository(const std::string& repository);

// The model that holds the same weights as a file of OpenAI's.
const CatalogModel& in_catalog(const PublishedModel& model);

// Four bytes a parameter: a weight file in float32, about.
std::int64_t bytes_of(const Architecture& architecture);

}  // namespace clip
