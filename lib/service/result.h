// What runs say about images and texts, as types, and their one way into JSON. The command line and
// the batch protocol write the same objects; a field that is empty is left out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clip/embeddings.h"
#include "clip/error.h"
#include "clip/image_source.h"
#include "clip/zero_shot.h"
#include "service/json.h"

namespace clip {

// {"code": ..., "message": ...}
struct ResultError {
  std::string code, message;
};
inline constexpr const char* kBadJson = "bad_json";        // a line is no JSON object
inline constexpr const char* kBadRequest = "bad_request";  // its fields are not what they should be
inline constexpr const char* kBadImage = "bad_image";      // the image cannot be used
inline constexpr const char* kBadText = "bad_text";        // a prompt cannot be used
inline constexpr const char* kNotFiled = "not_filed";  // the image could not be put into a folder
inline constexpr const char* kFailed = "failed";       // the model or the system failed

// What the sample of a webdataset says of an image, in its result: "caption", "class", a number where
// it is a whole one, and "json", or, where that is no valid JSON, its text as a string.
using ResultTexts = std::shared_ptr<const SampleTexts>;  // null: the image is in none

struct TextScore {
  std::string text;
  double cosine = 0, probability = 0;
  double score() const { return 100 * cosine; }
};

// {"image", "model", "scores": [{"text", "cosine", "score", "probability"}], "error"}
struct ScoreResult {
  std::string image, model;
  ResultTexts texts;
  std::vector<TextScore> scores;
  std::optional<ResultError> error;
};

struct LabelChoice {
  std::string label;
  std::optional<double> score;  // 100 x cosine, where there is one
  double probability = 0;       // of all labels
};

// {"image", "model", "label", "probability", "ranking": [{"label", "probability", "score"}],
// "filed",
//  "run", "error"}
struct ClassifyResult {
  std::string image, model;
  ResultTexts texts;
  std::string label;  // the first choice, or "unknown"; empty where it cannot be told
  std::vector<LabelChoice> ranking;  // the likeliest first
  std::string filed;                 // where --sort-into put it, or would
  std::string run;                   // what determined the result, for runs that go on (resume)
  std::optional<ResultError> error;

  double probability() const { return ranking.empty() ? 0 : ranking.front().probability; }
};

// {"image" or "text", "model", "embedding": [...], "run", "error"}
struct EmbedResult {
  std::string image, text;       // which is empty says which it is of; both, in an answer of batch
  ResultTexts texts;             // of an image
  std::string model;             // its identity: embeddings compare only where it is the same
  std::vector<float> embedding;  // [dim], normalized; empty where it is elsewhere, or missing
  std::string run;               // as in ClassifyResult
  std::optional<ResultError> error;
};

// Of a whole data set; shares are NaN, in JSON null, where there are no images.
struct EvaluateResult {
  struct Class {
    std::string folder, label;
    std::uint64_t images = 0;
    double recall = 0;
  };
  struct Confused {
    std::string label, predicted;
    std::uint64_t images = 0;
  };
  struct Cell {
    std::size_t truth = 0, predicted = 0;
    std::uint64_t images = 0;
  };
  std::string model;
  std::uint64_t images = 0, failed = 0;
  double top_1 = 0, top_5 = 0, mean_recall = 0;
  std::vector<Class> classes;
  std::vector<Confused> confused;
  std::vector<Cell> confusion;
};

Json to_json(const ResultError& error);
Json to_json(const ScoreResult& result);
Json to_json(const ClassifyResult& result);
Json to_json(const EmbedResult& result);
Json to_json(const EvaluateResult& result);

// The scores of one image's embedding with all prompts, whose embeddings are `embedded`.
std::vector<TextScore> scores_of(const float* image, const std::vector<std::string>& texts,
                                 const Embeddings& embedded, double logit_scale);

// The `top_k` likeliest labels of one image. `names`: of all labels, whose embeddings are
// `embedded`.
std::vector<LabelChoice> choices_of(const float* image, const std::vector<std::string>& names,
                                    const Embeddings& embedded, double logit_scale,
                                    std::size_t top_k);

}  // namespace clip
