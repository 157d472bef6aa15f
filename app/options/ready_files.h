// The files of ready weights (nn/ready_weights.h) in this user's cache folder.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "clip/model.h"

namespace clip_cli {

// "ready" in the cache folder (options/cache_folder.h); empty where there is none.
std::string ready_folder();

struct ReadyFile {
  std::string path;
  std::string model;      // where the model lay
  std::string precision;  // "fp32", ...
  std::string tower;      // "image" or "text"
  std::string identity;   // the model's
  std::uint64_t bytes = 0;
};

// All of them, in the order of their names. Files that are none, or damaged, are left out.
std::vector<ReadyFile> ready_files();

// Deletes those of a model, by its identity or by where it lay; gives the paths. Throws clip::Error
// where one cannot be deleted.
std::vector<std::string> remove_ready_files(const std::string& identity, const std::string& model);

}  // namespace clip_cli
