#include "checkpoint/model_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
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

const std::vector<WeightFile>& weight_files() {
  constexpr const char* kOpenClip = "open_clip_config.json";
  constexpr const char* kTransformers = "config.json";
  static const std::vector<WeightFile> files = {
      {"open_clip_model.safetensors", "open_clip_model.safetensors.index.json", kOpenClip, true},
      {"open_clip_pytorch_model.safetensors", nullptr, kOpenClip, true},
      {"open_clip_pytorch_model.bin", "open_clip_pytorch_model.bin.index.json", kOpenClip, true},
      {"open_clip_pytorch_model.pth", nullptr, kOpenClip, false},
      {"model.safetensors", "model.safetensors.index.json", kTransformers, true},
      {"pytorch_model.bin", "pytorch_model.bin.index.json", kTransformers, true},
      {"pytorch_model.pth", nullptr, kTransformers, false},
  };
  return files;
}

std::vector<WeightFile> weight_files_of(std::string_view repository) {
  const bool timm = starts_with(lower_ascii(repository), "timm/");
  std::vector<WeightFile> files;
  for (const WeightFile& file : weight_files()) {
    const bool open_clip = starts_with(file.name, "open_clip_");
    if (file.published && (open_clip || !timm)) files.push_back(file);
  }
  return files;
}

const std::vector<std::string>& config_files() {
  static const std::vector<std::string> files = {
      "open_clip_config.json", "config.json", "preprocessor_config.json", "processor_config.json"};
  return files;
}

std::map<std::string, std::set<std::string>> shards_of(const std::string& json,
                                                       const std::string& name) {
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorCode::kCorrupt,
                fmt::format("{} is no index of a model's files: {}", name, what));
  };
  const auto index = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (index.is_discarded()) refuse("it is no valid JSON");
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (map == index.end() || !map->is_object() || map->empty()) refuse("it has no weight_map");
  std::map<std::string, std::set<std::string>> shards;
  for (const auto& [tensor, value] : map->items()) {
    const std::string shard = value.is_string() ? value.get<std::string>() : "";
    if (!is_plain_file_name(shard) || !has_model_extension(shard)) {
      refuse(fmt::format("the file of {} is '{}', expected weights beside it", excerpt(tensor),
                         excerpt(shard)));
    }
    shards[shard].insert(tensor);
    if (shards.size() > kMaxShards) {
      throw Error(ErrorCode::kLimit, fmt::format("{} names more than {} files", name, kMaxShards));
    }
  }
  return shards;
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
