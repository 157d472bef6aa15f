// One request of the batch protocol: what is asked for, and how an answer says that it cannot be
// given.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "service/json.h"
#include "service/result.h"

namespace clip {

// Limits of one job, so that a short line cannot ask for more than a machine holds. ImageNet-21k
// with 80 templates is within them.
inline constexpr std::size_t kMaxTexts = 100'000;  // texts; labels; templates
inline constexpr std::size_t kMaxIdValues =
    10'000;  // values in an id that is an array or an object
inline constexpr std::size_t kMaxPrompts = std::size_t{4} << 20;        // labels times templates
inline constexpr std::size_t kMaxPromptBytes = std::size_t{256} << 20;  // of all these together

struct Job {
  enum class Op { kScore, kClassify, kEmbed };

  Json id;  // as it came; null where there was none
  Op op = Op::kScore;
  std::optional<std::string> image;    // a path, any bytes that UTF-8 can hold, NUL among them
  std::vector<std::string> texts;      // score: prompts; embed: one
  std::vector<std::string> labels;     // classify
  std::vector<std::string> templates;  // classify; never empty there
  std::size_t top_k = 5;               // classify
};

// A request, or why it is none. `id` is that of the line, also where there is an error; null where
// the line is no JSON object, has no id, or has one of more than kMaxIdValues (kBadRequest).
struct ParsedJob {
  Json id;
  Job job;
  std::optional<ResultError> error;  // kBadJson or kBadRequest
};

// Any bytes; throws nothing but std::bad_alloc. A line that is nested more than 64 deep, or that
// holds a number larger than a double, is kBadJson. Of fields with the same name the last one
// counts.
ParsedJob parse_job(std::string_view line);

// {"id": ..., "error": {"code": ..., "message": ...}}
Json error_answer(const Json& id, const ResultError& error);

}  // namespace clip
