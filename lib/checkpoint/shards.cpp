#include "checkpoint/shards.h"

#include <fmt/format.h>

#include <utility>

#include "base/file.h"
#include "base/sha256.h"
#include "base/strings.h"
#include "checkpoint/formats.h"
#include "checkpoint/model_files.h"
#include "clip/error.h"

namespace clip {
namespace {

constexpr std::size_t kMaxIndex = 16 << 20;  // bytes; that of the largest CLIP has 100 KiB

class Shards : public Checkpoint {
 public:
  Shards(const std::string& path, std::vector<std::unique_ptr<Checkpoint>> parts)
      : Checkpoint(path, all_files(parts)), parts_(std::move(parts)) {
    format_ = fmt::format("{}, {} files", parts_[0]->format(), parts_.size());
    for (const auto& part : parts_) {
      for (const auto& [name, tensor] : part->tensors()) {
        if (tensors_.emplace(name, tensor).second) continue;
        throw Error(ErrorCode::kCorrupt,
                    fmt::format("{}: the weight {} is in more than one of its files", path, name));
      }
    }
  }

  const char* format() const override { return format_.c_str(); }

  std::string content_digest(bool with_code) const override {
    std::string digests;
    for (const auto& part : parts_) digests += part->content_digest(with_code) + "\n";
    return sha256(digests);
  }

  Verified verify() const override {
    Verified all;
    for (const auto& part : parts_) {
      Verified verified = part->verify();
      const std::string file = part->path().substr(part->path().rfind('/') + 1);
      for (const std::string& name : verified.parts) all.parts.push_back(file + ": " + name);
      for (const std::string& name : verified.damaged) all.damaged.push_back(file + ": " + name);
    }
    return all;
  }

 private:
  static Files all_files(const std::vector<std::unique_ptr<Checkpoint>>& parts) {
    Files files;
    for (const auto& part : parts) {
      files.insert(files.end(), part->files().begin(), part->files().end());
    }
    return files;
  }

  std::vector<std::unique_ptr<Checkpoint>> parts_;
  std::string format_;
};

}  // namespace

bool is_shard_index(std::string_view bytes) {
  return !bytes.empty() && bytes.size() <= kMaxIndex &&
         bytes.substr(0, 64).find('{') != std::string_view::npos &&
         bytes.find("\"weight_map\"") != std::string_view::npos;
}

std::unique_ptr<Checkpoint> open_shards(const std::string& index_path) {
  const auto slash = index_path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : index_path.substr(0, slash);
  std::vector<std::unique_ptr<Checkpoint>> parts;
  const std::string index = read_file(index_path);
  if (index.size() > kMaxIndex) {
    throw Error(ErrorCode::kLimit,
                fmt::format("{} has more than {} bytes, too many for an index of a model's files",
                            index_path, kMaxIndex));
  }
  for (const auto& [file, names] : shards_of(index, index_path)) {
    const std::string path = joined_path(folder, file);
    if (!exists(path)) {
      throw Error(ErrorCode::kNotFound,
                  fmt::format("{} is missing, one of the files that {} names", path, index_path));
    }
    auto part = open_checkpoint_file(path);
    for (const std::string& name : names) {
      if (part->find(name) != nullptr) continue;
      throw Error(ErrorCode::kCorrupt, fmt::format("{} lacks the weight {}, which {} says it has",
                                                   path, name, index_path));
    }
    parts.push_back(std::move(part));
  }
  return std::make_unique<Shards>(index_path, std::move(parts));
}

}  // namespace clip
