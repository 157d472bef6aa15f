#include "archive/pax_records.h"

#include <charconv>

#include "base/strings.h"

namespace clip {
namespace {

// All of the text as a decimal number.
bool parse(std::string_view text, std::uint64_t* number) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, *number);
  return !text.empty() && error == std::errc() && stop == end;
}

// The next record; false where there is none.
bool next_record(std::string_view* records, std::string_view* key, std::string_view* value) {
  const std::size_t blank = records->find(' ');
  std::uint64_t length = 0;
  if (blank == std::string_view::npos || !parse(records->substr(0, blank), &length)) return false;
  if (length <= blank + 1 || length > records->size() || (*records)[length - 1] != '\n') {
    return false;
  }
  const std::string_view record = records->substr(blank + 1, length - blank - 2);
  const std::size_t equals = record.find('=');
  if (equals == std::string_view::npos || equals == 0) return false;
  *key = record.substr(0, equals);
  *value = record.substr(equals + 1);
  records->remove_prefix(length);
  return true;
}

// An empty value takes back what was said before.
std::optional<std::string> text_of(std::string_view value) {
  value = value.substr(0, value.find('\0'));
  if (value.empty()) return std::nullopt;
  return std::string(value);
}

}  // namespace

bool PaxRecords::add(std::string_view records) {
  PaxRecords changed = *this;
  std::string_view key, value;
  while (!records.empty()) {
    // Some programs fill the header's last block with NULs and count them.
    if (records.find_first_not_of('\0') == std::string_view::npos) break;
    if (!next_record(&records, &key, &value)) return false;
    std::uint64_t number = 0;
    if (key == "path") {
      changed.path = text_of(value);
    } else if (key == "linkpath") {
      changed.link = text_of(value);
    } else if (key == "size") {
      if (!parse(value, &number) || number >> 63 != 0) return false;
      changed.size = number;
    } else if (starts_with(key, "GNU.sparse.")) {
      changed.is_sparse = true;
      if (key == "GNU.sparse.name") changed.sparse_name = text_of(value);
    }
  }
  *this = changed;
  return true;
}

PaxRecords PaxRecords::over(const PaxRecords& below) const {
  PaxRecords both = *this;
  if (!both.path) both.path = below.path;
  if (!both.link) both.link = below.link;
  if (!both.size) both.size = below.size;
  if (!both.sparse_name) both.sparse_name = below.sparse_name;
  both.is_sparse = both.is_sparse || below.is_sparse;
  return both;
}

}  // namespace clip
