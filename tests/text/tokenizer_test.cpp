#include "clip/tokenizer.h"

#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "clip/error.h"
#include "support.h"

using clip::Tokenizer;
using clip_test::contains;
using Ids = std::vector<std::int32_t>;

namespace {

const Tokenizer& tokenizer() {
  static const auto shared = clip::make_clip_tokenizer();
  return *shared;
}

}  // namespace

TEST_CASE("ids equal those of OpenAI's tokenizer") {
  std::ifstream file("tokens.jsonl");
  REQUIRE(file);
  std::map<std::string, int> counts;
  int all = 0;
  for (std::string line; std::getline(file, line); ++all) {
    const auto json = nlohmann::json::parse(line);
    const auto category = json["category"].get<std::string>();
    const auto text = json["text"].get<std::string>();
    ++counts[category];
    CAPTURE(category);
    CAPTURE(text);
    CHECK(tokenizer().encode(text) == json["ids"].get<Ids>());
  }
  CHECK(all == 568);
  CHECK(counts.size() == 15);
}

// Words of ten languages, decoded with wrong encodings once or twice; the ids are those of what
// ftfy makes of them.
TEST_CASE("wrongly decoded text has the ids of what it was meant to be") {
  std::ifstream file("mojibake.jsonl");
  REQUIRE(file);
  int all = 0;
  for (std::string line; std::getline(file, line); ++all) {
    const auto json = nlohmann::json::parse(line);
    const auto text = json["text"].get<std::string>();
    CAPTURE(text);
    CHECK(tokenizer().encode(text) == json["ids"].get<Ids>());
  }
  CHECK(all == 2000);
}

TEST_CASE("the context takes start, ids and end") {
  CHECK(tokenizer().encode_prompt("a photo of a cat", 77, false) ==
        Ids{49406, 320, 1125, 539, 320, 2368, 49407});
  CHECK(tokenizer().encode_prompt("", 77, false) == Ids{49406, 49407});
  CHECK(tokenizer().encode_prompt("a photo of a cat", 7, false).size() == 7);
}

TEST_CASE("a text longer than the context is named, or cut as OpenAI's tokenizer cuts") {
  const auto refused = [] { tokenizer().encode_prompt("a photo of a cat", 6, false); };
  for (const char* part : {"a photo of a cat", "7 tokens", "at most 6"}) {
    CHECK(contains(clip_test::error_of(refused), part));
  }
  CHECK(clip_test::code_of(refused) == clip::ErrorCode::kLimit);
  CHECK(tokenizer().encode_prompt("a photo of a cat", 6, true) ==
        Ids{49406, 320, 1125, 539, 320, 49407});
  CHECK_THROWS_AS(tokenizer().encode_prompt(std::string(1 << 20, 'x'), 77, false), clip::Error);
}

TEST_CASE("bytes that are not UTF-8 count as U+FFFD") {
  for (const char* bytes : {"\xff",
                            "a\x80"
                            "b",
                            "\xe2\x82", "\xed\xa0\x80", "\xf5\x80\x80\x80"}) {
    CHECK_FALSE(tokenizer().encode(bytes).empty());
  }
  CHECK(tokenizer().encode("caf\xe9") == tokenizer().encode("caf\uFFFD"));
  CHECK(tokenizer().encode("\xe2\x82 x") == tokenizer().encode("\uFFFD x"));
  CHECK(tokenizer().encode("\xed\xa0\x80") == tokenizer().encode("\uFFFD\uFFFD\uFFFD"));
}

TEST_CASE("NUL is removed like other control characters") {
  CHECK(tokenizer().encode(std::string_view("a\0 cat", 6)) == tokenizer().encode("a cat"));
}

TEST_CASE("long words merge as short ones do, and in reasonable time") {
  // Words of up to 64 bytes merge in one way, longer ones in another; how a word begins does not
  // hang on how it goes on.
  const std::string word = "supercalifragilisticexpialidocious";
  const Ids once = tokenizer().encode(word);
  std::string longer = word;
  for (int i = 0; i < 3; ++i) longer += longer;
  const Ids many = tokenizer().encode(longer);
  CHECK(std::equal(once.begin(), once.end() - 1, many.begin()));
  CHECK_FALSE(tokenizer().encode(std::string(1 << 20, 'x')).empty());
  std::string nested = "&";
  for (int i = 0; i < 200000; ++i) nested += "amp;";
  CHECK(tokenizer().encode(nested) == tokenizer().encode("&"));
}

TEST_CASE("pieces show what ids stand for") {
  CHECK(tokenizer().piece(1125) == "photo</w>");
  CHECK(tokenizer().piece(49406) == "<|startoftext|>");
  CHECK(tokenizer().piece(49407) == "<|endoftext|>");
  CHECK(tokenizer().piece(0) == "!");
  CHECK(tokenizer().piece(256) == "!</w>");
  CHECK(tokenizer().piece(tokenizer().encode("日本")[0]) == "日");
  CHECK(tokenizer().piece(tokenizer().encode("\U0001FAE8")[0]).find("\\x") == 0);
}
