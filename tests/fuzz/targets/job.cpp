// A line of the batch protocol, and the answer that it gets.
#include "service/job.h"

#include "clip/error.h"
#include "fuzz.h"

void clip_fuzz::read_input(std::string_view input) {
  const clip::ParsedJob parsed = clip::parse_job(input);
  const clip::ResultError error = parsed.error.value_or(clip::ResultError{});
  const std::string line = clip::json_line(clip::error_answer(parsed.id, error));
  require(line.find('\n') == line.size() - 1, "an answer is a line");
  require(clip::parse_json(line, 70).at("id") == parsed.id || parsed.id.is_discarded(),
          "an answer has the id of its job");
  if (parsed.error) throw clip::Error(clip::ErrorCode::kInvalidArgument, parsed.error->message);
}
