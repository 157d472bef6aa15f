#include "options/table_name.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "usage_error.h"

namespace clip_cli {
namespace {

constexpr std::size_t kMaxBytes = 63;  // of a name; PostgreSQL cuts longer ones (NAMEDATALEN)

}  // namespace

void check_column_name(const std::string& name) {
  if (name.empty() || name.size() > kMaxBytes || !clip::is_utf8(name) ||
      name.find('\0') != std::string::npos) {
    throw UsageError(fmt::format("`{}` is no name in a database: one has 1 to {} bytes of UTF-8",
                                 name, kMaxBytes));
  }
}

std::vector<std::string> table_parts(const std::string& name) {
  std::vector<std::string> parts;
  std::string part;
  bool in_quotes = false, was_quoted = false;
  const auto fail = [&] {
    return UsageError(fmt::format(
        "`{}` is no table's name: write NAME or SCHEMA.NAME, what is odd in double quotes", name));
  };
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (in_quotes) {
      if (c != '"') {
        part += c;
      } else if (i + 1 < name.size() && name[i + 1] == '"') {
        part += '"';
        ++i;
      } else {
        in_quotes = false;
      }
    } else if (c == '"') {
      if (!part.empty() || was_quoted) throw fail();
      in_quotes = was_quoted = true;
    } else if (c == '.') {
      parts.push_back(part);
      part.clear();
      was_quoted = false;
    } else {
      if (was_quoted) throw fail();
      part += c;
    }
  }
  if (in_quotes) throw fail();
  parts.push_back(part);
  if (parts.size() > 2) throw fail();
  for (const std::string& each : parts) check_column_name(each);
  return parts;
}

std::string quoted(const std::string& part) {
  std::string text = "\"";
  for (const char c : part) {
    if (c == '"') text += '"';
    text += c;
  }
  return text + '"';
}

std::string quoted(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += '.';
    text += quoted(part);
  }
  return text;
}

}  // namespace clip_cli
