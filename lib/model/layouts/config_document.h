// A JSON document that states how a model computes, read by its keys: every value is checked for
// its type and range, and a key that is missing or null has its default, as in the Python programs
// that write such documents. Errors name the document and the key.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace clip {

class ConfigObject {
 public:
  // The document of the checkpoint, which must have it. Throws Error (kCorrupt) when it is no JSON
  // object.
  ConfigObject(const Checkpoint& checkpoint, const std::string& document);

  const std::string& where() const { return where_; }

  // False for null, too.
  bool has(const std::string& key) const;

  // The object under a key; an empty one where there is none.
  ConfigObject object(const std::string& key) const;

  // Under a key: true, a number or "text", each with what it is where the key is missing.
  bool boolean(const std::string& key, bool otherwise) const;
  std::int64_t integer(const std::string& key, std::int64_t otherwise, std::int64_t min,
                       std::int64_t max) const;
  double number(const std::string& key, double otherwise) const;
  std::string text(const std::string& key, const std::string& otherwise) const;
  // Whole numbers: an array of them, or one that stands for itself. Empty where there is none.
  std::vector<std::int64_t> integers(const std::string& key, std::int64_t max) const;
  // One number for each of three channels.
  std::array<float, 3> channels(const std::string& key, const std::array<float, 3>& otherwise,
                                bool positive) const;

  const nlohmann::json& json() const { return json_; }

  // Throws Error (kUnsupported): "DOCUMENT: KEY is VALUE, which ...".
  [[noreturn]] void refuse(const std::string& key, const std::string& why) const;
  // Refuses each of these keys that is there with any value but null, false and 0.
  void refuse_all(const std::map<std::string, const char*>& keys) const;

 private:
  ConfigObject(std::string where, nlohmann::json json)
      : where_(std::move(where)), json_(std::move(json)) {}
  [[noreturn]] void malformed(const std::string& key, const std::string& expected) const;

  std::string where_;  // "PATH/open_clip_config.json, model_cfg.vision_cfg"
  nlohmann::json json_;
};

}  // namespace clip
