#include "batch_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <set>

#include "error.h"
#include "zero_shot/prompt_templates.h"

namespace clip_cli {
namespace {

JobError bad_request(const std::string& message) {
  return JobError(kBadRequest, message);
}

// Reads fields of a request, and knows which it has not been asked for.
class Fields {
 public:
  explicit Fields(const Json& json) : json_(json) {}

  bool has(const char* name) const { return json_.contains(name); }

  std::string text(const char* name) {
    const Json& value = at(name, "a string");
    if (!value.is_string()) throw wrong_type(name, "a string");
    return value.get<std::string>();
  }

  std::vector<std::string> texts(const char* name) {
    constexpr const char* kExpected = "an array of strings that is not empty";
    const Json& value = at(name, kExpected);
    if (!value.is_array() || value.empty()) throw wrong_type(name, kExpected);
    std::vector<std::string> texts;
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
        throw bad_request(fmt::format("the field '{}' does not belong to this op", name));
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

  static JobError wrong_type(const char* name, const char* expected) {
    return bad_request(fmt::format("the field '{}' must be {}", name, expected));
  }

  const Json& json_;
  std::set<std::string> known_;
};

void read_classify(Fields* fields, BatchJob* job) {
  job->op = BatchJob::Op::kClassify;
  job->image = fields->text("image");
  job->labels = fields->texts("labels");
  const std::set<std::string> distinct(job->labels.begin(), job->labels.end());
  if (distinct.size() < job->labels.size()) throw bad_request("a label is there twice");
  if (distinct.count("") > 0) throw bad_request("a label is empty");
  if (fields->has("templates")) {
    job->templates = fields->texts("templates");
  } else {
    job->templates = {clip::kDefaultTemplate};
  }
  for (const std::string& each : job->templates) {
    try {
      clip::check_template(each);
    } catch (const clip::Error& error) {
      throw bad_request(error.what());
    }
  }
  if (fields->has("top_k")) job->top_k = fields->count("top_k");
}

void read_embed(Fields* fields, BatchJob* job) {
  job->op = BatchJob::Op::kEmbed;
  if (fields->has("image") == fields->has("text")) {
    throw bad_request("embed takes one of the fields 'image' and 'text'");
  }
  if (fields->has("image")) {
    job->image = fields->text("image");
  } else {
    job->texts = {fields->text("text")};
  }
}

}  // namespace

BatchJob parse_job(const std::string& line, Json* id) {
  Json json;
  try {
    json = Json::parse(line);
  } catch (const Json::parse_error& error) {
    throw JobError(kBadJson, fmt::format("the line is no JSON: byte {}", error.byte));
  }
  if (!json.is_object()) throw JobError(kBadJson, "the line is no JSON object");
  if (json.contains("id")) *id = json["id"];
  BatchJob job;
  job.id = *id;
  Fields fields(json);
  const std::string op = fields.text("op");
  if (op == "score") {
    job.image = fields.text("image");
    job.texts = fields.texts("texts");
  } else if (op == "classify") {
    read_classify(&fields, &job);
  } else if (op == "embed") {
    read_embed(&fields, &job);
  } else {
    throw bad_request(fmt::format("there is no op '{}'; there are score, classify and embed", op));
  }
  fields.check_no_others();
  return job;
}

Json error_answer(const Json& id, const JobError& error) {
  return {{"id", id}, {"error", {{"code", error.code()}, {"message", error.what()}}}};
}

}  // namespace clip_cli
