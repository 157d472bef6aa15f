#include "checkpoint/folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/strings.h"
#include "checkpoint/model_files.h"
#include "clip/error.h"

namespace clip {
namespace {

constexpr std::size_t kMaxDocument = 16 << 20;  // bytes

// Files that may be weights of other names, in order.
std::vector<std::string> other_weights(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename();
    if (has_model_extension(name)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::string find_weights(const std::string& folder) {
  for (const WeightFile& file : weight_files()) {
    for (const char* name : {file.name, file.index}) {
      std::string path = name == nullptr ? "" : joined_path(folder, name);
      if (!path.empty() && exists(path)) return path;
    }
  }
  const std::vector<std::string> others = other_weights(folder);
  if (others.size() == 1) return joined_path(folder, others[0]);
  std::string there = "nor any other file of weights";
  if (!others.empty()) {
    there =
        fmt::format("and several other files: {}; name one of them",
                    fmt::join(others.begin(),
                              others.begin() + std::min<std::ptrdiff_t>(
                                                   static_cast<std::ptrdiff_t>(others.size()), 5),
                              ", "));
  }
  throw Error(ErrorCode::kNotFound,
              fmt::format("the folder {} has no open_clip_model.safetensors, "
                          "open_clip_pytorch_model.bin, model.safetensors or pytorch_model.bin, {}",
                          folder, there));
}

void read_documents_beside(const std::string& path, Checkpoint* checkpoint) {
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  for (const std::string& name : config_files()) {
    const std::string document = joined_path(folder, name);
    if (!exists(document)) continue;
    std::error_code error;
    const auto size = std::filesystem::file_size(document, error);
    if (!error && size > kMaxDocument) {
      throw Error(ErrorCode::kLimit,
                  fmt::format("{} has more than {} bytes", document, kMaxDocument));
    }
    checkpoint->add_document(name, read_file(document));
  }
}

}  // namespace clip
