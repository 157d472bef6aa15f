#include "service/job.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <random>

#include "support.h"

using namespace clip;
using namespace clip_test;

namespace {

ResultError error_in(const std::string& line) {
  const ParsedJob parsed = parse_job(line);
  CAPTURE(line.substr(0, 200));
  REQUIRE(parsed.error.has_value());
  CHECK_FALSE(parsed.error->message.empty());
  CHECK(parsed.error->message.size() < 1000);
  CHECK_NOTHROW(json_line(error_answer(parsed.id, *parsed.error)));
  return *parsed.error;
}

void check_bad_request(const std::string& line, const std::string& part) {
  const ResultError error = error_in(line);
  CHECK(error.code == kBadRequest);
  CHECK_MESSAGE(contains(error.message, part), error.message);
  CHECK(parse_job(line).id == 7);
}

std::string repeated(const std::string& text, std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("jobs") {
  const ParsedJob score =
      parse_job(R"({"id":1,"op":"score","image":"a.png","texts":["a cat","a dog"]})");
  CHECK_FALSE(score.error.has_value());
  CHECK(score.id == 1);
  CHECK(score.job.id == 1);
  CHECK((score.job.op == Job::Op::kScore));
  CHECK(score.job.image == "a.png");
  CHECK(score.job.texts == std::vector<std::string>{"a cat", "a dog"});

  const Job classify =
      parse_job(
          R"({"op":"classify","image":"a.png","labels":["a","b"],"top_k":18446744073709551615})")
          .job;
  CHECK(classify.id.is_null());
  CHECK((classify.op == Job::Op::kClassify));
  CHECK(classify.labels == std::vector<std::string>{"a", "b"});
  CHECK(classify.templates == std::vector<std::string>{"a photo of a {}."});
  CHECK(classify.top_k == 18446744073709551615U);

  const Job embed = parse_job(R"( {"text":"x","op":"embed"} )").job;
  CHECK((embed.op == Job::Op::kEmbed));
  CHECK_FALSE(embed.image.has_value());
  CHECK(embed.texts == std::vector<std::string>{"x"});
  CHECK(parse_job(R"({"image":"x","op":"embed"})").job.image == "x");
}

TEST_CASE("any id comes back, with a result or an error") {
  for (const char* id :
       {"null", "0", "-1.5", "\"x\"", "[1,{\"a\":null}]", "{\"b\":[true]}", "1152921504606846976",
        "18446744073709551615", "1e+308", "-0.0", "5e-324", "\"\\u0000\"", "\"\\u2028\""}) {
    CHECK(json_text(parse_job(fmt::format(R"({{"id":{},"op":"embed","text":"a"}})", id)).id) == id);
    const ParsedJob bad = parse_job(fmt::format(R"({{"id":{}}})", id));
    REQUIRE(bad.error.has_value());
    CHECK(
        json_line(error_answer(bad.id, *bad.error)) ==
        fmt::format("{{\"id\":{},\"error\":{{\"code\":\"bad_request\",\"message\":\"the field 'op' "
                    "is missing; it is a string\"}}}}\n",
                    id));
  }
  // One level is the job's own.
  const std::string deep = repeated("[", 63) + repeated("]", 63);
  CHECK(json_text(parse_job("{\"id\":" + deep + "}").id) == deep);
  CHECK(error_in("{\"id\":[" + deep + "]}").code == kBadJson);
}

TEST_CASE("lines that are no JSON object") {
  for (const std::string& line : std::vector<std::string>{"",
                                                          "not json",
                                                          "{\"id\": 7, ",
                                                          "[1, 2]",
                                                          "\"text\"",
                                                          "7",
                                                          "null",
                                                          std::string(1, '\0'),
                                                          repeated("[", 100'000),
                                                          repeated("{\"id\":", 100'000),
                                                          R"({"id":7,"op":"\ud800"})",
                                                          R"({"id":7,"op":"\udc00"})",
                                                          R"({"id":"\ud800"})",
                                                          R"({"id":1e999})",
                                                          R"({"id":7,"op":1e999})",
                                                          R"({"id":7,"top_k":-1e999})",
                                                          R"({"id":7,"x":[[1e999]]})",
                                                          "{\"id\":\"\xff\"}",
                                                          "{\"\xc3\":1}",
                                                          "\xff\xfe{}",
                                                          "{\"id\":7}{\"id\":8}",
                                                          "{\"id\":7}\0" + std::string(1, '\0'),
                                                          "{\"id\":\"" + std::string(4 << 20, 'x'),
                                                          std::string(4 << 20, '\\'),
                                                          std::string(4 << 20, '"'),
                                                          std::string(4 << 20, '1'),
                                                          std::string(4 << 20, '\0')}) {
    CHECK(error_in(line).code == kBadJson);
    CHECK(parse_job(line).id.is_null());
  }
  CHECK(contains(error_in("[1]").message, "no JSON object"));
  CHECK(contains(error_in(repeated("[", 65)).message, "64 deep"));
}

TEST_CASE("objects that are no job") {
  check_bad_request(R"({"id":7})", "'op' is missing");
  check_bad_request(R"({"id":7,"op":3})", "'op' must be");
  check_bad_request(R"({"id":7,"op":"rank"})", "'rank'");
  check_bad_request(R"({"id":7,"op":"score","image":"a"})", "'texts' is missing");
  check_bad_request(R"({"id":7,"op":"score","texts":["a"]})", "'image' is missing");
  check_bad_request(R"({"id":7,"op":"score","image":"a","texts":[]})", "'texts' must be");
  check_bad_request(R"({"id":7,"op":"score","image":"a","texts":"a"})", "'texts' must be");
  check_bad_request(R"({"id":7,"op":"score","image":"a","texts":["a",null]})", "'texts' must be");
  check_bad_request(R"({"id":7,"op":"score","image":["a"],"texts":["a"]})", "'image' must be");
  check_bad_request(R"({"id":7,"op":"score","image":"a","texts":["a"],"top_k":1})",
                    "'top_k' does not belong");
  const std::string classify = R"({"id":7,"op":"classify","image":"a","labels":)";
  check_bad_request(classify + R"(["a","a"]})", "twice");
  check_bad_request(classify + R"(["a",""]})", "empty");
  check_bad_request(classify + R"({}})", "'labels' must be");
  check_bad_request(classify + R"(["a"],"templates":["a photo"]})", "{}");
  check_bad_request(classify + R"(["a"],"templates":[]})", "'templates' must be");
  for (const char* top_k : {"0", "-3", "1.5", "\"1\"", "1e3", "null", "18446744073709551616"}) {
    check_bad_request(classify + R"(["a"],"top_k":)" + top_k + "}", "'top_k' must be");
  }
  check_bad_request(R"({"id":7,"op":"embed"})", "one of");
  check_bad_request(R"({"id":7,"op":"embed","text":"a","image":"b"})", "one of");
}

TEST_CASE("of fields with the same name the last one counts") {
  const ParsedJob parsed =
      parse_job(R"({"id":1,"op":"score","op":"embed","text":"a","text":"b","id":2})");
  CHECK_FALSE(parsed.error.has_value());
  CHECK(parsed.id == 2);
  CHECK(parsed.job.texts == std::vector<std::string>{"b"});
}

TEST_CASE("any text is taken as it is, a NUL byte in a path too") {
  const ParsedJob parsed = parse_job(
      "{\"op\":\"score\",\"image\":\"a\\u0000b\",\"texts\":[\"\",\"\\u0000\",\"\\u2028\"]}");
  CHECK_FALSE(parsed.error.has_value());
  CHECK(parsed.job.image == std::string("a\0b", 3));
  CHECK(parsed.job.texts == std::vector<std::string>{"", std::string(1, '\0'), "\xe2\x80\xa8"});
}

TEST_CASE("huge lines") {
  const std::string many = repeated("\"a\",", 1 << 20);
  const std::string list = "[" + many.substr(0, many.size() - 1) + "]";
  check_bad_request(R"({"id":7,"op":"score","image":"a","texts":)" + list + "}", "at most 100000");
  check_bad_request(R"({"id":7,"op":"classify","image":"a","labels":)" + list + "}",
                    "at most 100000");
  check_bad_request(R"({"id":7,"op":")" + std::string(4 << 20, 'x') + "\"}", "there is no op");
  check_bad_request(R"({"id":7,"op":"embed","text":"a",")" + std::string(4 << 20, 'x') + "\":1}",
                    "does not belong");
  // Labels times templates, in number and in bytes.
  std::string labels;
  for (int i = 0; i < 50'000; ++i) labels += fmt::format("\"{}\",", i);
  labels.back() = ']';
  const std::string classify = R"({"id":7,"op":"classify","image":"a","labels":[)";
  check_bad_request(classify + labels + R"(,"templates":[)" + repeated("\"{}\",", 99) + "\"{}\"]}",
                    "5000000 prompts");
  check_bad_request(classify + "\"" + std::string(1 << 20, 'x') + R"("],"templates":[")" +
                        repeated("{}", 1 << 20) + "\"]}",
                    "MiB");
  check_bad_request(classify + R"("a"],"templates":[")" + std::string(4 << 20, 'x') + "\"]}", "{}");
  // Large ids come back, but for those that take far more memory than their text.
  const std::string id = "\"" + std::string(4 << 20, 'x') + "\"";
  CHECK(json_text(parse_job("{\"id\":" + id + "}").id) == id);
  const ParsedJob hostile = parse_job("{\"id\":[" + repeated("[],", 1 << 20) + "[]]}");
  REQUIRE(hostile.error.has_value());
  CHECK(hostile.error->code == kBadRequest);
  CHECK(hostile.id.is_null());
}

TEST_CASE("changed lines are always answered") {
  const std::vector<std::string> good = {
      R"({"id":1,"op":"score","image":"a.png","texts":["a cat","a dog"]})",
      R"({"id":{"a":[1,-2.5e3,null]},"op":"classify","image":"a","labels":["a","b"],"top_k":2})",
      R"({"id":"x","op":"classify","image":"a","labels":["a"],"templates":["a {}","{}"]})",
      R"({"id":18446744073709551615,"op":"embed","text":"\ud83d\ude00 \u2028"})"};
  const std::vector<std::string> pieces = {"1e999", "[",    "{",        "]",      "}",    "\"",
                                           "\\",    "null", "\\ud800",  "\xff",   "-0.0", ",",
                                           ":",     "{}",   "\"id\":1", "\\u0000"};
  std::mt19937 random(7);
  const auto below = [&](std::size_t bound) { return random() % bound; };
  for (int i = 0; i < 20'000; ++i) {
    std::string line = good[below(good.size())];
    for (std::size_t changes = 1 + below(4); changes > 0 && !line.empty(); --changes) {
      const std::size_t at = below(line.size());
      switch (below(4)) {
        case 0:
          line[at] = static_cast<char>(below(256));
          break;
        case 1:
          line.erase(at, 1 + below(8));
          break;
        case 2:
          line.insert(at, pieces[below(pieces.size())]);
          break;
        default:
          line.insert(at, line.substr(below(line.size()), below(20)));
      }
    }
    const ParsedJob parsed = parse_job(line);
    const std::string answer =
        json_line(error_answer(parsed.id, parsed.error.value_or(ResultError{"none", ""})));
    REQUIRE_NOTHROW(parse_json(answer));
  }
}
