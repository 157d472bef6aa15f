#include "service/json.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <limits>

#include "support.h"

using namespace clip;
using namespace clip_test;

namespace {

std::string nested(std::size_t depth, const std::string& open, const std::string& close) {
  std::string text;
  for (std::size_t i = 0; i < depth; ++i) text += open;
  for (std::size_t i = 0; i < depth; ++i) text += close;
  return text;
}

}  // namespace

TEST_CASE("lines are what the library writes, but for characters that end lines") {
  const Json json = {{"b", 1.5}, {"a", {1, -0.0, 1e308, nullptr, true}}, {"text", "\"\\\n\x01 é"}};
  CHECK(json_line(json) == json.dump() + "\n");
  CHECK(json_text(json) == json.dump());
  CHECK(json_text("a\xc2\x85"
                  "b\xe2\x80\xa8"
                  "c\xe2\x80\xa9\xe2\x80\xa9") == R"("a\u0085b\u2028c\u2029\u2029")");
  CHECK(json_text({{"\xe2\x80\xa8", 1}}) == R"({"\u2028":1})");
  CHECK(json_text("\xc2\x86\xe2\x80\xa7") == "\"\xc2\x86\xe2\x80\xa7\"");
  const std::string text = "a\xc2\x85 \xe2\x80\xa8\xe2\x80\xa9";
  CHECK(parse_json(json_text(text)) == text);
}

TEST_CASE("what is not UTF-8 is replaced, also beside an escaped character") {
  CHECK(json_text("a\xff\xe2\x80\xa8\xc2") == "\"a\xef\xbf\xbd\\u2028\xef\xbf\xbd\"");
  CHECK(json_text("\xe2\x80") == "\"\xef\xbf\xbd\"");
}

TEST_CASE("names may be any bytes") {
  Json json = Json::object();
  put_name(&json, "image", "a/\xc3\xa9.png");
  CHECK(json_text(json) == "{\"image\":\"a/\xc3\xa9.png\"}");
  CHECK(name_in(json, "image") == "a/\xc3\xa9.png");

  const std::string bytes("\xff\0x\xe9.png", 8);
  Json other = Json::object();
  put_name(&other, "image", bytes);
  other["model"] = "m";
  const std::string text = json_text(other);
  CHECK(text ==
        "{\"image\":\"\xef\xbf\xbd\\u0000x\xef\xbf\xbd.png\",\"image_hex\":\"ff0078e92e706e67\","
        "\"model\":\"m\"}");
  CHECK(name_in(parse_json(text), "image") == bytes);
  CHECK_THROWS_AS(name_in(Json::object(), "image"), std::exception);
  CHECK_THROWS_AS(name_in({{"image", 3}}, "image"), std::exception);
  CHECK_THROWS_AS(name_in({{"image", "x"}, {"image_hex", 3}}, "image"), std::exception);
}

TEST_CASE("values are read as they are written") {
  for (const char* text :
       {"null", "true", "false", "0", "-1", "18446744073709551615", "-9223372036854775808", "0.5",
        "1e+308", "-0.0", "\"\"", "\"a\\u0000b\"", "[]", "{}", "[1,[2,{\"a\":[]}],\"x\"]",
        "{\"b\":1,\"a\":{\"c\":[{}]}}"}) {
    CHECK(json_text(parse_json(text)) == text);
  }
  CHECK(parse_json(" [1 , 2 ]\r\n") == Json({1, 2}));
  CHECK(parse_json("\"\\ud83d\\ude00\"") == "\xf0\x9f\x98\x80");
}

TEST_CASE("what is no JSON is an error with its byte") {
  for (const std::string& text : std::vector<std::string>{"",
                                                          " ",
                                                          "not json",
                                                          "{\"id\": 7, ",
                                                          "[1,]",
                                                          "{\"a\"}",
                                                          "{1:2}",
                                                          "[1] 2",
                                                          "nul",
                                                          std::string(1, '\0'),
                                                          std::string("[1]\0", 4),
                                                          "\"\\ud800\"",
                                                          "\"\\udc00\\ud800\"",
                                                          "\"\xff\"",
                                                          "\"\xed\xa0\x80\"",
                                                          "\"a\nb\"",
                                                          "01",
                                                          "+1",
                                                          "NaN",
                                                          "Infinity",
                                                          "'a'",
                                                          "[1}",
                                                          "{]",
                                                          "]",
                                                          "\"abc",
                                                          "1e999",
                                                          "-1e999",
                                                          "[1e999",
                                                          "{\"a\":1e400}"}) {
    CAPTURE(text);
    CHECK(code_of([&] { parse_json(text); }) == ErrorCode::kCorrupt);
    CHECK(contains(error_of([&] { parse_json(text); }), "byte "));
  }
  CHECK(error_of([] { parse_json("[1, x]"); }) == "it is no JSON: byte 5");
  CHECK(contains(error_of([] { parse_json("[1e999]"); }), "a double cannot hold"));
}

TEST_CASE("nesting is bounded") {
  CHECK_NOTHROW(parse_json(nested(64, "[", "]")));
  CHECK_NOTHROW(parse_json(nested(63, "{\"a\":", "}").replace(63 * 5, 0, "[]")));
  for (const std::size_t depth : {65, 100'000, 2'000'000}) {
    CHECK(code_of([&] { parse_json(nested(depth, "[", "]")); }) == ErrorCode::kLimit);
    CHECK(code_of([&] { parse_json(nested(depth, "{\"a\":", "}")); }) == ErrorCode::kLimit);
    CHECK(code_of([&] { parse_json(nested(depth, "[", "")); }) == ErrorCode::kLimit);
  }
  CHECK_NOTHROW(parse_json("\"" + nested(1000, "[", "{") + "\""));
  CHECK(code_of([] { parse_json("[[1]]", 1); }) == ErrorCode::kLimit);
  CHECK_NOTHROW(parse_json("1", 0));
}

TEST_CASE("of equal keys the last value counts, in the place of the first") {
  CHECK(json_text(parse_json(R"({"a":1,"b":2,"a":[3]})")) == R"({"a":[3],"b":2})");
  CHECK(json_text(parse_json(R"({"a":1,"\u0061":{"c":1,"c":2}})")) == R"({"a":{"c":2}})");
  std::string text = "{";
  for (int i = 0; i < 100; ++i) text += fmt::format("\"{}\":{},", i % 50, i);
  text.back() = '}';
  const Json json = parse_json(text);
  REQUIRE(json.size() == 50);
  for (int i = 0; i < 50; ++i) CHECK(json[std::to_string(i)] == 50 + i);
}

TEST_CASE("large objects take no longer than large arrays") {
  std::string text = "{";
  for (int i = 0; text.size() < (4 << 20); ++i) text += fmt::format("\"{}\":0,", i);
  text.back() = '}';
  const auto start = std::chrono::steady_clock::now();
  CHECK(parse_json(text).size() > 300'000);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
}
