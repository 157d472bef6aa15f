// The folder that model files are kept in, under the names that OpenAI's Python package gives them,
// and how people name models.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "hub/catalog.h"

namespace clip {

// The published model that is meant: OpenAI's spelling, or any other that differs in case and
// separators alone ("vit-b-32"), or the file's name. Null when there is none.
const PublishedModel* find_by_name(const std::string& name);

// Of all published models, as OpenAI writes them.
std::vector<std::string> published_names();

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
