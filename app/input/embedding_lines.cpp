#include "input/embedding_lines.h"

#include <fmt/format.h>

#include "base/file.h"
#include "clip/error.h"
#include "service/json.h"

namespace clip_cli {
namespace {

constexpr std::size_t kMaxLine = 4 << 20;  // bytes

std::string lines_beside(const std::string& array) {
  const std::string lines = array.substr(0, array.rfind('.')) + ".jsonl";
  if (!clip::exists(lines)) {
    throw clip::Error(clip::ErrorCode::kNotFound,
                      fmt::format("{} is missing: it says what the rows of {} are of; `clip-cli "
                                  "embed` writes both",
                                  lines, array));
  }
  return lines;
}

std::string text_in(const clip::Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) return "";
  if (found->is_string()) return found->get<std::string>();
  return found->is_number_integer() ? found->dump() : "";
}

}  // namespace

EmbeddingLines::EmbeddingLines(const std::string& array, std::int64_t rows,
                               const clip::CancelToken* stop)
    : array_(array), rows_(rows), reader_(lines_beside(array), '\n', stop) {}

bool EmbeddingLines::next(EmbeddingLine* line) {
  std::string text;
  bool too_long = false;
  const auto fail = [&](const std::string& why) {
    return clip::Error(clip::ErrorCode::kCorrupt,
                       fmt::format("{}, line {}: {}", reader_.name(), reader_.number(), why));
  };
  if (!reader_.next(&text, kMaxLine, &too_long)) {
    if (row_ + 1 == rows_) return false;
    throw clip::Error(clip::ErrorCode::kCorrupt,
                      fmt::format("{} has {} rows, and {} has {} lines: they are not of one run",
                                  array_, rows_, reader_.name(), row_ + 1));
  }
  if (++row_ == rows_) {
    throw clip::Error(clip::ErrorCode::kCorrupt,
                      fmt::format("{} has {} rows, and {} has more lines: they are not of one run",
                                  array_, rows_, reader_.name()));
  }
  clip::Json json;
  try {
    if (!too_long) json = clip::parse_json(text);
  } catch (const clip::Error& error) {
    throw fail(error.what());
  }
  if (!json.is_object()) throw fail("expected the JSON object of a row, as `embed` writes it");
  *line = {};
  if (json.contains("text")) {
    throw fail("it is of a text, and a probe is for embeddings of images");
  }
  if (!json.contains("image")) throw fail("it does not say which image the row is of");
  try {
    line->image = clip::name_in(json, "image");
  } catch (const std::exception&) {
    throw fail("its image is no name");
  }
  line->label = text_in(json, "class");
  const std::string model = text_in(json, "model");
  if (model.empty()) throw fail("it does not say which model the row is of");
  if (model_.empty()) model_ = model;
  if (model != model_) {
    throw fail(fmt::format("it is of another model ({}) than those before it ({})", model, model_));
  }
  const auto error = json.find("error");
  if (error != json.end()) {
    const bool whole = error->is_object();
    line->error = clip::ResultError{
        whole && !text_in(*error, "code").empty() ? text_in(*error, "code") : clip::kBadImage,
        whole ? text_in(*error, "message") : std::string("it has no embedding")};
  }
  return true;
}

}  // namespace clip_cli
