#include "hub/model_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "base/excerpt.h"
#include "base/strings.h"
#include "clip/error.h"

namespace clip {
namespace {

constexpr std::size_t kMaxShards = 1000;
constexpr std::size_t kMaxFileName = 128;

// A name that stays in its folder, of characters that need no escaping in paths and addresses.
bool is_plain_file_name(const std::string& name) {
  return !name.empty() && name.size() <= kMaxFileName && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

}  // namespace

std::vector<WeightFile> weight_files(std::string_view repository) {
  constexpr const char* kOpenClip = "open_clip_config.json";
  constexpr const char* kTransformers = "config.json";
  std::vector<WeightFile> files = {
      {"open_clip_model.safetensors", nullptr, kOpenClip},
      {"open_clip_pytorch_model.safetensors", nullptr, kOpenClip},
      {"open_clip_pytorch_model.bin", nullptr, kOpenClip},
  };
  if (!starts_with(lower_ascii(repository), "timm/")) {
    files.push_back({"model.safetensors", "model.safetensors.index.json", kTransformers});
    files.push_back({"pytorch_model.bin", "pytorch_model.bin.index.json", kTransformers});
  }
  return files;
}

const std::vector<std::string>& config_files() {
  static const std::vector<std::string> files = {"open_clip_config.json", "config.json",
                                                 "preprocessor_config.json"};
  return files;
}

std::vector<std::string> shards_of(const std::string& json, const std::string& name) {
  const auto index = nlohmann::json::parse(json, nullptr, false);
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (!index.is_object() || map == index.end() || !map->is_object() || map->empty()) {
    throw Error(ErrorCode::kCorrupt,
                fmt::format("{} is no index of shards: it has no object weight_map", name));
  }
  std::set<std::string> shards;
  for (const auto& [tensor, value] : map->items()) {
    const std::string shard = value.is_string() ? value.get<std::string>() : "";
    if (!is_plain_file_name(shard) || !has_model_extension(shard)) {
      throw Error(ErrorCode::kCorrupt,
                  fmt::format("{} names a shard '{}', expected a weight file beside it", name,
                              excerpt(shard)));
    }
    shards.insert(shard);
    if (shards.size() > kMaxShards) {
      throw Error(ErrorCode::kLimit, fmt::format("{} names more than {} shards", name, kMaxShards));
    }
  }
  return {shards.begin(), shards.end()};
}

bool has_model_extension(std::string_view path) {
  const std::string extension = extension_of(path);
  return extension == "pt" || extension == "pth" || extension == "bin" ||
         extension == "safetensors";
}

bool is_model_folder(const std::string& path) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const auto& configs = config_files();
    if (has_model_extension(name) ||
        std::find(configs.begin(), configs.end(), name) != configs.end()) {
      return true;
    }
  }
  return false;
}

}  // namespace clip
