#include "service/answer.h"

#include <doctest/doctest.h>

#include <cmath>

#include "../pipeline/fake_engine.h"
#include "support.h"

using namespace clip;
using namespace clip_test;

namespace {

Job job(const std::string& line) {
  const ParsedJob parsed = parse_job(line);
  REQUIRE_MESSAGE(!parsed.error, line);
  return parsed.job;
}

TextOptions options() {
  TextOptions options;
  options.encoder = use_fake_engine();
  return options;
}

// A normalized embedding, as images have it.
std::vector<float> image() {
  std::vector<float> embedding(static_cast<std::size_t>(demo_model()->config().embedding_dim));
  embedding[0] = 0.6F;
  embedding[1] = 0.8F;
  return embedding;
}

std::string code_in(const Json& answer) {
  return answer.contains("error") ? answer["error"]["code"].get<std::string>() : "";
}

std::string long_text() {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "cat ";
  return text;
}

using Sizes = std::vector<std::size_t>;

}  // namespace

TEST_CASE("answers of each op") {
  Answerer answerer(demo_model(), options());
  const std::vector<float> embedding = image();
  const Json score = answerer.answer(
      job(R"({"id":[1],"op":"score","image":"a","texts":["cat","cat cat"]})"), embedding.data());
  REQUIRE(score.contains("scores"));
  CHECK(score.size() == 2);
  CHECK(score["id"] == Json::array({1}));
  REQUIRE(score["scores"].size() == 2);
  // "cat" has three ids, which the fake engine embeds as (3, 1).
  CHECK(score["scores"][0]["cosine"].get<double>() ==
        doctest::Approx((0.6 * 3 + 0.8) / std::hypot(3, 1)));
  CHECK(score["scores"][1]["text"] == "cat cat");

  const Json classify = answerer.answer(
      job(R"({"op":"classify","image":"a","labels":["cat","cat cat"],"templates":["{}"]})"),
      embedding.data());
  std::vector<std::string> keys;
  for (const auto& [key, value] : classify.items()) keys.push_back(key);
  CHECK(keys == std::vector<std::string>{"id", "label", "probability", "ranking"});
  CHECK(classify["id"].is_null());
  CHECK(classify["label"] == "cat");
  CHECK(classify["ranking"].size() == 2);

  const Json text = answerer.answer(job(R"({"id":3,"op":"embed","text":"cat"})"), nullptr);
  REQUIRE(text["embedding"].size() == embedding.size());
  CHECK(text["embedding"][0].get<double>() == doctest::Approx(3 / std::hypot(3, 1)));
  const Json of_image =
      answerer.answer(job(R"({"id":4,"op":"embed","image":"a"})"), embedding.data());
  CHECK(of_image["embedding"].size() == embedding.size());
  CHECK(of_image["embedding"][0] == 0.6);
  CHECK(answerer.answer(job(R"({"op":"embed","image":"a"})"), embedding.data(), 2)["embedding"]
            .size() == 2);
  CHECK(fake_engine().image_encoders == 0);
}

TEST_CASE("jobs on images alone never open the text encoder") {
  Answerer answerer(demo_model(), options());
  const Job embed = job(R"({"op":"embed","image":"a"})");
  answerer.prepare({&embed});
  answerer.answer(embed, image().data());
  CHECK(fake_engine().text_encoders == 0);
}

TEST_CASE("texts of jobs that wait together are computed together, and once") {
  Answerer answerer(demo_model(), options());
  const Job score = job(R"({"op":"score","image":"a","texts":["cat","cat cat","cat"]})");
  const Job embed = job(R"({"op":"embed","text":"cat cat cat"})");
  const Job classify =
      job(R"({"op":"classify","image":"a","labels":["cat","dog"],"templates":["{}","a {}"]})");
  answerer.prepare({&score, &embed, &classify});
  // cat, cat cat, cat cat cat, dog, a cat, a dog
  CHECK(fake_engine().text_batches == Sizes{6});
  for (int i = 0; i < 2; ++i) {
    for (const Job* each : {&score, &embed, &classify}) {
      CHECK(code_in(answerer.answer(*each, image().data())) == "");
    }
  }
  answerer.prepare({&classify, &score});
  CHECK(fake_engine().text_batches == Sizes{6});
}

TEST_CASE("the code says what is wrong") {
  Answerer answerer(demo_model(), options());
  const std::string text = long_text();
  const Job too_long = job(R"({"id":7,"op":"embed","text":")" + text + "\"}");
  const Job long_label =
      job(R"({"id":7,"op":"classify","image":"a","labels":["b",")" + text + "\"]}");
  answerer.prepare({&too_long, &long_label});
  for (const Job* each : {&too_long, &long_label}) {
    const Json answer = answerer.answer(*each, image().data());
    CHECK(code_in(answer) == kBadText);
    CHECK(answer["id"] == 7);
    CHECK(answer.size() == 2);
    CHECK(contains(answer["error"]["message"].get<std::string>(), "77"));
  }
  fake_engine().of_prompt = [](std::size_t) { return 0.0F; };
  CHECK(code_in(answerer.answer(job(R"({"op":"embed","text":"a"})"), nullptr)) == kBadText);
  CHECK(code_in(answerer.answer(job(R"({"op":"embed","image":"a"})"), nullptr)) == kBadImage);

  Answerer broken(demo_model(), options());
  fake_engine().open_error = Error(ErrorCode::kUnsupported, "no such device");
  const Job embed = job(R"({"op":"embed","text":"a"})");
  broken.prepare({&embed});
  CHECK(code_in(broken.answer(embed, nullptr)) == kFailed);
}

TEST_CASE("a truncated text is no error") {
  TextOptions with = options();
  with.truncate = true;
  Answerer answerer(demo_model(), with);
  CHECK(code_in(answerer.answer(job(R"({"op":"embed","text":")" + long_text() + "\"}"), nullptr)) ==
        "");
}

TEST_CASE("many prompts of one job are answered without being prepared") {
  Answerer answerer(demo_model(), options());
  std::string labels;
  for (int i = 0; i < 3000; ++i) labels += "\"" + std::to_string(i) + "\",";
  labels.back() = ']';
  const Job classify =
      job(R"({"op":"classify","image":"a","templates":["{}","a {}"],"labels":[)" + labels + "}");
  answerer.prepare({&classify});
  CHECK(fake_engine().text_encoders == 0);
  CHECK(answerer.answer(classify, image().data())["ranking"].size() == 5);
  std::size_t prompts = 0;
  for (const std::size_t batch : fake_engine().text_batches) prompts += batch;
  CHECK(prompts == 6000);
}
