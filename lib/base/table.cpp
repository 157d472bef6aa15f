#include "base/table.h"

#include <fmt/format.h>

#include <charconv>

#include "base/strings.h"
#include "clip/error.h"

namespace clip {
namespace {

std::vector<std::string> parts_of(std::string_view line, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = line.find(separator);
    parts.emplace_back(line.substr(0, end));
    if (end == std::string_view::npos) return parts;
    line.remove_prefix(end + 1);
  }
}

}  // namespace

std::vector<std::vector<std::string>> table_rows(const EmbeddedFile* begin, const EmbeddedFile* end,
                                                 std::string_view name, std::size_t columns) {
  const EmbeddedFile* file = begin;
  while (file != end && name != file->name) ++file;
  if (file == end) throw Error(ErrorCode::kInternal, fmt::format("the table {} is missing", name));
  std::vector<std::vector<std::string>> rows;
  Lines lines(file->bytes());
  for (std::string_view line; lines.next(&line);) {
    if (line.empty() || line.front() == '#') continue;
    rows.push_back(parts_of(line, '\t'));
    if (rows.back().size() != columns) {
      throw Error(ErrorCode::kInternal,
                  fmt::format("the table {}, line {}: {} columns, expected {}", name,
                              lines.number(), rows.back().size(), columns));
    }
  }
  return rows;
}

std::int64_t table_number(const std::string& text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    throw Error(ErrorCode::kInternal, fmt::format("'{}' in a table is no number", text));
  }
  return number;
}

std::vector<std::int64_t> table_numbers(const std::string& text) {
  std::vector<std::int64_t> numbers;
  for (const std::string& part : parts_of(text, ',')) numbers.push_back(table_number(part));
  return numbers;
}

}  // namespace clip
