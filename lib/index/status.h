// What is in an index.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "index/index.h"

namespace clip {

struct ModelStatus {
  IndexedModel model;
  std::uint64_t embedded = 0, failed = 0, missing = 0;  // files: with a vector, an error, neither
  std::uint64_t bytes = 0;                              // of the vector file
};

struct IndexStatus {
  std::uint64_t folders = 0;
  std::uint64_t images = 0;       // files that hold, or are called, images
  std::uint64_t other_files = 0;  // that are remembered as none
  std::uint64_t bytes = 0;        // of the database
  std::int64_t refreshed = 0;     // seconds since 1970; 0: never whole
  std::vector<std::string> exclude;
  bool archives = false;  // are read
  std::vector<ModelStatus> models;
};

IndexStatus status_of(Index* index);

// Calls `use` with the path, relative to the root, and the error of each file that failed, sorted
// by folder and name.
void for_each_failure(Index* index,
                      const std::function<void(const std::string&, const std::string&)>& use);

}  // namespace clip
