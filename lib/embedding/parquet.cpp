#include "embedding/parquet.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <string_view>

#include "embedding/thrift_writer.h"

// Numbers are copied as they lie in memory.
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers in files are little-endian");

namespace clip {
namespace {

constexpr std::string_view kMagic = "PAR1";

// The numbers of parquet.thrift.
enum : int { kBooleanType = 0, kInt64Type = 2, kDoubleType = 5, kByteArrayType = 6 };
enum : int { kOptional = 1 };
enum : int { kUtf8Converted = 0 };
enum : int { kPlain = 0, kRle = 3 };
enum : int { kUncompressed = 0 };
enum : int { kDataPage = 0 };

// No page is larger: its size is an int32.
constexpr std::size_t kMaxPage = std::numeric_limits<std::int32_t>::max() - (1 << 20);

int number_of(ParquetType type) {
  switch (type) {
    case ParquetType::kBool:
      return kBooleanType;
    case ParquetType::kInt64:
      return kInt64Type;
    case ParquetType::kDouble:
      return kDoubleType;
    case ParquetType::kText:
      break;
  }
  return kByteArrayType;
}

template <typename T>
void append_number(std::string* text, T number) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &number, sizeof(T));
  text->append(bytes, sizeof(T));
}

// Eight to a byte, the first in the lowest bit.
std::string packed(const std::vector<bool>& bits) {
  std::string bytes((bits.size() + 7) / 8, '\0');
  for (std::size_t i = 0; i < bits.size(); ++i) {
    if (bits[i]) bytes[i / 8] = static_cast<char>(bytes[i / 8] | 1 << (i % 8));
  }
  return bytes;
}

// Definition levels, 1 for a value that is there: the hybrid of run lengths and packed bits, behind
// its size. One run where all are alike, as they mostly are.
std::string levels_of(const std::vector<bool>& present) {
  std::string levels;
  const bool alike =
      std::adjacent_find(present.begin(), present.end(), std::not_equal_to<>()) == present.end();
  if (alike) {
    append_varint(&levels, static_cast<std::uint64_t>(present.size()) << 1);
    levels += static_cast<char>(!present.empty() && present.front() ? 1 : 0);
  } else {
    append_varint(&levels, static_cast<std::uint64_t>((present.size() + 7) / 8) << 1 | 1);
    levels += packed(present);
  }
  std::string text;
  append_number(&text, static_cast<std::uint32_t>(levels.size()));
  return text + levels;
}

// PageHeader
std::string page_header(std::size_t bytes, std::int64_t rows) {
  ThriftWriter page;
  page.number(1, kDataPage);
  page.number(2, static_cast<std::int32_t>(bytes));
  page.number(3, static_cast<std::int32_t>(bytes));
  page.begin_struct(5);
  page.number(1, static_cast<std::int32_t>(rows));
  page.number(2, kPlain);
  page.number(3, kRle);
  page.number(4, kRle);
  page.end_struct();
  return page.finish();
}

}  // namespace

ParquetWriter::ParquetWriter(const std::string& path, std::vector<ParquetColumn> columns,
                             std::vector<std::pair<std::string, std::string>> facts,
                             std::size_t group_bytes)
    : path_(path),
      columns_(std::move(columns)),
      facts_(std::move(facts)),
      group_bytes_(std::min(group_bytes, kMaxPage / 2)),
      descriptor_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)),
      values_(columns_.size()) {
  if (!descriptor_.valid()) throw file_error("write", path_, errno);
  append(std::string(kMagic));
}

void ParquetWriter::append(const std::string& bytes) {
  if (!write_all(descriptor_.get(), bytes.data(), bytes.size())) {
    throw file_error("write", path_, errno);
  }
  size_ += bytes.size();
}

void ParquetWriter::write(const std::vector<ParquetValue>& row) {
  if (row.size() != columns_.size()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("a row of {} has {} values for {} columns",
                                                         path_, row.size(), columns_.size()));
  }
  const auto fits = [](const ParquetValue& value, ParquetType type) {
    switch (type) {
      case ParquetType::kBool:
        return std::holds_alternative<bool>(value);
      case ParquetType::kInt64:
        return std::holds_alternative<std::int64_t>(value);
      case ParquetType::kDouble:
        return std::holds_alternative<double>(value);
      case ParquetType::kText:
        break;
    }
    return std::holds_alternative<std::string>(value);
  };
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const bool missing = std::holds_alternative<std::monostate>(row[i]);
    if (!missing && !fits(row[i], columns_[i].type)) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("a value of the column {} of {} is of another type", columns_[i].name,
                              path_));
    }
    const auto* text = std::get_if<std::string>(&row[i]);
    bytes += 1 + (text != nullptr ? 4 + text->size() : 8);
  }
  if (bytes > kMaxPage / 2) {
    throw Error(ErrorCode::kLimit,
                fmt::format("a row of {} takes {} bytes, which no page can hold", path_, bytes));
  }
  if (waiting_ + bytes > group_bytes_) write_group();
  for (std::size_t i = 0; i < row.size(); ++i) {
    Values& values = values_[i];
    values.present.push_back(!std::holds_alternative<std::monostate>(row[i]));
    if (const auto* flag = std::get_if<bool>(&row[i])) {
      values.bits.push_back(*flag);
    } else if (const auto* whole = std::get_if<std::int64_t>(&row[i])) {
      append_number(&values.bytes, *whole);
    } else if (const auto* number = std::get_if<double>(&row[i])) {
      append_number(&values.bytes, *number);
    } else if (const auto* text = std::get_if<std::string>(&row[i])) {
      append_number(&values.bytes, static_cast<std::uint32_t>(text->size()));
      values.bytes += *text;
    }
  }
  waiting_ += bytes;
  ++group_rows_;
  ++rows_;
}

void ParquetWriter::write_group() {
  if (group_rows_ == 0) return;
  Group group;
  group.rows = group_rows_;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    Values& values = values_[i];
    const std::string levels = levels_of(values.present);
    const std::string bits = packed(values.bits);
    const std::string header =
        page_header(levels.size() + bits.size() + values.bytes.size(), group_rows_);
    Chunk chunk;
    chunk.offset = size_;
    append(header);
    append(levels);
    append(bits);
    append(values.bytes);
    chunk.bytes = size_ - chunk.offset;
    group.bytes += chunk.bytes;
    group.chunks.push_back(chunk);
    values = Values();
  }
  groups_.push_back(std::move(group));
  group_rows_ = 0;
  waiting_ = 0;
}

// FileMetaData
std::string ParquetWriter::footer() const {
  ThriftWriter file;
  file.number(1, std::int32_t{1});  // version
  file.begin_list(2, ThriftWriter::kStruct, columns_.size() + 1);
  file.begin_element();  // the root of the schema
  file.text(4, "schema");
  file.number(5, static_cast<std::int32_t>(columns_.size()));
  file.end_struct();
  for (const ParquetColumn& column : columns_) {
    file.begin_element();
    file.number(1, number_of(column.type));
    file.number(3, kOptional);
    file.text(4, column.name);
    if (column.type == ParquetType::kText) {
      file.number(6, kUtf8Converted);
      file.begin_struct(10);  // LogicalType
      file.begin_struct(1);   // STRING
      file.end_struct();
      file.end_struct();
    }
    file.end_struct();
  }
  file.number(3, rows_);
  file.begin_list(4, ThriftWriter::kStruct, groups_.size());
  for (const Group& group : groups_) {
    file.begin_element();
    file.begin_list(1, ThriftWriter::kStruct, columns_.size());
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const Chunk& chunk = group.chunks[i];
      const auto bytes = static_cast<std::int64_t>(chunk.bytes);
      file.begin_element();  // ColumnChunk
      file.number(2, static_cast<std::int64_t>(chunk.offset));
      file.begin_struct(3);  // ColumnMetaData
      file.number(1, number_of(columns_[i].type));
      file.begin_list(2, ThriftWriter::kInt32, 2);
      file.element(kPlain);
      file.element(kRle);
      file.begin_list(3, ThriftWriter::kBinary, 1);
      file.element(columns_[i].name);
      file.number(4, kUncompressed);
      file.number(5, group.rows);
      file.number(6, bytes);
      file.number(7, bytes);
      file.number(9, static_cast<std::int64_t>(chunk.offset));
      file.end_struct();
      file.end_struct();
    }
    file.number(2, static_cast<std::int64_t>(group.bytes));
    file.number(3, group.rows);
    file.end_struct();
  }
  if (!facts_.empty()) {
    file.begin_list(5, ThriftWriter::kStruct, facts_.size());
    for (const auto& [name, value] : facts_) {
      file.begin_element();
      file.text(1, name);
      file.text(2, value);
      file.end_struct();
    }
  }
  file.text(6, "clip-cli");
  return file.finish();
}

void ParquetWriter::finish() {
  write_group();
  std::string end = footer();
  append_number(&end, static_cast<std::uint32_t>(end.size()));
  append(end + std::string(kMagic));
  if (::fsync(descriptor_.get()) != 0) throw file_error("write", path_, errno);
}

}  // namespace clip
