// Puts vectors that were made elsewhere into an index, as if it had embedded the images itself: a
// refresh then finds nothing to do. Images are not decoded. Of each file no more is read than what
// tells it from others (content_key.h), so that the index knows it again where it is renamed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "clip/model.h"
#include "index/content_key.h"
#include "index/index.h"

namespace clip {

struct ImportReport {
  std::uint64_t added = 0;    // images whose vectors are in the index now
  std::uint64_t known = 0;    // that it had vectors of
  std::uint64_t missing = 0;  // that are not there
  std::uint64_t newer = 0;    // that were changed after the vectors were made
};

class Importer {
 public:
  // How far from 1 the length of a vector of float16 may be, and more than that.
  static constexpr double kMaxNormError = 0.01;

  // `index`: open for writing. `made_nsec`: when the vectors were made, nanoseconds since 1970.
  // Throws Error where the index has vectors of the model of another dimension.
  Importer(Index* index, const Model& model, std::int64_t dim, std::int64_t made_nsec);

  // The file with that path, relative to the index's root, and its vector, [dim]. Gives what is
  // wrong with them; then nothing is noted. Throws Error where the index fails.
  std::optional<Error> add(const std::string& path, const float* vector);

  // What was added is in the index, and stays.
  void commit();

  const ImportReport& report() const { return report_; }

 private:
  struct File {
    std::string folder, name;  // relative to the root
    FileState state;
    std::string key;
    std::vector<float> vector;
  };
  std::int64_t folder_id(const std::string& path);

  Index* const index_;
  IndexedModel model_;
  const std::int64_t made_nsec_;
  ImportReport report_;
  std::vector<File> waiting_;
  std::unordered_map<std::string, std::int64_t> folders_;  // ids, by path
};

}  // namespace clip
