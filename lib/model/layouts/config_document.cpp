#include "model/layouts/config_document.h"

#include <fmt/format.h>

#include <cmath>

#include "base/excerpt.h"
#include "clip/error.h"

namespace clip {

using Json = nlohmann::json;

ConfigObject::ConfigObject(const Checkpoint& checkpoint, const std::string& document)
    : where_(fmt::format("{}, the config of {}", document, checkpoint.path())) {
  const std::string_view text = checkpoint.documents().at(document);
  json_ = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (json_.is_discarded()) {
    throw Error(ErrorCode::kCorrupt, fmt::format("{}, is no valid JSON", where_));
  }
  if (!json_.is_object()) {
    throw Error(ErrorCode::kCorrupt, fmt::format("{}, is no JSON object", where_));
  }
}

bool ConfigObject::has(const std::string& key) const {
  const auto found = json_.find(key);
  return found != json_.end() && !found->is_null();
}

ConfigObject ConfigObject::object(const std::string& key) const {
  const std::string where = fmt::format("{}, {}", where_, key);
  if (!has(key)) return {where, Json::object()};
  if (!json_[key].is_object()) malformed(key, "an object");
  return {where, json_[key]};
}

bool ConfigObject::boolean(const std::string& key, bool otherwise) const {
  if (!has(key)) return otherwise;
  if (!json_[key].is_boolean()) malformed(key, "true or false");
  return json_[key].get<bool>();
}

std::int64_t ConfigObject::integer(const std::string& key, std::int64_t otherwise, std::int64_t min,
                                   std::int64_t max) const {
  if (!has(key)) return otherwise;
  const Json& value = json_[key];
  if (!value.is_number_integer() || value < min || value > max) {
    malformed(key, fmt::format("a whole number from {} to {}", min, max));
  }
  return value.get<std::int64_t>();
}

double ConfigObject::number(const std::string& key, double otherwise) const {
  if (!has(key)) return otherwise;
  if (!json_[key].is_number() || !std::isfinite(json_[key].get<double>())) {
    malformed(key, "a number");
  }
  return json_[key].get<double>();
}

std::string ConfigObject::text(const std::string& key, const std::string& otherwise) const {
  if (!has(key)) return otherwise;
  if (!json_[key].is_string()) malformed(key, "a string");
  return json_[key].get<std::string>();
}

std::vector<std::int64_t> ConfigObject::integers(const std::string& key, std::int64_t max) const {
  if (!has(key)) return {};
  const Json values = json_[key].is_array() ? json_[key] : Json::array({json_[key]});
  std::vector<std::int64_t> all;
  for (const Json& value : values) {
    if (!value.is_number_integer() || value < 0 || value > max || all.size() >= 8) {
      malformed(key, fmt::format("whole numbers from 0 to {}", max));
    }
    all.push_back(value.get<std::int64_t>());
  }
  return all;
}

std::array<float, 3> ConfigObject::channels(const std::string& key,
                                            const std::array<float, 3>& otherwise,
                                            bool positive) const {
  if (!has(key)) return otherwise;
  const Json& value = json_[key];
  const char* expected = positive ? "three positive numbers" : "three numbers";
  if (!value.is_array() || value.size() != 3) malformed(key, expected);
  std::array<float, 3> numbers{};
  for (std::size_t i = 0; i < 3; ++i) {
    if (!value[i].is_number()) malformed(key, expected);
    numbers[i] = value[i].get<float>();
    if (!std::isfinite(numbers[i]) || (positive && numbers[i] <= 0)) malformed(key, expected);
  }
  return numbers;
}

void ConfigObject::refuse(const std::string& key, const std::string& why) const {
  throw Error(ErrorCode::kUnsupported,
              fmt::format("{}: {} is {}, {}", where_, key,
                          excerpt(has(key) ? json_[key].dump(-1, ' ', true) : "missing"), why));
}

void ConfigObject::refuse_all(const std::map<std::string, const char*>& keys) const {
  for (const auto& [key, why] : keys) {
    if (!has(key)) continue;
    const Json& value = json_[key];
    if (value == false || value == 0) continue;
    refuse(key, why);
  }
}

void ConfigObject::malformed(const std::string& key, const std::string& expected) const {
  throw Error(ErrorCode::kCorrupt, fmt::format("{}: {} is {}, expected {}", where_, key,
                                               excerpt(json_[key].dump(-1, ' ', true)), expected));
}

}  // namespace clip
