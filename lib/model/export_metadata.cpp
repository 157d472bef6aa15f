#include "model/export_metadata.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "error.h"

namespace clip {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kFormat = 1;

void read(const Json& json, const char* key, std::int64_t most, std::optional<std::int64_t>* out) {
  if (!json.contains(key)) return;
  const Json& value = json[key];
  if (!value.is_number_integer() || value < 0 || value > most) {
    throw Error(
        fmt::format("{} is {}, expected a whole number from 0 to {}", key, value.dump(), most));
  }
  *out = value.get<std::int64_t>();
}

void read(const Json& json, const char* key, std::initializer_list<const char*> allowed,
          std::optional<std::string>* out) {
  if (!json.contains(key)) return;
  const Json& value = json[key];
  if (!value.is_string()) {
    throw Error(fmt::format("{} is {}, expected a string", key, value.dump()));
  }
  *out = value.get<std::string>();
  if (allowed.size() == 0) return;
  for (const char* choice : allowed) {
    if (**out == choice) return;
  }
  throw Error(fmt::format("{} is {}, expected one of: {}", key, value.dump(),
                          fmt::join(allowed.begin(), allowed.end(), ", ")));
}

void read(const Json& json, const char* key, bool positive,
          std::optional<std::array<float, 3>>* out) {
  if (!json.contains(key)) return;
  const Json& value = json[key];
  std::array<float, 3> numbers{};
  bool good = value.is_array() && value.size() == 3;
  for (std::size_t i = 0; good && i < 3; ++i) {
    good = value[i].is_number();
    if (!good) break;
    numbers[i] = value[i].get<float>();
    good = std::isfinite(numbers[i]) && (!positive || numbers[i] > 0);
  }
  if (!good) {
    throw Error(fmt::format("{} is {}, expected three {}numbers", key, value.dump(),
                            positive ? "positive " : ""));
  }
  *out = numbers;
}

}  // namespace

ExportMetadata read_export_metadata(const Archive& archive) {
  ExportMetadata metadata;
  std::string_view text;
  if (!archive.find("extra/clip.json", &text)) return metadata;
  try {
    const Json json = Json::parse(text.begin(), text.end());
    if (!json.is_object()) throw Error("it is not a JSON object");
    std::optional<std::int64_t> format;
    read(json, "format", 1 << 30, &format);
    if (format.value_or(kFormat) != kFormat) {
      throw Error(fmt::format("its format is {}, this program reads format {}; update clip-cli",
                              *format, kFormat));
    }
    read(json, "name", {}, &metadata.name);
    read(json, "image_size", 16384, &metadata.image_size);
    read(json, "mean", false, &metadata.mean);
    read(json, "std", true, &metadata.deviation);
    read(json, "resize", {"shortest-side-bicubic", "squash-bicubic"}, &metadata.resize);
    read(json, "context_length", 65536, &metadata.context_length);
    read(json, "vocab_size", 1 << 30, &metadata.vocab_size);
    read(json, "embedding_dim", 1 << 20, &metadata.embedding_dim);
    read(json, "activation", {"quick_gelu", "gelu"}, &metadata.activation);
    read(json, "vision_heads", 4096, &metadata.vision_heads);
    read(json, "text_heads", 4096, &metadata.text_heads);
    read(json, "start_of_text", 1 << 30, &metadata.start_of_text);
    read(json, "end_of_text", 1 << 30, &metadata.end_of_text);
  } catch (const std::exception& error) {  // ours and nlohmann's
    throw Error(fmt::format("the clip.json in {} is not valid: {}", archive.path(), error.what()));
  }
  return metadata;
}

}  // namespace clip
