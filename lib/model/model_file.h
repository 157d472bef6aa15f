// A model on disk, opened and checked: the archive, its weights, and what they say the model is.
// Nothing in the file has been executed. Immutable; encoders keep it alive as long as they need it.
#pragma once

#include <string>

#include "model/archive.h"
#include "model/config.h"
#include "model/mapped_file.h"
#include "model/weights.h"

namespace clip {

class ModelFile {
 public:
  // Throws Error for whatever is wrong with the file: not an archive, cut short, a weight missing,
  // of the wrong shape, or holding NaN.
  explicit ModelFile(const std::string& path);

  const std::string& path() const { return file_.path(); }
  const MappedFile& file() const { return file_; }
  const Archive& archive() const { return archive_; }
  const Weights& weights() const { return weights_; }
  const ModelConfig& config() const { return config_; }

 private:
  MappedFile file_;
  Archive archive_;
  Weights weights_;
  ModelConfig config_;
};

}  // namespace clip
