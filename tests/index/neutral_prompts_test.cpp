#include "index/neutral_prompts.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "base/strings.h"

using namespace clip;

TEST_CASE("the bank has some 400 prompts, each once, in the order of the files' names") {
  const std::vector<std::string> prompts = neutral_prompts();
  CHECK(prompts.size() >= 300);
  CHECK(prompts.size() <= 400);
  CHECK(std::set<std::string>(prompts.begin(), prompts.end()).size() == prompts.size());
  CHECK(prompts.front() == "an animal");
  const auto at = [&](const char* prompt) {
    const auto place = std::find(prompts.begin(), prompts.end(), prompt);
    REQUIRE(place != prompts.end());
    return place - prompts.begin();
  };
  CHECK(at("a building") < at("a document"));
  CHECK(at("a document") < at("food"));
  CHECK(at("food") < at("a vehicle"));
}

TEST_CASE("a prompt is one short line without blanks around it") {
  for (const std::string& prompt : neutral_prompts()) {
    CAPTURE(prompt);
    CHECK_FALSE(prompt.empty());
    CHECK(prompt == trimmed(prompt));
    CHECK(prompt.size() <= 40);
    CHECK(std::all_of(prompt.begin(), prompt.end(), [](char c) { return c >= ' ' && c <= '~'; }));
  }
}
