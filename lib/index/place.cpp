#include "index/place.h"

#include <cstdlib>

#include "base/file.h"
#include "base/home_folder.h"
#include "base/sha256.h"
#include "base/strings.h"

namespace clip {
namespace {

constexpr const char* kDatabase = "index.sqlite";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

}  // namespace

std::string index_data_folder() {
  // The specification has relative paths ignored.
  const std::string data = variable("XDG_DATA_HOME");
  if (!data.empty() && data.front() == '/') return data + "/clip-cli/indexes";
  const std::string home = home_folder();
  return (home.empty() ? "." : home) + "/.local/share/clip-cli/indexes";
}

std::string database_path(const IndexPlace& place) {
  return joined_path(place.folder, kDatabase);
}

IndexPlace place_of(const std::string& root, const std::string& data, bool beside) {
  IndexPlace place;
  place.root = root;
  place.beside = beside;
  place.folder =
      beside ? joined_path(root, kBesideFolder) : joined_path(data, sha256(root).substr(0, 16));
  return place;
}

std::optional<IndexPlace> find_index(const std::string& folder, const std::string& data) {
  for (std::string root = folder;; root = parent_of(root)) {
    for (const bool beside : {true, false}) {
      IndexPlace place = place_of(root, data, beside);
      if (exists(database_path(place))) return place;
    }
    if (root == "/" || root.empty()) return std::nullopt;
  }
}

std::string relative_to(const std::string& root, const std::string& folder) {
  if (folder == root) return "";
  const std::string prefix = root == "/" ? root : root + '/';
  return starts_with(folder, prefix) ? folder.substr(prefix.size()) : folder;
}

}  // namespace clip
