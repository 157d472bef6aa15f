#include "service/result.h"

#include <charconv>
#include <cmath>

namespace clip {
namespace {

// A double with the float's own shortest digits, not with those of its exact value.
double shortest(float value) {
  char digits[32];
  const auto [end, error] =
      std::to_chars(digits, digits + sizeof digits, value, std::chars_format::scientific);
  double number = value;
  if (error == std::errc()) std::from_chars(digits, end, number);
  return number;
}

Json number_or_null(double number) {
  return std::isnan(number) ? Json(nullptr) : Json(number);
}

Json class_of(const std::string& text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return !text.empty() && error == std::errc() && stop == end ? Json(number) : Json(text);
}

// Python writes NaN into JSON, which has no such number.
Json json_or_text(const std::string& text) {
  try {
    return parse_json(text);
  } catch (const Error&) {
    return text;
  }
}

void put_texts(Json* json, const SampleTexts& texts) {
  if (texts.caption) (*json)["caption"] = *texts.caption;
  if (texts.cls) (*json)["class"] = class_of(*texts.cls);
  if (texts.json) (*json)["json"] = json_or_text(*texts.json);
}

// What an image's result begins with: names may be any bytes, as those of files may.
Json image_object(const std::string& image, const ResultTexts& texts, const std::string& model) {
  Json json = Json::object();
  if (!image.empty()) put_name(&json, "image", image);
  if (texts != nullptr) put_texts(&json, *texts);
  if (!model.empty()) put_name(&json, "model", model);
  return json;
}

}  // namespace

Json to_json(const ResultError& error) {
  return {{"code", error.code}, {"message", error.message}};
}

Json to_json(const ScoreResult& result) {
  Json json = image_object(result.image, result.texts, result.model);
  if (!result.scores.empty()) {
    Json scores = Json::array();
    for (const TextScore& each : result.scores) {
      scores.push_back({{"text", each.text},
                        {"cosine", each.cosine},
                        {"score", each.score()},
                        {"probability", each.probability}});
    }
    json["scores"] = std::move(scores);
  }
  if (!result.run.empty()) json["run"] = result.run;
  if (result.error) json["error"] = to_json(*result.error);
  return json;
}

Json to_json(const ClassifyResult& result) {
  Json json = image_object(result.image, result.texts, result.model);
  if (!result.ranking.empty()) {
    json["label"] = result.label;
    json["probability"] = result.probability();
    Json ranking = Json::array();
    for (const LabelChoice& choice : result.ranking) {
      Json each = {{"label", choice.label}, {"probability", choice.probability}};
      if (choice.score) each["score"] = *choice.score;
      ranking.push_back(std::move(each));
    }
    json["ranking"] = std::move(ranking);
  }
  if (!result.filed.empty()) put_name(&json, "filed", result.filed);
  if (!result.run.empty()) json["run"] = result.run;
  if (result.error) json["error"] = to_json(*result.error);
  return json;
}

Json to_json(const EmbedResult& result) {
  Json json = image_object(result.image, result.texts, "");
  if (!result.text.empty()) put_name(&json, "text", result.text);
  if (!result.model.empty()) json["model"] = result.model;
  if (!result.embedding.empty()) {
    Json numbers = Json::array();
    for (const float value : result.embedding) numbers.push_back(shortest(value));
    json["embedding"] = std::move(numbers);
  }
  if (!result.run.empty()) json["run"] = result.run;
  if (result.error) json["error"] = to_json(*result.error);
  return json;
}

Json to_json(const EvaluateResult& result) {
  Json classes = Json::array(), confused = Json::array(), confusion = Json::array();
  for (const EvaluateResult::Class& each : result.classes) {
    Json json = Json::object();
    put_name(&json, "folder", each.folder);
    json["label"] = each.label;
    json["images"] = each.images;
    json["recall"] = number_or_null(each.recall);
    classes.push_back(std::move(json));
  }
  for (const EvaluateResult::Confused& each : result.confused) {
    confused.push_back(
        {{"label", each.label}, {"predicted", each.predicted}, {"images", each.images}});
  }
  for (const EvaluateResult::Cell& cell : result.confusion) {
    confusion.push_back(Json::array({cell.truth, cell.predicted, cell.images}));
  }
  Json json = Json::object();
  if (!result.model.empty()) put_name(&json, "model", result.model);
  json["images"] = result.images;
  json["failed"] = result.failed;
  json["top_1"] = number_or_null(result.top_1);
  json["top_5"] = number_or_null(result.top_5);
  json["mean_recall"] = number_or_null(result.mean_recall);
  json["classes"] = std::move(classes);
  json["confused"] = std::move(confused);
  json["confusion"] = std::move(confusion);
  return json;
}

std::vector<TextScore> scores_of(const float* image, const std::vector<std::string>& texts,
                                 const Embeddings& embedded, double logit_scale) {
  const std::vector<double> cosines = cosines_with(image, embedded);
  const std::vector<double> shares = probabilities(cosines.data(), cosines.size(), logit_scale);
  std::vector<TextScore> scores;
  scores.reserve(cosines.size());
  for (std::size_t i = 0; i < cosines.size(); ++i) {
    scores.push_back({texts[i], cosines[i], shares[i]});
  }
  return scores;
}

std::vector<LabelChoice> choices_of(const float* image, const std::vector<std::string>& names,
                                    const Embeddings& embedded, double logit_scale,
                                    std::size_t top_k) {
  const std::vector<double> cosines = cosines_with(image, embedded);
  std::vector<LabelChoice> choices;
  for (const RankedLabel& ranked :
       rank_labels(cosines.data(), cosines.size(), logit_scale, top_k)) {
    choices.push_back({names[ranked.label], ranked.score, ranked.probability});
  }
  return choices;
}

}  // namespace clip
