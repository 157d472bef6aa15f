#include "input/csv_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "base/strings.h"
#include "clip/error.h"

namespace clip_cli {
namespace {

constexpr std::size_t kMaxRecord = 4 << 20;  // bytes

clip::Error corrupt(const std::string& name, std::size_t line, const std::string& why) {
  return clip::Error(clip::ErrorCode::kCorrupt, fmt::format("{}, line {}: {}", name, line, why));
}

}  // namespace

CsvReader::CsvReader(const std::string& path, const std::string& encoding,
                     const clip::CancelToken* stop)
    : reader_(path, '\n', stop, encoding) {
  std::string line;
  if (!take_line(&line)) {
    throw clip::Error(
        clip::ErrorCode::kCorrupt,
        fmt::format("{} is empty; its first line should name its columns", reader_.name()));
  }
  if (line.find('\t') != std::string::npos) separator_ = '\t';
  std::size_t at = 0;
  for (;;) {  // no names with line breaks
    const std::size_t end = line.find(separator_, at);
    std::string name(clip::trimmed(std::string_view(line).substr(at, end - at)));
    if (name.size() >= 2 && name.front() == '"' && name.back() == '"') {
      name = name.substr(1, name.size() - 2);
    }
    header_.push_back(std::move(name));
    if (end == std::string::npos) break;
    at = end + 1;
  }
}

std::size_t CsvReader::column(std::initializer_list<const char*> names) const {
  for (const char* name : names) {
    for (std::size_t i = 0; i < header_.size(); ++i) {
      if (clip::lower_ascii(header_[i]) == name) return i;
    }
  }
  throw clip::Error(
      clip::ErrorCode::kCorrupt,
      fmt::format("{} has no column {}; its first line should name its columns, and "
                  "has: {}",
                  reader_.name(), fmt::join(names, " or "), fmt::join(header_, ", ")));
}

bool CsvReader::take_line(std::string* line) {
  bool too_long = false;
  if (!reader_.next(line, kMaxRecord, &too_long)) return false;
  if (too_long) throw corrupt(reader_.name(), reader_.number(), "it is longer than 4 MiB");
  reader_.check_text(*line);
  return true;
}

bool CsvReader::next(std::vector<std::string>* fields) {
  if (!read_record(fields)) return false;
  if (fields->size() != header_.size()) {
    throw corrupt(reader_.name(), line_,
                  fmt::format("it has {} fields, and the first line names {}", fields->size(),
                              header_.size()));
  }
  return true;
}

bool CsvReader::read_record(std::vector<std::string>* fields) {
  fields->clear();
  std::string line;
  do {
    if (!take_line(&line)) return false;
  } while (line.empty());
  line_ = reader_.number();
  std::size_t at = 0, size = line.size();
  for (;;) {
    std::string field;
    if (at < line.size() && line[at] == '"') {
      ++at;
      for (;;) {
        const std::size_t quote = line.find('"', at);
        field.append(line, at, quote - at);
        if (quote == std::string::npos) {
          std::string more;
          if (!take_line(&more)) throw corrupt(reader_.name(), line_, "a quote has no end");
          size += more.size() + 1;
          if (size > kMaxRecord) throw corrupt(reader_.name(), line_, "it is longer than 4 MiB");
          field += '\n';
          line = std::move(more);
          at = 0;
          continue;
        }
        at = quote + 1;
        if (at == line.size() || line[at] != '"') break;
        field += '"';
        ++at;
      }
      if (at < line.size() && line[at] != separator_) {
        throw corrupt(reader_.name(), line_, "behind a quoted field comes no separator");
      }
    } else {
      const std::size_t end = line.find(separator_, at);
      field = line.substr(at, end - at);
      at = end == std::string::npos ? line.size() : end;
    }
    fields->push_back(std::move(field));
    if (at == line.size()) return true;
    ++at;
  }
}

}  // namespace clip_cli
