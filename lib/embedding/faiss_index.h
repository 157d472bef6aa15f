// The index files of FAISS that hold vectors as they are: IndexFlatIP, which searches all of them
// for the greatest inner product. faiss.read_index reads them; faiss/impl/index_write.cpp
// (write_index_header, and its IndexFlat) has the format:
//
//   bytes  0-3    "IxFI"
//          4-7    int32: numbers of a vector
//          8-15   int64: vectors
//         16-31   int64, twice: 1 << 20, which mean nothing
//         32      uint8: 1, trained
//         33-36   int32: 0, the metric inner product
//         37-44   uint64: numbers of all vectors
//         45-     float32: the vectors, one after the other
//
// All numbers are little-endian. Until a file is finished, its header says that it is empty.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "embedding/rows_writer.h"

namespace clip {

struct FaissHeader {
  std::int64_t dim = 0, rows = 0;
};

// Of a file that begins with `bytes`. Throws Error, whose message names no file, for what is no
// IndexFlatIP.
FaissHeader parse_faiss_header(std::string_view bytes);

class FaissWriter : public RowsWriter {
 public:
  static constexpr std::int64_t kHeaderBytes = 45;

  // A new file without vectors, in place of what is there. Throws Error (kLimit) for a dimension
  // that the format cannot hold.
  static FaissWriter create(const std::string& path, std::int64_t dim);
  // One that create() made: its first `rows` vectors stay, all behind them is cut off. Throws Error
  // where it is of another dimension, or has fewer.
  static FaissWriter open(const std::string& path, std::int64_t dim, std::int64_t rows);

  // Whole vectors that a file of that size has, whatever its header says.
  static std::int64_t rows_in(std::uint64_t bytes, std::int64_t dim);

  void write(const float* rows, std::int64_t count) override;
  void finish() override;

 private:
  FaissWriter(std::string path, std::int64_t dim, Descriptor descriptor)
      : path_(std::move(path)), dim_(dim), descriptor_(std::move(descriptor)) {}
  void write_at(std::uint64_t offset, const void* data, std::size_t size);

  std::string path_;
  std::int64_t dim_;
  Descriptor descriptor_;
  std::int64_t rows_ = 0;
};

}  // namespace clip
