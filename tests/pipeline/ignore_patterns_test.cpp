#include "pipeline/ignore_patterns.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support.h"

using namespace clip;
using namespace clip_test;
using Verdict = IgnorePatterns::Verdict;

namespace {

IgnorePatterns lines(std::string_view text) {
  IgnorePatterns patterns;
  patterns.add_file(text);
  return patterns;
}

bool excludes(const IgnorePatterns& patterns, std::string_view path) {
  const bool is_folder = !path.empty() && path.back() == '/';
  if (is_folder) path.remove_suffix(1);
  return patterns.match(path, is_folder) == Verdict::kExcluded;
}

bool excludes(std::string_view text, std::string_view path) {
  return excludes(lines(text), path);
}

}  // namespace

TEST_CASE("a pattern without a slash matches the last part of a path, at any depth") {
  CHECK(excludes("foo", "foo"));
  CHECK(excludes("foo", "a/b/foo"));
  CHECK(excludes("foo", "foo/"));
  CHECK_FALSE(excludes("foo", "foo/b"));  // whoever walks does not enter foo
  CHECK_FALSE(excludes("foo", "foot"));
  CHECK_FALSE(excludes("foo", "FOO"));
  CHECK(excludes("*.jpg", "a/b.jpg"));
  CHECK(excludes("*.jpg", ".jpg"));
  CHECK_FALSE(excludes("*.jpg", "b.jpg.txt"));
  CHECK(excludes("f*o?.j*", "a/foot.jpg"));
  CHECK_FALSE(excludes("f*o?.j*", "a/fo.jpg"));
  CHECK(excludes("*", "a/b"));
  CHECK(excludes("**", "a/b"));
}

TEST_CASE("a slash anchors, or limits to folders") {
  CHECK(excludes("/foo", "foo"));
  CHECK_FALSE(excludes("/foo", "a/foo"));
  CHECK(excludes("a/foo", "a/foo"));
  CHECK_FALSE(excludes("a/foo", "b/a/foo"));
  CHECK(excludes("foo/", "b/foo/"));
  CHECK_FALSE(excludes("foo/", "b/foo"));
  CHECK(excludes("a/foo/", "a/foo/"));
  CHECK_FALSE(excludes("a/foo/", "a/foo"));
  CHECK(excludes("a/*", "a/b"));
  CHECK_FALSE(excludes("a/*", "a/b/c"));
  CHECK_FALSE(excludes("a?b", "a/b"));
  CHECK_FALSE(excludes("a/[!x]/b", "a//b"));
  CHECK_FALSE(excludes("a[/]b", "a/b"));
}

TEST_CASE("two stars between slashes match any number of folders") {
  for (const char* path : {"b", "a/b", "x/y/z/b"}) CHECK(excludes("**/b", path));
  CHECK_FALSE(excludes("**/b", "xb"));
  for (const char* path : {"a/b", "a/x/b", "a/x/y/b", "a/b/b"}) CHECK(excludes("a/**/b", path));
  CHECK_FALSE(excludes("a/**/b", "ab"));
  CHECK_FALSE(excludes("a/**/b", "x/a/b"));
  for (const char* path : {"a/x", "a/x/y"}) CHECK(excludes("a/**", path));
  CHECK_FALSE(excludes("a/**", "a/"));
  CHECK(excludes("**/a/**/b*/c", "x/a/a/y/b/bb/c"));
  CHECK_FALSE(excludes("**/a/**/b*/c", "x/a/a/y/b/bb/d"));
  CHECK(excludes("a/***/b", "a/x/y/b"));
  CHECK_FALSE(excludes("a**/b", "ax/y/b"));  // those that stand elsewhere are like one
  CHECK(excludes("a**/b", "axy/b"));
  CHECK(excludes("**\\/b", "x/y/b"));
}

TEST_CASE("sets of characters") {
  CHECK(excludes("[a-c]", "b"));
  CHECK_FALSE(excludes("[a-c]", "d"));
  CHECK(excludes("[!a-c]", "d"));
  CHECK_FALSE(excludes("[^a-c]", "b"));
  CHECK(excludes("[]a]", "]"));
  CHECK(excludes("[a-]", "-"));
  CHECK(excludes("[\\]-a]", "^"));
  CHECK(excludes("[[:digit:]x]", "7"));
  CHECK(excludes("[[:digit:]x]", "x"));
  CHECK_FALSE(excludes("[[:digit:]x]", ":"));
  CHECK(excludes("[[:x]", ":"));  // no class without :]
  CHECK(excludes("[\xc0-\xff]x", "\xe9x"));
  for (const char* name : {"alnum", "alpha", "graph", "lower", "print", "xdigit"}) {
    CHECK_MESSAGE(excludes("[[:" + std::string(name) + ":]]", "a"), name);
  }
  for (const char* name : {"blank", "cntrl", "punct", "space", "upper", "digit"}) {
    CHECK_FALSE_MESSAGE(excludes("[[:" + std::string(name) + ":]]", "a"), name);
  }
}

TEST_CASE("later patterns win, and ! includes again") {
  const IgnorePatterns patterns = lines("*.jpg\n!keep*\nkeep-not.jpg\n");
  CHECK(patterns.match("a.jpg", false) == Verdict::kExcluded);
  CHECK(patterns.match("keep.jpg", false) == Verdict::kIncluded);
  CHECK(patterns.match("keep-not.jpg", false) == Verdict::kExcluded);
  CHECK(patterns.match("a.png", false) == Verdict::kNone);
}

TEST_CASE("by name, only a pattern that begins as the name does includes it again") {
  const IgnorePatterns patterns = lines("!*\n!?a\n![.]a\n!a/**\n");
  CHECK(patterns.match("a/.a", false) == Verdict::kIncluded);
  CHECK(patterns.match("a/.a", false, /*by_name=*/true) == Verdict::kNone);
  for (const char* pattern : {"!.a", "!.*", "!\\.a", "!a/.a", "!**/.[a]"}) {
    CHECK_MESSAGE(lines(pattern).match("a/.a", false, true) == Verdict::kIncluded, pattern);
  }
  CHECK(lines("!.a\n*\n").match("a/.a", false, true) == Verdict::kExcluded);
  CHECK(lines("!.a\n!*\n").match("a/.a", false, true) == Verdict::kIncluded);
}

TEST_CASE("lines: comments, escapes, blanks, ends, byte-order mark, NUL") {
  CHECK(lines("# comment\n\n   \n#\n").empty());
  CHECK(excludes("\\#a", "#a"));
  CHECK(excludes("\\!a", "!a"));
  CHECK(excludes("a#b", "a#b"));
  CHECK(excludes("a   ", "a"));
  CHECK_FALSE(excludes("a\\ ", "a"));
  CHECK(excludes("a\\ ", "a "));
  CHECK(excludes("a\\   ", "a "));
  CHECK(excludes(" a", " a"));
  CHECK(excludes("a\t", "a\t"));
  CHECK(excludes("a\r\nb\r\n", "a"));
  CHECK(excludes("a\r\nb\r", "b"));
  CHECK(
      excludes("\xef\xbb\xbf"
               "a\n",
               "a"));
  CHECK(excludes(std::string_view("a\0b\nc\n", 6), "a"));
  CHECK(excludes(std::string_view("a\0b\nc\n", 6), "c"));
  CHECK(excludes("\xff*", "\xff\xfe"));
}

TEST_CASE("what nothing could match is passed over in files, and refused alone") {
  for (const char* pattern :
       {"", "/", "!", "!/", "a\\", "[a", "[", "[]", "[a-", "[[:no:]]", "a//b", "//a", "**//a"}) {
    CHECK_MESSAGE(lines(pattern).empty(), pattern);
    CHECK_MESSAGE(code_of([&] { IgnorePatterns().add(pattern); }) == ErrorCode::kInvalidArgument,
                  pattern);
  }
  const IgnorePatterns patterns = lines("[a\nx[0-9]\n[[:digit:]][b\ny\n");
  CHECK(excludes(patterns, "x1"));
  CHECK(excludes(patterns, "y"));
}

TEST_CASE("one pattern alone is taken as it is") {
  IgnorePatterns patterns;
  patterns.add("#recycle");
  patterns.add("a ");
  CHECK(excludes(patterns, "b/#recycle"));
  CHECK(excludes(patterns, "a "));
  CHECK_FALSE(excludes(patterns, "a"));
}

TEST_CASE("no pattern takes long") {
  // With backtracking, each of these would take longer than the world has been there.
  std::string stars, folders, path;
  for (int i = 0; i < 100; ++i) {
    stars += "a*";
    folders += "**/a*a*/";
    path += "aaaaaaaaaaaaaaaaaaab/";
  }
  CHECK_FALSE(excludes(stars + "b", std::string(250, 'a')));
  CHECK_FALSE(excludes(folders + "c", path + "d"));
  CHECK(excludes(folders + "d", path + "d"));
  CHECK_FALSE(excludes(std::string(1 << 20, '*') + "b", std::string(255, 'a')));
  std::string many;
  for (int i = 0; i < (1 << 18); ++i) many += "[a]\n";
  CHECK_FALSE(excludes(many, "b"));
}
