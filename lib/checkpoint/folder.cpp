#include "checkpoint/folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/strings.h"
#include "clip/error.h"

namespace clip {
namespace {

constexpr const char* kDocuments[] = {"open_clip_config.json", "config.json",
                                      "preprocessor_config.json", "processor_config.json"};
constexpr std::size_t kMaxDocument = 16 << 20;  // bytes

bool has_weight_extension(const std::string& name) {
  for (const char* extension : {"safetensors", "bin", "pt", "pth"}) {
    if (extension_of(name) == extension) return true;
  }
  return false;
}

// Files that may be weights of other names, in order.
std::vector<std::string> other_weights(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename();
    if (has_weight_extension(name)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

const std::vector<std::string>& weight_file_names() {
  static const std::vector<std::string> names = {
      "open_clip_model.safetensors",
      "open_clip_model.safetensors.index.json",
      "open_clip_pytorch_model.safetensors",
      "open_clip_pytorch_model.bin",
      "open_clip_pytorch_model.bin.index.json",
      "open_clip_pytorch_model.pth",
      "model.safetensors",
      "model.safetensors.index.json",
      "pytorch_model.bin",
      "pytorch_model.bin.index.json",
      "pytorch_model.pth",
  };
  return names;
}

std::string find_weights(const std::string& folder) {
  for (const std::string& name : weight_file_names()) {
    std::string path = joined_path(folder, name);
    if (exists(path)) return path;
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
  for (const char* name : kDocuments) {
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
