// The rows of an .npy file of vectors (npy.h), mapped and read where they lie.
#pragma once

#include <cstdint>
#include <string>

#include "base/mapped_file.h"
#include "embedding/npy.h"

namespace clip {

class NpyRows {
 public:
  // Throws Error naming the file, as read_npy does.
  explicit NpyRows(const std::string& path);

  const std::string& path() const { return file_.path(); }
  std::int64_t count() const { return header_.rows; }
  std::int64_t dim() const { return header_.dim; }

  // `count` rows from `first` on, as float: [count, dim]. They must be there. By any thread.
  void read(std::int64_t first, std::int64_t count, float* to) const;

 private:
  const MappedFile file_;
  NpyHeader header_;
};

}  // namespace clip
