#include "model/export_metadata.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "clip/error.h"

namespace clip {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kFormat = 1;
constexpr const char *kShortestSide = "shortest-side-bicubic", *kSquash = "squash-bicubic";

void read(const Json& json, const char* key, std::int64_t max, std::optional<std::int64_t>* out) {
  if (!json.contains(key)) return;
  const Json& value = json[key];
  if (!value.is_number_integer() || value < 0 || value > max) {
    throw Error(ErrorCode::kCorrupt, fmt::format("{} is {}, expected a whole number from 0 to {}",
                                                 key, value.dump(), max));
  }
  *out = value.get<std::int64_t>();
}

void read(const Json& json, const char* key, std::initializer_list<const char*> allowed,
          std::optional<std::string>* out) {
  if (!json.contains(key)) return;
  const Json& value = json[key];
  if (!value.is_string()) {
    throw Error(ErrorCode::kCorrupt, fmt::format("{} is {}, expected a string", key, value.dump()));
  }
  *out = value.get<std::string>();
  if (allowed.size() == 0) return;
  for (const char* choice : allowed) {
    if (**out == choice) return;
  }
  throw Error(ErrorCode::kCorrupt, fmt::format("{} is {}, expected one of: {}", key, value.dump(),
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
    throw Error(ErrorCode::kCorrupt, fmt::format("{} is {}, expected three {}numbers", key,
                                                 value.dump(), positive ? "positive " : ""));
  }
  *out = numbers;
}

}  // namespace

ExportMetadata read_export_metadata(const Checkpoint& checkpoint) {
  ExportMetadata metadata;
  const auto document = checkpoint.documents().find("clip.json");
  if (document == checkpoint.documents().end()) return metadata;
  const std::string_view text = document->second;
  try {
    const Json json = Json::parse(text.begin(), text.end());
    if (!json.is_object()) throw Error(ErrorCode::kCorrupt, "it is not a JSON object");
    std::optional<std::int64_t> format;
    read(json, "format", 1 << 30, &format);
    if (format.value_or(kFormat) != kFormat) {
      throw Error(
          ErrorCode::kUnsupported,
          fmt::format("its format is {}, and this version reads format {}", *format, kFormat));
    }
    read(json, "name", {}, &metadata.name);
    read(json, "image_size", 16384, &metadata.image_size);
    read(json, "mean", false, &metadata.mean);
    read(json, "std", true, &metadata.std);
    read(json, "resize", {kShortestSide, kSquash}, &metadata.resize);
    read(json, "context_length", 65536, &metadata.context_length);
    read(json, "vocab_size", 1 << 30, &metadata.vocab_size);
    read(json, "embedding_dim", 1 << 20, &metadata.embedding_dim);
    read(json, "activation", {name_of(Activation::kQuickGelu), name_of(Activation::kGelu)},
         &metadata.activation);
    read(json, "vision_heads", 4096, &metadata.vision_heads);
    read(json, "text_heads", 4096, &metadata.text_heads);
    read(json, "start_of_text", 1 << 30, &metadata.start_of_text);
    read(json, "end_of_text", 1 << 30, &metadata.end_of_text);
  } catch (const std::exception& error) {  // ours and nlohmann's
    throw Error(ErrorCode::kCorrupt, fmt::format("the clip.json in {} is not valid: {}",
                                                 checkpoint.path(), error.what()));
  }
  return metadata;
}

void apply_metadata(const ExportMetadata& metadata, ModelConfig* config) {
  config->name = metadata.name.value_or("");
  config->preprocessing.mean = metadata.mean.value_or(config->preprocessing.mean);
  config->preprocessing.std = metadata.std.value_or(config->preprocessing.std);
  if (metadata.resize == kSquash) {
    config->preprocessing.resize = ResizeMode::kSquash;
  }
  if (metadata.activation == name_of(Activation::kGelu)) {
    config->vision.activation = config->text.activation = Activation::kGelu;
  }
  config->text.start_of_text = metadata.start_of_text.value_or(config->text.start_of_text);
  config->text.end_of_text = metadata.end_of_text.value_or(config->text.end_of_text);
}

void read_logit_scale(const Checkpoint& checkpoint, ModelConfig* config) {
  if (checkpoint.find("logit_scale") == nullptr) {
    config->assumed.push_back(fmt::format("logit scale {}", config->logit_scale));
    return;
  }
  // Kept as a logarithm, as trained: the paper's t, "log parametrized temperature".
  const double logarithm = checkpoint.scalar("logit_scale");
  config->logit_scale = static_cast<float>(std::exp(logarithm));
  if (!std::isfinite(config->logit_scale)) {
    throw Error(ErrorCode::kCorrupt,
                fmt::format("{}: logit_scale is {}, expected the logarithm of a scale, 4.6052 in "
                            "published models",
                            checkpoint.path(), logarithm));
  }
}

}  // namespace clip
