#include "service/job.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "base/excerpt.h"
#include "clip/error.h"
#include "zero_shot/prompt_templates.h"

namespace clip {
namespace {

Error bad_request(const std::string& message) {
  return Error(ErrorCode::kInvalidArgument, message);
}

// Reads the fields of a request, and remembers which ones its op has.
class Fields {
 public:
  explicit Fields(const Json& json) : json_(json) {}

  bool has(const char* name) const { return json_.contains(name); }

  std::string text(const char* name) {
    const Json& value = at(name, "a string");
    if (!value.is_string()) throw wrong_type(name, "a string");
    return value.get<std::string>();
  }

  std::vector<std::string> texts(const char* name, std::size_t max) {
    constexpr const char* kExpected = "an array of strings that is not empty";
    const Json& value = at(name, kExpected);
    if (!value.is_array() || value.empty()) throw wrong_type(name, kExpected);
    if (value.size() > max) {
      throw bad_request(
          fmt::format("the field '{}' holds {} strings, of at most {}", name, value.size(), max));
    }
    std::vector<std::string> texts;
    texts.reserve(value.size());
    for (const Json& each : value) {
      if (!each.is_string()) throw wrong_type(name, kExpected);
      texts.push_back(each.get<std::string>());
    }
    return texts;
  }

  std::size_t count(const char* name) {
    constexpr const char* kExpected = "a whole number from 1";
    const Json& value = at(name, kExpected);
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() < 1) {
      throw wrong_type(name, kExpected);
    }
    return static_cast<std::size_t>(value.get<std::uint64_t>());
  }

  // A field that is misspelt should not be passed over.
  void check_no_others() const {
    for (const auto& [name, value] : json_.items()) {
      if (name != "id" && name != "op" && known_.count(name) == 0) {
        throw bad_request(fmt::format("the field '{}' does not belong to this op", excerpt(name)));
      }
    }
  }

 private:
  const Json& at(const char* name, const char* expected) {
    known_.insert(name);
    const auto found = json_.find(name);
    if (found == json_.end()) {
      throw bad_request(fmt::format("the field '{}' is missing; it is {}", name, expected));
    }
    return *found;
  }

  static Error wrong_type(const char* name, const char* expected) {
    return bad_request(fmt::format("the field '{}' must be {}", name, expected));
  }

  const Json& json_;
  std::set<std::string> known_;
};

void check_limits(const Job& job) {
  const std::size_t prompts = job.labels.size() * job.templates.size();
  if (prompts > kMaxPrompts) {
    throw bad_request(fmt::format("{} labels with {} templates are {} prompts, of at most {}",
                                  job.labels.size(), job.templates.size(), prompts, kMaxPrompts));
  }
  const std::uint64_t bytes = filled_bytes(job.templates, job.labels);
  if (bytes > kMaxPromptBytes) {
    throw bad_request(
        fmt::format("the templates make prompts of {} MiB of these labels, of at most {}",
                    bytes >> 20, kMaxPromptBytes >> 20));
  }
}

void read_classify(Fields* fields, Job* job) {
  job->op = Job::Op::kClassify;
  job->image = fields->text("image");
  job->labels = fields->texts("labels", kMaxTexts);
  const std::set<std::string_view> distinct(job->labels.begin(), job->labels.end());
  if (distinct.size() < job->labels.size()) throw bad_request("a label is there twice");
  if (distinct.count("") > 0) throw bad_request("a label is empty");
  if (fields->has("templates")) {
    job->templates = fields->texts("templates", kMaxTexts);
  } else {
    job->templates = {kDefaultTemplate};
  }
  for (const std::string& each : job->templates) check_template(each);
  check_limits(*job);
  if (fields->has("top_k")) job->top_k = fields->count("top_k");
}

void read_embed(Fields* fields, Job* job) {
  job->op = Job::Op::kEmbed;
  if (fields->has("image") == fields->has("text")) {
    throw bad_request("embed takes one of the fields 'image' and 'text'");
  }
  if (fields->has("image")) {
    job->image = fields->text("image");
  } else {
    job->texts = {fields->text("text")};
  }
}

// As deep as the value is, which parse_json bounds.
std::size_t count_values(const Json& json) {
  std::size_t count = 1;
  if (json.is_structured()) {
    for (const Json& each : json) count += count_values(each);
  }
  return count;
}

// Throws Error (kInvalidArgument) for what is not as it should be.
Job read_job(const Json& json) {
  Job job;
  Fields fields(json);
  const std::string op = fields.text("op");
  if (op == "score") {
    job.image = fields.text("image");
    job.texts = fields.texts("texts", kMaxTexts);
  } else if (op == "classify") {
    read_classify(&fields, &job);
  } else if (op == "embed") {
    read_embed(&fields, &job);
  } else {
    throw bad_request(
        fmt::format("there is no op '{}'; there are score, classify and embed", excerpt(op)));
  }
  fields.check_no_others();
  return job;
}

}  // namespace

ParsedJob parse_job(std::string_view line) {
  ParsedJob parsed;
  Json json;
  try {
    json = parse_json(line);
  } catch (const Error& error) {
    parsed.error = ResultError{kBadJson, error.within("cannot read the line").what()};
    return parsed;
  }
  if (!json.is_object()) {
    parsed.error = ResultError{kBadJson, "the line is no JSON object"};
    return parsed;
  }
  const auto id = json.find("id");
  try {
    if (id != json.end()) {
      if (count_values(*id) > kMaxIdValues) {
        throw bad_request(fmt::format("the field 'id' holds more than {} values", kMaxIdValues));
      }
      parsed.id = std::move(*id);
    }
    parsed.job = read_job(json);
    parsed.job.id = parsed.id;
  } catch (const Error& error) {
    parsed.error = ResultError{kBadRequest, error.what()};
  }
  return parsed;
}

Json error_answer(const Json& id, const ResultError& error) {
  Json answer = Json::object();
  answer["id"] = id;
  answer["error"] = to_json(error);
  return answer;
}

}  // namespace clip
