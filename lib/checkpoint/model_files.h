// Which files make up a model, in a folder or in a repository: weights, in one file or in shards,
// and the JSON documents that say what the weights do not. Nothing is opened here but indexes of
// shards.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace clip {

struct WeightFile {
  const char* name;
  const char* index;   // of its shards, or null
  const char* config;  // the document that belongs to it
  bool published;      // repositories on the hub have it; the rest is what people make themselves
};

// In the order of preference: both towers in open_clip's layout, then in Hugging Face's;
// safetensors before pickles.
const std::vector<WeightFile>& weight_files();

// Those that a repository on the hub may have. In the repositories of timm, model.safetensors,
// pytorch_model.bin and config.json are an image tower alone, so that only open_clip's files count
// there.
std::vector<WeightFile> weight_files_of(std::string_view repository);

// JSON documents that are read beside weights, wherever they are there.
const std::vector<std::string>& config_files();

// The files that an index of shards (model.safetensors.index.json) names, each with the tensors
// that it says are in it. `name`: the index, for messages. Throws Error (kCorrupt, kLimit) for what
// is no index, and for names that are no plain names of weight files: an index comes from outside,
// and its names become paths.
std::map<std::string, std::set<std::string>> shards_of(const std::string& json,
                                                       const std::string& name);

// Whether a path or an address ends as weight files do: .pt, .pth, .bin, .safetensors, in any case.
bool has_model_extension(std::string_view path);

// Whether a folder holds a file of a model: weights, or one of config_files().
bool is_model_folder(const std::string& path);

}  // namespace clip
