#include "model/model_file.h"

namespace clip {

ModelFile::ModelFile(const std::string& path)
    : file_(path),
      archive_(file_),
      weights_(archive_),
      config_(read_config(weights_, read_export_metadata(archive_))) {
  weights_.check_numbers();
}

}  // namespace clip
