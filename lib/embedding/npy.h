// NumPy's .npy files of vectors, one a row: what numpy.save writes and numpy.load reads.
//
// Read are versions 1.0 and 2.0, with little-endian floats of 16, 32 or 64 bits ('<f2', '<f4',
// '<f8') in C order, in one dimension (a single vector) or two. All else is an Error that says what
// the file holds; every number in its header is a claim, which is checked before memory is taken.
//
// Written is version 1.0 with a header of 128 bytes, whatever the number of rows: it is filled in
// at the end. Until then the header says that there are none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "clip/embeddings.h"
#include "embedding/rows_writer.h"

namespace clip {

enum class NpyType { kFloat16, kFloat32, kFloat64 };

struct NpyHeader {
  NpyType type = NpyType::kFloat32;
  int dimensions = 2;        // 1 or 2
  std::int64_t rows = 0;     // 1 where there is one dimension
  std::int64_t dim = 0;      // numbers of a row
  std::uint64_t offset = 0;  // of the first row, bytes
};

// Of a file that begins with `bytes`. Throws Error, whose message names no file, for what is no
// .npy file (kCorrupt), and for one that is of another kind (kUnsupported).
NpyHeader parse_npy_header(std::string_view bytes);

// Throws Error, whose message names no file, where a file of `bytes` bytes is shorter or longer
// than its header says, or has vectors without numbers.
void check_npy_size(const NpyHeader& header, std::uint64_t bytes);

std::int64_t size_of(NpyType type);  // bytes of a number

// `count` numbers, at any address, as float.
void widen_numbers(const char* from, NpyType type, std::size_t count, float* to);

// A file whose rows are read in blocks, as float: one that need not fit into memory.
class NpyReader {
 public:
  // Throws Error naming the file, also when it is shorter or longer than its header says.
  explicit NpyReader(const std::string& path);

  NpyType type() const { return header_.type; }
  std::int64_t rows() const { return header_.rows; }
  std::int64_t dim() const { return header_.dim; }  // at least 1

  // `count` rows from row `first` on, all of which must be there, into [count, dim].
  void read(std::int64_t first, std::int64_t count, float* rows) const;

 private:
  std::string path_;
  Descriptor descriptor_;
  NpyHeader header_;
};

// All rows of a file, as float. Throws as NpyReader does.
Embeddings read_npy(const std::string& path);

// The header of such a file as NpyWriter writes it: NpyWriter::kHeaderBytes of it.
std::string npy_header(NpyType type, std::int64_t rows, std::int64_t dim);

class NpyWriter : public RowsWriter {
 public:
  static constexpr std::int64_t kHeaderBytes = 128;

  // A new file without rows, in place of what is there. `type`: float16 or float32.
  static NpyWriter create(const std::string& path, NpyType type, std::int64_t dim);
  // One that create() made: its first `rows` rows stay, all behind them is cut off. Throws Error
  // where it is of another type or dimension, or has fewer rows.
  static NpyWriter open(const std::string& path, NpyType type, std::int64_t dim, std::int64_t rows);

  // Whole rows that a file of that size has, whatever its header says.
  static std::int64_t rows_in(std::uint64_t bytes, NpyType type, std::int64_t dim);

  void write(const float* rows, std::int64_t count) override;
  std::int64_t rows() const { return rows_; }
  void finish() override;

 private:
  NpyWriter(std::string path, NpyType type, std::int64_t dim, Descriptor descriptor)
      : path_(std::move(path)), type_(type), dim_(dim), descriptor_(std::move(descriptor)) {}
  void write_at(std::uint64_t offset, const void* data, std::size_t size);

  std::string path_;
  NpyType type_;
  std::int64_t dim_;
  Descriptor descriptor_;
  std::int64_t rows_ = 0;
};

}  // namespace clip
