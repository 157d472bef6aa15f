#include "service/result.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

using namespace clip;

namespace {

const double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("a score as JSON") {
  ScoreResult result;
  result.image = "a.png";
  result.model = "m.pt";
  result.scores = {{"a cat", 0.25, 0.75}, {"a dog", 0.125, 0.25}};
  CHECK(json_text(to_json(result)) ==
        R"({"image":"a.png","model":"m.pt","scores":[)"
        R"({"text":"a cat","cosine":0.25,"score":25.0,"probability":0.75},)"
        R"({"text":"a dog","cosine":0.125,"score":12.5,"probability":0.25}]})");
  result.scores.clear();
  result.image = "\xff.png";
  result.error = ResultError{kBadImage, "cannot read it"};
  CHECK(json_text(to_json(result)) ==
        "{\"image\":\"\xef\xbf\xbd.png\",\"image_hex\":\"ff2e706e67\",\"model\":\"m.pt\","
        "\"error\":{\"code\":\"bad_image\",\"message\":\"cannot read it\"}}");
  CHECK(json_text(to_json(ScoreResult())) == "{}");
}

TEST_CASE("a classification as JSON") {
  ClassifyResult result;
  result.image = "a.png";
  result.model = "m.pt";
  result.label = "unknown";
  result.ranking = {{"cat", 25, 0.5}, {"dog", 24.5, 0.25}};
  CHECK(json_text(to_json(result)) ==
        R"({"image":"a.png","model":"m.pt","label":"unknown","probability":0.5,"ranking":[)"
        R"({"label":"cat","probability":0.5,"score":25.0},)"
        R"({"label":"dog","probability":0.25,"score":24.5}]})");
  result.filed = "sorted/\xe9.png";
  result.run = "model=1";
  result.error = ResultError{kNotFiled, "no"};
  const Json json = to_json(result);
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  CHECK(keys == std::vector<std::string>{"image", "model", "label", "probability", "ranking",
                                         "filed", "filed_hex", "run", "error"});
  CHECK(name_in(json, "filed") == result.filed);
}

TEST_CASE("an evaluation as JSON") {
  EvaluateResult result;
  result.model = "m.pt";
  result.images = 3;
  result.failed = 1;
  result.top_1 = 0.5;
  result.top_5 = 1;
  result.mean_recall = kNaN;
  result.classes = {{"n01", "cat", 3, 0.5}, {"\xff", "dog", 0, kNaN}};
  result.confused = {{"cat", "dog", 2}};
  result.confusion = {{0, 1, 2}, {0, 0, 1}};
  CHECK(json_text(to_json(result)) ==
        "{\"model\":\"m.pt\",\"images\":3,\"failed\":1,\"top_1\":0.5,\"top_5\":1.0,"
        "\"mean_recall\":null,\"classes\":["
        "{\"folder\":\"n01\",\"label\":\"cat\",\"images\":3,\"recall\":0.5},"
        "{\"folder\":\"\xef\xbf\xbd\",\"folder_hex\":\"ff\",\"label\":\"dog\",\"images\":0,"
        "\"recall\":null}],"
        "\"confused\":[{\"label\":\"cat\",\"predicted\":\"dog\",\"images\":2}],"
        "\"confusion\":[[0,1,2],[0,0,1]]}");
}

TEST_CASE("embeddings have the shortest digits of their floats") {
  EmbedResult result;
  result.embedding = {0.1F, -0.0F, 1, 1e-8F, std::numeric_limits<float>::denorm_min()};
  CHECK(json_text(to_json(result)) == R"({"embedding":[0.1,-0.0,1.0,1e-08,1e-45]})");
  std::mt19937 random(1);
  result.embedding.clear();
  for (int i = 0; i < 20000; ++i) {
    const std::uint32_t bits = random();
    float value;
    std::memcpy(&value, &bits, sizeof value);
    if (std::isfinite(value)) result.embedding.push_back(value);
  }
  const Json numbers = to_json(result)["embedding"];
  REQUIRE(numbers.size() == result.embedding.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const double number = numbers[i].get<double>();
    REQUIRE(number == std::stod(fmt::format("{}", result.embedding[i])));
    REQUIRE(static_cast<float>(number) == result.embedding[i]);
  }
}

TEST_CASE("scores and choices of an embedding") {
  Embeddings texts;
  texts.count = 3;
  texts.dim = 2;
  texts.values = {1, 0, 0, 1, 0.6F, 0.8F};
  const float image[] = {0.6F, 0.8F};
  const auto scores = scores_of(image, {"a", "b", "c"}, texts, 10);
  REQUIRE(scores.size() == 3);
  CHECK(scores[1].text == "b");
  CHECK(scores[1].cosine == doctest::Approx(0.8));
  CHECK(scores[1].score() == doctest::Approx(80));
  const double sum = std::exp(6) + std::exp(8) + std::exp(10);
  CHECK(scores[2].probability == doctest::Approx(std::exp(10) / sum));
  const auto choices = choices_of(image, {"a", "b", "c"}, texts, 10, 2);
  REQUIRE(choices.size() == 2);
  CHECK(choices[0].label == "c");
  CHECK(choices[0].score == doctest::Approx(100));
  CHECK(choices[1].label == "b");
  CHECK(choices[1].probability == doctest::Approx(std::exp(8) / sum));
}
