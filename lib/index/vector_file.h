// The file that an index keeps the vectors of one model in: a header of 64 bytes, then rows of
// float16 (vector_rows.h). It only grows; how many of its rows count is said by the database, which
// is told when they are on the disk. What stands behind them is what a crash left, and is written
// over. README.md has the format, byte by byte.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/mapped_file.h"
#include "index/vector_rows.h"

namespace clip {

// What a vector file says of itself. The database says the same, so that a file of another model or
// index, copied there by mistake, is an error and no wrong answer.
struct VectorFileId {
  std::int64_t dim = 0;
  std::string model;             // the model's identity, 64 hexadecimal digits
  std::uint64_t index = 0;       // a random number, the same in all files of an index
  std::uint64_t generation = 0;  // of the file: compaction makes another
};

// The CRC-32 of a row's bytes, padding and all: [row_stride(dim)].
std::uint32_t row_checksum(const std::uint16_t* row, std::int64_t dim);

// For writing. One process at a time has it, by the index's lock.
class VectorWriter {
 public:
  // A new file with no rows. Throws Error where it cannot be written.
  static VectorWriter create(const std::string& path, const VectorFileId& id);
  // One that is there. Throws Error for what is not the file of `id`, or has less than `rows` rows.
  static VectorWriter open(const std::string& path, const VectorFileId& id, std::int64_t rows);

  // Writes `count` rows, [count, dim] of float, as row `at` and those after it, and gives the
  // checksum of each. Nothing of it counts until sync() has returned.
  std::vector<std::uint32_t> write(std::int64_t at, const float* vectors, std::int64_t count);
  // Copies one row as it is, [row_stride(dim)].
  void write_row(std::int64_t at, const std::uint16_t* row);
  void sync();

 private:
  VectorWriter(std::string path, std::int64_t dim, Descriptor descriptor);
  void write_at(std::int64_t at, const void* data, std::size_t size);

  std::string path_;
  std::int64_t dim_;
  Descriptor descriptor_;
};

// For reading: mapped, never copied. A file that another process replaces stays as it was.
class VectorReader {
 public:
  // Throws Error (kNotFound) where there is no such file, and (kCorrupt) for what is not the file
  // of `id`, or has less than `rows` rows.
  VectorReader(const std::string& path, const VectorFileId& id, std::int64_t rows);

  const VectorRows& rows() const { return rows_; }

 private:
  std::unique_ptr<const MappedFile> file_;
  VectorRows rows_;
};

}  // namespace clip
