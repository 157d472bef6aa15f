#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "clip/zero_shot.h"
#include "support.h"
#include "zero_shot/prompt_templates.h"

using namespace clip;
using namespace clip_test;

namespace {

// Embeds in the plane: each prompt has an angle.
struct Plane {
  std::map<std::string, double> angles;
  std::vector<std::string> asked;
  std::size_t calls = 0;

  Embeddings operator()(const std::vector<std::string>& prompts) {
    ++calls;
    asked.insert(asked.end(), prompts.begin(), prompts.end());
    Embeddings embeddings;
    embeddings.count = std::int64_t(prompts.size());
    embeddings.dim = 2;
    for (const std::string& prompt : prompts) {
      const double angle = angles.count(prompt) > 0 ? angles.at(prompt) : 0;
      embeddings.values.push_back(float(std::cos(angle)));
      embeddings.values.push_back(float(std::sin(angle)));
    }
    return embeddings;
  }
};

}  // namespace

TEST_CASE("a label is the normalized mean of its prompts") {
  Plane plane;
  plane.angles = {{"a cat", 0.2}, {"the cat", 0.6}, {"a dog", 1}, {"the dog", 2}};
  const auto embed = [&](const auto& prompts) { return plane(prompts); };
  const Embeddings labels = embed_labels({{"cat", {}}, {"dog", {}}}, {"a {}", "the {}"}, embed);
  REQUIRE(labels.count == 2);
  REQUIRE(labels.dim == 2);
  // Two unit vectors have their mean half-way.
  CHECK(std::atan2(labels.row(0)[1], labels.row(0)[0]) == doctest::Approx(0.4));
  CHECK(std::atan2(labels.row(1)[1], labels.row(1)[0]) == doctest::Approx(1.5));
  for (int i = 0; i < 2; ++i) {
    CHECK(std::hypot(labels.row(i)[0], labels.row(i)[1]) == doctest::Approx(1));
  }
}

TEST_CASE("prompts of a label's own go without templates") {
  Plane plane;
  plane.angles = {{"a big {}", 0.5}, {"x", 0.7}, {"a dog", 3}};
  const auto embed = [&](const auto& prompts) { return plane(prompts); };
  const Embeddings labels =
      embed_labels({{"cat", {"a big {}", "x"}}, {"dog", {}}}, {"a {}"}, embed);
  CHECK(std::atan2(labels.row(0)[1], labels.row(0)[0]) == doctest::Approx(0.6));
  CHECK(std::atan2(labels.row(1)[1], labels.row(1)[0]) == doctest::Approx(3));
  CHECK(plane.asked.size() == 3);
}

TEST_CASE("many prompts are embedded some at a time, and counted") {
  Plane plane;
  std::vector<Label> labels;
  for (int i = 0; i < 700; ++i) labels.push_back({std::to_string(i), {}});
  std::vector<std::size_t> done;
  embed_labels(
      labels, {"a {}", "b {}", "c {}"}, [&](const auto& prompts) { return plane(prompts); },
      [&](std::size_t now, std::size_t total) {
        done.push_back(now);
        CHECK(total == 2100);
      });
  CHECK(plane.calls == 3);
  CHECK(plane.asked.size() == 2100);
  CHECK(done.back() == 2100);
}

TEST_CASE("labels that cannot be embedded are named") {
  const auto nothing = [](const std::vector<std::string>&) { return Embeddings(); };
  CHECK(code_of([&] { embed_labels({}, {"a {}"}, nothing); }) == ErrorCode::kInvalidArgument);
  const auto without_prompt = [&] { embed_labels({{"dog", {"a dog"}}, {"cat", {}}}, {}, nothing); };
  CHECK(contains(error_of(without_prompt), "\"cat\" has no prompt"));
  Plane plane;  // opposite prompts have the mean 0
  plane.angles = {{"up", 0}, {"down", std::acos(-1.0)}};
  const auto embed = [&](const auto& prompts) {
    Embeddings rows = plane(prompts);
    for (float& value : rows.values) value = std::round(value);
    return rows;
  };
  const auto call = [&] { embed_labels({{"both", {"up", "down"}}}, {}, embed); };
  CHECK(code_of(call) == ErrorCode::kInternal);
  CHECK(contains(error_of(call), "\"both\""));
}

TEST_CASE("the bytes of prompts are counted before they are made") {
  const std::vector<std::string> templates = {"a {}", "{} and {}", "{}"}, labels = {"x", "cat"};
  std::uint64_t bytes = 0;
  for (const std::string& each : templates) {
    for (const std::string& label : labels) bytes += fill_template(each, label).size();
  }
  CHECK(filled_bytes(templates, labels) == bytes);
  CHECK(filled_bytes({}, labels) == 0);
  CHECK(filled_bytes(templates, {}) == 0);
}

TEST_CASE("templates") {
  CHECK(fill_template("a {} and a {}.", "cat") == "a cat and a cat.");
  CHECK(fill_template("{}", "{}") == "{}");
  CHECK_NOTHROW(check_template("{}"));
  CHECK_THROWS_AS(check_template("a photo"), Error);
  CHECK(parse_template_lines("a {}\r\n\nb {}", "f") == std::vector<std::string>{"a {}", "b {}"});
  CHECK_THROWS_WITH(parse_template_lines("a {}\nb", "f"),
                    doctest::Contains("f, line 2: the template 'b' has no {}"));
  CHECK_THROWS_AS(parse_template_lines("", "f"), Error);
}
