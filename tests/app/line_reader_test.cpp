#include "input/line_reader.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "input/input_lists.h"
#include "support.h"

using clip_cli::LineReader;
using clip_cli::PathList;
using clip_test::TemporaryFolder;

namespace {

using Strings = std::vector<std::string>;

Strings lines_of(const std::string& bytes, char end = '\n', std::size_t max = 1000) {
  const TemporaryFolder folder;
  LineReader reader(folder.write("lines", bytes), end);
  Strings lines;
  bool too_long = false;
  for (std::string line; reader.next(&line, max, &too_long);) {
    lines.push_back(line + (too_long ? " (too long)" : ""));
  }
  return lines;
}

}  // namespace

TEST_CASE("lines, with and without their ends") {
  CHECK(lines_of("") == Strings{});
  CHECK(lines_of("\n") == Strings{""});
  CHECK(lines_of("a\nb\n") == Strings{"a", "b"});
  CHECK(lines_of("a\nb") == Strings{"a", "b"});
  CHECK(lines_of("a\r\n\r\nb\r\n") == Strings{"a", "", "b"});
  CHECK(lines_of("a\rb\n") == Strings{"a\rb"});
  CHECK(lines_of(std::string("a\0b\n", 4)) == Strings{std::string("a\0b", 3)});
}

TEST_CASE("a byte-order mark is no part of the first line") {
  CHECK(lines_of("\xef\xbb\xbf"
                 "a\n\xef\xbb\xbf"
                 "b\n") == Strings{"a",
                                   "\xef\xbb\xbf"
                                   "b"});
  CHECK(lines_of("\xef\xbb\xbf") == Strings{""});
}

TEST_CASE("names between NULs hold line ends") {
  const std::string names("a\nb\0c\r\0\0d", 9);
  CHECK(lines_of(names, '\0') == Strings{"a\nb", "c\r", "", "d"});
}

TEST_CASE("lines that are longer than a buffer, and longer than allowed") {
  const std::string large(200'000, 'x');
  CHECK(lines_of(large + "\nshort\n", '\n', 1'000'000) == Strings{large, "short"});
  CHECK(lines_of(large + "\nshort\n", '\n', 10) == Strings{"xxxxxxxxxx (too long)", "short"});
  CHECK(lines_of("0123456789\n01234567890\n", '\n', 10) ==
        Strings{"0123456789", "0123456789 (too long)"});
}

TEST_CASE("where a line stands") {
  const TemporaryFolder folder;
  const std::string path = folder.write("lines", "one\r\ntwo\nthree");
  LineReader reader(path);
  CHECK(reader.name() == path);
  std::string line;
  bool too_long = false;
  const std::vector<std::pair<std::uint64_t, bool>> expected = {{5, true}, {9, true}, {14, false}};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    REQUIRE(reader.next(&line, 100, &too_long));
    CHECK(reader.number() == i + 1);
    CHECK(reader.offset() == expected[i].first);
    CHECK(reader.had_end() == expected[i].second);
  }
  CHECK_FALSE(reader.next(&line, 100, &too_long));
}

TEST_CASE("what cannot be read is an error that names it") {
  const TemporaryFolder folder;
  const auto code = [](const std::string& path) {
    return clip_test::code_of([&] { LineReader reader(path); });
  };
  CHECK(code(folder.path("missing")) == clip::ErrorCode::kNotFound);
  CHECK(code(folder.path()) == clip::ErrorCode::kInvalidArgument);
  const std::string error = clip_test::error_of([&] { LineReader reader(folder.path("missing")); });
  CHECK(clip_test::contains(error, folder.path("missing")));
}

TEST_CASE("cancelling ends the wait for a pipe, and gives no half line") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  clip::CancelToken stop;
  LineReader reader("/dev/fd/" + std::to_string(ends[0]), '\n', &stop);
  REQUIRE(write(ends[1], "whole\nhalf", 10) == 10);
  std::string line;
  bool too_long = false;
  REQUIRE(reader.next(&line, 100, &too_long));
  CHECK(line == "whole");
  std::thread canceller([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    stop.cancel();
  });
  CHECK_FALSE(reader.next(&line, 100, &too_long));
  canceller.join();
  close(ends[0]);
  close(ends[1]);
}

TEST_CASE("lists of paths leave empty lines out, and refuse what is no path") {
  const TemporaryFolder folder;
  PathList list(folder.write("list", "a.jpg\n\n b .jpg\r\n"), false);
  std::string path;
  REQUIRE(list.next(&path));
  CHECK(path == "a.jpg");
  REQUIRE(list.next(&path));
  CHECK(path == " b .jpg");
  CHECK_FALSE(list.next(&path));

  PathList too_long(folder.write("long", std::string(100'000, 'x')), false);
  CHECK(clip_test::code_of([&] { too_long.next(&path); }) == clip::ErrorCode::kLimit);
  // A data URL is longer than paths are.
  const std::string url = "data:image/png;base64," + std::string(100'000, 'A');
  PathList urls(folder.write("urls", url + "\na.jpg\n"), false);
  REQUIRE(urls.next(&path));
  CHECK(path == url);
  REQUIRE(urls.next(&path));
  CHECK(path == "a.jpg");
}

TEST_CASE("texts are lines, or the field of JSON Lines") {
  const TemporaryFolder folder;
  CHECK(clip_cli::read_texts({folder.write("a.txt",
                                           "\xef\xbb\xbf"
                                           "a cat\r\n\na dog"),
                              ""}) == Strings{"a cat", "a dog"});
  CHECK(clip_cli::read_texts({folder.write("a.jsonl", "{\"text\":\"a\\ncat\",\"x\":1}\n\n"), ""}) ==
        Strings{"a\ncat"});
  for (const char* bad : {"{\"texts\":\"a\"}", "[1]", "no JSON", "{\"text\":1}"}) {
    const std::string path = folder.write("bad.jsonl", std::string("{\"text\":\"a\"}\n") + bad);
    const std::string error = clip_test::error_of([&] { clip_cli::read_texts({path, ""}); });
    CHECK(clip_test::contains(error, "bad.jsonl, line 2"));
  }
}
