#include "options/index_options.h"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>

#include "base/file.h"
#include "clip/error.h"

namespace clip_cli {
namespace {

IndexedFolder found(const std::string& named, const std::string& real, bool here) {
  IndexedFolder folder;
  folder.named = named;
  const std::string data = clip::index_data_folder();
  const auto place = clip::find_index(real, data);
  // An index beside the images is asked for in this very folder, whatever lies above.
  const bool suits = place && (!here || (place->beside && place->root == real));
  folder.is_there = suits;
  folder.place = suits ? *place : clip::place_of(real, data, here);
  folder.sub = clip::relative_to(folder.place.root, real);
  return folder;
}

}  // namespace

IndexedFolder indexed_folder(const std::string& named, bool here) {
  const std::string real = clip::real_path(named);
  if (real.empty()) throw clip::file_error("use the folder", named, errno);
  if (!clip::is_folder(real)) {
    throw clip::Error(clip::ErrorCode::kInvalidArgument,
                      fmt::format("cannot use {}: it is not a folder", named));
  }
  return found(named, real, here);
}

IndexedFolder known_folder(const std::string& named) {
  std::string real = clip::real_path(named);
  if (real.empty()) {
    real = std::filesystem::absolute(named).lexically_normal().string();
    if (real.size() > 1 && real.back() == '/') real.pop_back();
  }
  return found(named, real, false);
}

std::string shown_path(const IndexedFolder& folder, const std::string& path) {
  const std::string below = clip::relative_to(folder.sub, path);
  const std::string inside = folder.sub.empty() ? path : below;
  return folder.named == "." ? inside : clip::joined_path(folder.named, inside);
}

}  // namespace clip_cli
