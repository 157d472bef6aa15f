#include "hub/store.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "clip/error.h"

namespace clip {

std::string ModelStore::path(const PublishedModel& model) const {
  return joined_path(folder_, model.file);
}

bool ModelStore::has(const PublishedModel& model) const {
  return is_regular_file(path(model));
}

void verify_file(const std::string& path, const std::string& expected) {
  const MappedFile file(path);
  const std::string found = sha256(file.bytes());
  if (found != expected) {
    throw Error(ErrorCode::kCorrupt,
                fmt::format("{} is not the published file: its SHA-256 is {}, expected {}", path,
                            found, expected));
  }
}

}  // namespace clip
