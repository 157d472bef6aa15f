#include "checkpoint/formats.h"

#include <fmt/format.h>

#include <utility>

#include "base/file.h"
#include "checkpoint/folder.h"
#include "checkpoint/foreign.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/shards.h"
#include "checkpoint/torch_archive.h"
#include "clip/error.h"

namespace clip {
namespace {

std::unique_ptr<Checkpoint> open_mapped(std::shared_ptr<const MappedFile> file) {
  std::string names;
  for (const CheckpointFormat& format : checkpoint_formats()) {
    if (format.matches(file->bytes())) return format.open(std::move(file));
    names += fmt::format("{}{}", names.empty() ? "" : ", ", format.name);
  }
  const std::string& path = file->path();
  const std::string foreign = describe_foreign_file(file->bytes());
  if (!foreign.empty()) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{} is {}", path, foreign));
  }
  throw Error(ErrorCode::kUnsupported,
              fmt::format("{} is not a model file of a known format (supported: {})", path, names),
              Hint::kExportModel);
}

}  // namespace

const std::vector<CheckpointFormat>& checkpoint_formats() {
  static const std::vector<CheckpointFormat> formats = {
      // First: the length that such a file begins with may spell what other kinds begin with.
      {"safetensors", is_safetensors, open_safetensors},
      {"TorchScript and PyTorch state dicts", is_torch_archive, open_torch_archive},
  };
  return formats;
}

std::unique_ptr<Checkpoint> open_checkpoint_file(const std::string& path) {
  return open_mapped(std::make_shared<const MappedFile>(path));
}

std::unique_ptr<Checkpoint> open_checkpoint(const std::string& path) {
  const std::string weights = is_folder(path) ? find_weights(path) : path;
  auto file = std::make_shared<const MappedFile>(weights);
  const std::string_view bytes = file->bytes();
  const bool shards = !is_safetensors(bytes) && !is_torch_archive(bytes) && is_shard_index(bytes);
  auto checkpoint = shards ? open_shards(weights) : open_mapped(std::move(file));
  // An export with code of its own says itself what it is.
  if (!checkpoint->has_code()) read_documents_beside(weights, checkpoint.get());
  return checkpoint;
}

}  // namespace clip
