#include "run/metadata_columns.h"

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>

namespace clip_cli {
namespace {

constexpr int kMaxDepth = 8;  // of objects whose keys are columns; deeper ones are texts

using Visit = std::function<void(const std::string& name, const clip::Json& value)>;

void visit_object(const clip::Json& object, const std::string& prefix, int depth,
                  const Visit& visit) {
  for (const auto& [key, value] : object.items()) {
    const std::string name = prefix + key;
    // These are the samples' own; clip-retrieval leaves out keys of the same name.
    if (name == "image_path" || name == "image_path_hex" || name == "caption" ||
        name == "metadata") {
      continue;
    }
    if (value.is_object() && !value.empty() && depth < kMaxDepth) {
      visit_object(value, name + ".", depth + 1, visit);
    } else {
      visit(name, value);
    }
  }
}

// What a line says that becomes a column.
void visit_line(const clip::Json& line, const Visit& visit) {
  const auto field = [&](const char* key, const char* name) {
    const auto found = line.find(key);
    if (found != line.end()) visit(name, *found);
  };
  field("image", "image_path");
  field("image_hex", "image_path_hex");
  field("text", "caption");
  field("caption", "caption");
  const auto sample = line.find("json");
  const bool has_keys = sample != line.end() && sample->is_object();
  if (has_keys) visit_object(*sample, "", 0, visit);
  // What is no object has no keys of its own.
  if (!has_keys) field("json", "json");
  if (!has_keys || !sample->contains("class")) field("class", "class");
}

bool is_whole(const clip::Json& value) {
  if (value.is_number_unsigned()) {
    return value.get<std::uint64_t>() <=
           static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  }
  return value.is_number_integer();
}

clip::ParquetType type_of(const clip::Json& value) {
  if (value.is_boolean()) return clip::ParquetType::kBool;
  if (is_whole(value)) return clip::ParquetType::kInt64;
  if (value.is_number()) return clip::ParquetType::kDouble;
  return clip::ParquetType::kText;
}

clip::ParquetType common_type(clip::ParquetType a, clip::ParquetType b) {
  const auto is_number = [](clip::ParquetType type) {
    return type == clip::ParquetType::kInt64 || type == clip::ParquetType::kDouble;
  };
  if (a == b) return a;
  return is_number(a) && is_number(b) ? clip::ParquetType::kDouble : clip::ParquetType::kText;
}

clip::ParquetValue value_of(const clip::Json& value, clip::ParquetType type) {
  if (value.is_null()) return {};
  switch (type) {
    case clip::ParquetType::kBool:
      return value.get<bool>();
    case clip::ParquetType::kInt64:
      return value.get<std::int64_t>();
    case clip::ParquetType::kDouble:
      return value.get<double>();
    case clip::ParquetType::kText:
      break;
  }
  return value.is_string() ? value.get<std::string>() : clip::json_text(value);
}

}  // namespace

void MetadataColumns::add(const clip::Json& line) {
  visit_line(line, [&](const std::string& name, const clip::Json& value) {
    auto found = places_.find(name);
    if (found == places_.end()) {
      if (columns_.size() == kMaxColumns) {
        ++left_out_;
        return;
      }
      found = places_.emplace(name, columns_.size()).first;
      columns_.push_back({name, clip::ParquetType::kText});
      typed_.push_back(false);
    }
    if (value.is_null()) return;
    clip::ParquetColumn& column = columns_[found->second];
    column.type = typed_[found->second] ? common_type(column.type, type_of(value)) : type_of(value);
    typed_[found->second] = true;
  });
}

std::vector<clip::ParquetValue> MetadataColumns::row(const clip::Json& line) const {
  std::vector<clip::ParquetValue> row(columns_.size());
  visit_line(line, [&](const std::string& name, const clip::Json& value) {
    const auto found = places_.find(name);
    if (found == places_.end()) return;
    row[found->second] = value_of(value, columns_[found->second].type);
  });
  return row;
}

}  // namespace clip_cli
