#include "checkpoint/formats.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "checkpoint/torchscript.h"
#include "clip/error.h"

namespace clip {

const std::vector<CheckpointFormat>& checkpoint_formats() {
  static const std::vector<CheckpointFormat> formats = {
      {"TorchScript", is_torchscript, open_torchscript},
  };
  return formats;
}

std::unique_ptr<Checkpoint> open_checkpoint(const std::string& path) {
  auto file = std::make_shared<const MappedFile>(path);
  std::string names;
  for (const CheckpointFormat& format : checkpoint_formats()) {
    if (format.matches(file->bytes())) return format.open(std::move(file));
    names += fmt::format("{}{}", names.empty() ? "" : ", ", format.name);
  }
  throw Error(ErrorCode::kUnsupported,
              fmt::format("{} is not a model file of a known format (supported: {}); a TorchScript "
                          "archive begins as a zip file",
                          path, names),
              Hint::kExportModel);
}

}  // namespace clip
