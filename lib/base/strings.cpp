#include "base/strings.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace clip {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

}  // namespace

bool starts_with(std::string_view text, std::string_view begin) {
  return text.substr(0, begin.size()) == begin;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

std::string lower_ascii(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if ('A' <= c && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

std::string extension_of(std::string_view path) {
  const std::string_view name = base_name(path);
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? "" : lower_ascii(name.substr(dot + 1));
}

std::string_view without_byte_order_mark(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (starts_with(text, kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return text;
}

bool Lines::next(std::string_view* line) {
  if (rest_.empty()) return false;
  const std::size_t end = rest_.find('\n');
  *line = rest_.substr(0, end);
  rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
  if (!line->empty() && line->back() == '\r') line->remove_suffix(1);
  ++number_;
  return true;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Rows of the table of distances between beginnings of both: of the letter before the last one of
  // `a`, of the last one, and of this one.
  std::vector<std::size_t> earlier(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(earlier, last);
    std::swap(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({changed, row[j - 1] + 1, last[j] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], earlier[j - 2] + 1);
    }
  }
  return row.back();
}

std::string nearest_name(std::string_view wanted, const std::vector<std::string>& names) {
  const std::string lower = lower_ascii(wanted);
  const std::string* nearest = nullptr;
  std::size_t least = 0;
  for (const std::string& name : names) {
    // Two names are at least as far from each other as their lengths.
    const std::size_t longer = std::max(lower.size(), name.size());
    if (nearest != nullptr && longer - std::min(lower.size(), name.size()) >= least) continue;
    const std::size_t distance = edit_distance(lower, lower_ascii(name));
    if (nearest != nullptr && distance >= least) continue;
    nearest = &name;
    least = distance;
  }
  return nearest == nullptr ? "" : *nearest;
}

std::string similar_name(std::string_view wanted, const std::vector<std::string>& names) {
  const std::string lower = lower_ascii(wanted);
  std::vector<std::string> similar;
  for (const std::string& name : names) {
    const std::size_t allowed = std::max<std::size_t>(name.size() / 3, 1);
    const std::size_t longer = std::max(lower.size(), name.size());
    if (longer - std::min(lower.size(), name.size()) > allowed) continue;
    if (edit_distance(lower, lower_ascii(name)) <= allowed) similar.push_back(name);
  }
  return nearest_name(wanted, similar);
}

std::string hex_of(std::string_view bytes) {
  std::string digits;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    digits += kHexDigits[byte >> 4];
    digits += kHexDigits[byte & 15];
  }
  return digits;
}

std::string bytes_of_hex(std::string_view digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    const std::size_t high = kHexDigits.find(digits[i]), low = kHexDigits.find(digits[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) break;
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

}  // namespace clip
