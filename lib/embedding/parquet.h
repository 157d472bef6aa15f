// Parquet files of flat columns, as DuckDB, Spark, pandas and Arrow read them: names and captions
// beside vectors. Only writing; the format is that of https://github.com/apache/parquet-format,
// with what every reader knows: data pages of version 1, PLAIN values, no compression, no
// dictionaries, no statistics. Every column may have missing values.
//
// A row group is written as soon as its values take so many bytes, and memory holds one at a time.
// Nothing can read the file before finish().
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/file.h"

namespace clip {

enum class ParquetType {
  kBool,    // BOOLEAN
  kInt64,   // INT64
  kDouble,  // DOUBLE
  kText,    // BYTE_ARRAY, a STRING: must be UTF-8
};

struct ParquetColumn {
  std::string name;  // UTF-8
  ParquetType type = ParquetType::kText;
};

// A value, of its column's type; std::monostate where it is missing.
using ParquetValue = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

class ParquetWriter {
 public:
  static constexpr std::size_t kGroupBytes = 16 << 20;

  // A new file, in place of what is there. `facts`: names and values that are kept with it, beside
  // the rows. Throws Error where it cannot be written.
  ParquetWriter(const std::string& path, std::vector<ParquetColumn> columns,
                std::vector<std::pair<std::string, std::string>> facts = {},
                std::size_t group_bytes = kGroupBytes);

  // One value a column. Throws Error (kInvalidArgument) for one of another type, and (kLimit) for
  // what no page can hold.
  void write(const std::vector<ParquetValue>& row);
  std::int64_t rows() const { return rows_; }

  // Writes what tells where everything is; all is on the disk then.
  void finish();

 private:
  // The values of a column that wait for their row group.
  struct Values {
    std::vector<bool> present;  // one a row
    std::vector<bool> bits;     // of kBool
    std::string bytes;          // of all other types, as they are written
  };
  // Where a column of a row group stands.
  struct Chunk {
    std::uint64_t offset = 0, bytes = 0;
  };
  struct Group {
    std::int64_t rows = 0;
    std::uint64_t bytes = 0;
    std::vector<Chunk> chunks;
  };

  void append(const std::string& bytes);
  void write_group();
  std::string footer() const;

  const std::string path_;
  const std::vector<ParquetColumn> columns_;
  const std::vector<std::pair<std::string, std::string>> facts_;
  const std::size_t group_bytes_;
  Descriptor descriptor_;
  std::uint64_t size_ = 0;  // bytes of the file
  std::int64_t rows_ = 0;
  std::int64_t group_rows_ = 0;  // that wait
  std::size_t waiting_ = 0;      // bytes that they take, about
  std::vector<Values> values_;
  std::vector<Group> groups_;
};

}  // namespace clip
