// One line of `clip-cli batch`: what is asked for, and how an answer says that it cannot be given.
#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "ui/json.h"

namespace clip_cli {

struct BatchJob {
  enum class Op { kScore, kClassify, kEmbed };

  Json id;  // as it came; null where there was none
  Op op = Op::kScore;
  std::optional<std::string> image;
  std::vector<std::string> texts;      // score: prompts; embed: one
  std::vector<std::string> labels;     // classify
  std::vector<std::string> templates;  // classify; never empty there
  std::size_t top_k = 5;               // classify
};

// Why a job has no result. The codes are part of the interface that README.md describes.
class JobError : public std::runtime_error {
 public:
  JobError(const char* code, const std::string& message)
      : std::runtime_error(message), code_(code) {}
  const char* code() const { return code_; }

 private:
  const char* code_;
};

constexpr const char* kBadJson = "bad_json";        // the line is no JSON object
constexpr const char* kBadRequest = "bad_request";  // its fields are not what they should be
constexpr const char* kBadImage = "bad_image";      // the picture cannot be used
constexpr const char* kBadText = "bad_text";        // a prompt cannot be used

// Throws JobError. `id` is set as soon as it is known, so that the answer can carry it.
BatchJob parse_job(const std::string& line, Json* id);

// {"id": ..., "error": {"code": ..., "message": ...}}
Json error_answer(const Json& id, const JobError& error);

}  // namespace clip_cli
