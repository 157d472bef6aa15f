#include "base/strings.h"

#include <doctest/doctest.h>

using namespace clip;

namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> all;
  Lines lines(text);
  for (std::string_view line; lines.next(&line);) all.emplace_back(line);
  return all;
}

}  // namespace

TEST_CASE("lines end in \\n or \\r\\n, the last in nothing, and begin behind a byte-order mark") {
  using Strings = std::vector<std::string>;
  CHECK(lines_of("").empty());
  CHECK(lines_of("a") == Strings{"a"});
  CHECK(lines_of("a\nb\r\n\nc\r\n") == Strings{"a", "b", "", "c"});
  CHECK(lines_of("\xef\xbb\xbf") == Strings{});
  CHECK(lines_of("\xef\xbb\xbf"
                 "cat\n\xef\xbb\xbf"
                 "dog") == Strings{"cat",
                                   "\xef\xbb\xbf"
                                   "dog"});
  CHECK(lines_of("a\rb\n") == Strings{"a\rb"});  // a lone \r ends no line
}

TEST_CASE("beginnings and endings") {
  CHECK(ends_with("a.pt", ".pt"));
  CHECK(ends_with("a", ""));
  CHECK_FALSE(ends_with("t", ".pt"));
  CHECK(starts_with("abc", "ab"));
  CHECK_FALSE(starts_with("a", "ab"));
  CHECK(trimmed(" \ta b\t ") == "a b");
  CHECK(trimmed("  ").empty());
}

TEST_CASE("names and extensions of paths") {
  CHECK(base_name("a/b.JPG") == "b.JPG");
  CHECK(base_name("b") == "b");
  CHECK(base_name("a/") == "");
  CHECK(extension_of("a/b.tar.GZ") == "gz");
  CHECK(extension_of("a.b/c") == "");
  CHECK(extension_of("a.") == "");
}

TEST_CASE("the nearest name, in any case") {
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("modle", "model") == 1);
  CHECK(edit_distance("ab", "ba") == 1);
  CHECK(edit_distance("ca", "abc") == 3);  // a letter that was swapped is not moved apart
  CHECK(nearest_name("SCOR", {"classify", "score", "evaluate"}) == "score");
  // Of equally near ones the first, however long they are.
  CHECK(nearest_name("b", {"a", "c"}) == "a");
  CHECK(nearest_name("abcdef", {"x", "abc", "abcdefghi", "uvwxyz"}) == "abc");
  CHECK(nearest_name("x", {}) == "");
  CHECK(similar_name("scroe", {"classify", "score", "store"}) == "score");
  CHECK(similar_name("ScOrEs", {"score"}) == "score");
  CHECK(similar_name("k", {"topk", "in"}) == "");
  CHECK(similar_name("in", {"on", "join"}) == "on");
  CHECK(similar_name("rank", {"score"}) == "");
  CHECK(similar_name("x", {}) == "");
}

TEST_CASE("hexadecimal digits there and back") {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  CHECK(hex_of("\xff\x01") == "ff01");
  CHECK(bytes_of_hex(hex_of(all)) == all);
  CHECK(bytes_of_hex("41zz42") == "A");
  CHECK(bytes_of_hex("414") == "A");
}
