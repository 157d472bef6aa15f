// The folder that OpenAI's model files are kept in, under the names that its Python package gives
// them.
#pragma once

#include <string>
#include <utility>

#include "hub/catalog.h"

namespace clip {

class ModelStore {
 public:
  explicit ModelStore(std::string folder) : folder_(std::move(folder)) {}

  const std::string& folder() const { return folder_; }
  std::string path(const PublishedModel& model) const;  // whether the file is there or not
  bool has(const PublishedModel& model) const;          // by its name; verify_file looks inside

 private:
  std::string folder_;
};

// Throws Error naming both digests when the file's SHA-256 is not the one expected.
void verify_file(const std::string& path, const std::string& sha256);

}  // namespace clip
