// Which files of a repository make up a model: weights, in one file or in shards, and the JSON
// files that say what the weights do not. Nothing is opened here but indexes of shards.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clip {

struct WeightFile {
  const char* name;
  const char* index;   // of its shards, or null
  const char* config;  // the file that belongs to it
};

// In the order of preference: both towers in open_clip's layout, then Hugging Face's. In the
// repositories of timm, model.safetensors, pytorch_model.bin and config.json are an image tower
// alone, so that only open_clip's files count there.
std::vector<WeightFile> weight_files(std::string_view repository);

// JSON files that are read beside weights, wherever they are there.
const std::vector<std::string>& config_files();

// The shards that an index (model.safetensors.index.json) names, sorted, each once. Throws Error
// (kCorrupt) for what is no index, and for names that are not plain file names of weights: an index
// comes from outside, and its names become paths.
std::vector<std::string> shards_of(const std::string& json, const std::string& name);

// Whether a path or an address ends as weight files do: .pt, .pth, .bin, .safetensors, in any case.
bool has_model_extension(std::string_view path);

// Whether a folder holds a file of a model: weights, or one of config_files().
bool is_model_folder(const std::string& path);

}  // namespace clip
