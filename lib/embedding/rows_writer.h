// A file of vectors that grows by rows, whatever its format (npy.h, faiss_index.h).
#pragma once

#include <cstdint>

namespace clip {

class RowsWriter {
 public:
  virtual ~RowsWriter() = default;

  // Appends `count` rows, [count, dim]. Throws Error where they cannot be written.
  virtual void write(const float* rows, std::int64_t count) = 0;
  // Fills in the header; all is on the disk then.
  virtual void finish() = 0;
};

}  // namespace clip
