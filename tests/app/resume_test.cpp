#include "run/resume.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "support.h"

using clip_cli::EarlierResults;
using clip_cli::RunFacts;
using clip_test::bytes_of;
using clip_test::contains;
using clip_test::error_of;
using clip_test::TemporaryFolder;

namespace {

RunFacts facts_with(const std::string& precision) {
  RunFacts facts;
  facts.add("model", "0123456789ab");
  facts.add_digest("labels", "cat\ndog\n");
  facts.add("precision", precision);
  return facts;
}

std::string line(const std::string& image, const std::string& precision = "fp32") {
  return R"({"image":")" + image + R"(","label":"cat","run":")" + facts_with(precision).text() +
         "\"}\n";
}

std::string error_with(const std::string& bytes, const std::string& precision = "fp32") {
  const TemporaryFolder folder;
  const std::string path = folder.write("results.jsonl", bytes);
  const RunFacts facts = facts_with(precision);
  const std::string error = error_of([&] { EarlierResults earlier(path, facts); });
  CHECK(bytes_of(path) == bytes);  // what is refused stays as it is
  return error;
}

}  // namespace

TEST_CASE("facts are words, and a digest stands for what is long") {
  const RunFacts facts = facts_with("fp32");
  CHECK(facts.text() == "model=0123456789ab labels=" +
                            facts.text().substr(sizeof("model=0123456789ab labels=") - 1, 12) +
                            " precision=fp32");
  CHECK(facts.difference_from(facts.text()) == "");
  CHECK(contains(facts.difference_from(facts_with("bf16").text()), "precision"));
  CHECK(contains(facts.difference_from(facts_with("bf16").text()), "bf16"));
  RunFacts other;
  other.add_digest("labels", "cat\nhorse\n");
  CHECK(contains(other.difference_from(facts.text()), "labels"));
  CHECK(contains(facts.difference_from("labels=1"), "model"));
  CHECK(facts.difference_from("") != "");
}

TEST_CASE("a missing file is made, and is empty") {
  const TemporaryFolder folder;
  const RunFacts facts = facts_with("fp32");
  EarlierResults earlier(folder.path("results.jsonl"), facts);
  CHECK(earlier.count() == 0);
  CHECK(bytes_of(folder.path("results.jsonl")) == "");
}

TEST_CASE("images that are done, and how many of them failed") {
  const TemporaryFolder folder;
  const RunFacts facts = facts_with("fp32");
  std::string bytes = line("a.jpg") + line("b.jpg") + "\n";
  bytes += R"({"image":"bad.jpg","run":")" + facts.text() +
           R"(","error":{"code":"bad_image","message":"it is cut short"}})" + "\n";
  bytes += R"({"image":"\ufffd.jpg","image_hex":"ff2e6a7067","run":")" + facts.text() + "\"}\n";
  const std::string path = folder.write("results.jsonl", bytes);
  EarlierResults earlier(path, facts);
  CHECK(earlier.count() == 4);
  CHECK(earlier.failed() == 1);
  CHECK(earlier.holds("a.jpg"));
  CHECK(earlier.holds("bad.jpg"));
  CHECK(earlier.holds("\xff.jpg"));
  CHECK_FALSE(earlier.holds("c.jpg"));
  const int descriptor = earlier.take_descriptor();
  REQUIRE(descriptor >= 0);
  REQUIRE(write(descriptor, "x", 1) == 1);
  close(descriptor);
  CHECK(bytes_of(path) == bytes + "x");
}

TEST_CASE("a last line that a crash cut off is taken away, wherever it was cut") {
  const RunFacts facts = facts_with("fp32");
  const std::string whole = line("a.jpg"), last = line("b.jpg");
  for (std::size_t length = 0; length < last.size(); ++length) {
    const TemporaryFolder folder;
    const std::string path = folder.write("results.jsonl", whole + last.substr(0, length));
    EarlierResults earlier(path, facts);
    const bool has_last = length + 1 == last.size();  // only its end is missing
    CHECK(earlier.count() == (has_last ? 2 : 1));
    CHECK(bytes_of(path) == (has_last ? whole + last : whole));
  }
  const TemporaryFolder folder;
  const std::string path = folder.write("results.jsonl", whole + std::string(100, '\0'));
  EarlierResults earlier(path, facts);
  CHECK(bytes_of(path) == whole);
}

TEST_CASE("results of another run are refused, saying what differs") {
  CHECK(contains(error_with(line("a.jpg", "bf16")), "precision"));
  CHECK(contains(error_with(line("a.jpg") + line("b.jpg", "bf16")), "line 2"));
  CHECK(contains(error_with("{\"image\":\"a.jpg\",\"label\":\"cat\"}\n"), "line 1"));
}

TEST_CASE("what holds no results is refused") {
  for (const char* bytes : {"image,label\na.jpg,cat\n", "hello", "[1]\n", "{\"id\":1}\n",
                            "{\"image\":1}\n", "{\"image\":\"a\",\"run\":1}\n"}) {
    CHECK(contains(error_with(bytes), "line 1"));
  }
  const TemporaryFolder folder;
  const RunFacts facts = facts_with("fp32");
  CHECK(error_of([&] { EarlierResults earlier("/dev/null", facts); }) != "");
  CHECK(error_of([&] { EarlierResults earlier(folder.path(), facts); }) != "");
}

TEST_CASE("a file that another run is writing is refused") {
  const TemporaryFolder folder;
  const RunFacts facts = facts_with("fp32");
  EarlierResults one(folder.path("results.jsonl"), facts);
  CHECK(contains(error_of([&] { EarlierResults two(folder.path("results.jsonl"), facts); }),
                 "another run"));
}

TEST_CASE("results of another command, by another name, as often as they are there") {
  const TemporaryFolder folder;
  const RunFacts facts = facts_with("fp32");
  const std::string run = R"(,"run":")" + facts.text() + "\"}\n";
  const std::string text = R"({"text":"a cat")" + run;
  const std::string bytes = text + text + R"({"text":"a dog")" + run;
  clip_cli::EarlierKind kind;
  kind.command = "embed";
  kind.name = "text";
  EarlierResults earlier(folder.write("results.jsonl", bytes), facts, kind);
  CHECK(earlier.count() == 3);
  CHECK(earlier.holds("a cat"));
  CHECK(earlier.take("a cat"));
  CHECK(earlier.take("a cat"));
  CHECK_FALSE(earlier.take("a cat"));
  CHECK(earlier.take("a dog"));
  CHECK_FALSE(earlier.take("a bird"));
  CHECK(contains(error_of([&] {
                   EarlierResults other(folder.write("other.jsonl", line("a.jpg")), facts, kind);
                 }),
                 "is no result of embed"));
}

TEST_CASE("whole groups stay, and what comes before the first that does not") {
  const RunFacts facts = facts_with("fp32");
  const std::string one = line("a.jpg");
  for (std::uint64_t lines = 0; lines < 8; ++lines) {
    for (std::uint64_t kept = 0; kept < 8; ++kept) {
      const TemporaryFolder folder;
      std::string bytes;
      for (std::uint64_t i = 0; i < lines; ++i) bytes += one;
      const std::string path = folder.write("results.jsonl", bytes + one.substr(0, 5));
      clip_cli::EarlierKind kind;
      kind.group = 3;
      kind.keeps = [&](std::uint64_t place, bool failed) {
        CHECK_FALSE(failed);
        return place < kept;
      };
      EarlierResults earlier(path, facts, kind);
      const std::uint64_t expected = std::min(lines, kept) / 3 * 3;
      CHECK(earlier.count() == expected);
      CHECK(bytes_of(path) == bytes.substr(0, expected * one.size()));
    }
  }
}
