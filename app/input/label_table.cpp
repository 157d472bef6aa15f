#include "input/label_table.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "base/strings.h"
#include "clip/error.h"
#include "input/csv_reader.h"
#include "input/line_reader.h"
#include "service/json.h"

namespace clip_cli {
namespace {

constexpr std::size_t kMaxLine = 4 << 20;  // bytes

using Labels = std::unordered_map<std::string, std::string>;

clip::Error corrupt(const std::string& name, std::size_t line, const std::string& why) {
  return clip::Error(clip::ErrorCode::kCorrupt, fmt::format("{}, line {}: {}", name, line, why));
}

void add(const std::string& name, std::size_t line, std::string image, std::string label,
         Labels* labels) {
  if (image.empty()) throw corrupt(name, line, "it names no image");
  if (label.empty()) throw corrupt(name, line, fmt::format("{} has no label", image));
  const auto [place, is_new] = labels->emplace(std::move(image), label);
  if (!is_new && place->second != label) {
    throw corrupt(
        name, line,
        fmt::format("{} has the label {}, and had {} before", place->first, label, place->second));
  }
}

Labels read_json_lines(const std::string& path, const std::string& encoding,
                       const clip::CancelToken* stop) {
  Labels labels;
  LineReader reader(path, '\n', stop, encoding);
  bool too_long = false;
  for (std::string line; reader.next(&line, kMaxLine, &too_long);) {
    if (line.empty()) continue;
    const auto fail = [&] {
      return corrupt(reader.name(), reader.number(),
                     "expected an object such as {\"image\": \"a.jpg\", \"label\": \"cat\"}");
    };
    clip::Json json;
    std::string image, label;
    try {
      if (!too_long) json = clip::parse_json(line);
      if (!json.is_object()) throw fail();
      if (json.contains("error")) continue;
      image = clip::name_in(json, "image");
      const clip::Json& value = json.at("label");
      label = value.is_number_integer() ? value.dump() : value.get<std::string>();
    } catch (const std::exception&) {
      throw fail();
    }
    add(reader.name(), reader.number(), std::move(image), std::move(label), &labels);
  }
  return labels;
}

Labels read_table(const std::string& path, const std::string& encoding,
                  const clip::CancelToken* stop) {
  Labels labels;
  CsvReader table(path, encoding, stop);
  const std::size_t image = table.column({"image", "filepath", "path", "filename"});
  const std::size_t label = table.column({"label", "class"});
  for (std::vector<std::string> fields; table.next(&fields);) {
    add(table.name(), table.line(), std::move(fields[image]), std::move(fields[label]), &labels);
  }
  return labels;
}

}  // namespace

Labels read_label_table(const std::string& path, const std::string& encoding,
                        const clip::CancelToken* stop) {
  const std::string extension = clip::extension_of(path);
  Labels labels = extension == "jsonl" || extension == "json"
                      ? read_json_lines(path, encoding, stop)
                      : read_table(path, encoding, stop);
  if (labels.empty()) {
    throw clip::Error(clip::ErrorCode::kCorrupt, fmt::format("{} has no labels in it", path));
  }
  return labels;
}

}  // namespace clip_cli
