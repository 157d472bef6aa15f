#include "input/brace_list.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support.h"

using clip_cli::BraceList;

namespace {

using Names = std::vector<std::string>;

Names names(std::string_view pattern) {
  const BraceList list(pattern);
  Names all;
  for (std::uint64_t i = 0; i < list.count(); ++i) all.push_back(list.at(i));
  return all;
}

}  // namespace

// Expected: what bash makes of the same words.
TEST_CASE("lists in braces are expanded as bash does it") {
  CHECK(names("{8..11}.tar") == Names{"8.tar", "9.tar", "10.tar", "11.tar"});
  CHECK(names("{08..11}") == Names{"08", "09", "10", "11"});
  CHECK(names("{8..011}") == Names{"008", "009", "010", "011"});
  CHECK(names("{3..1}") == Names{"3", "2", "1"});
  CHECK(names("{-1..1}") == Names{"-1", "0", "1"});
  CHECK(names("{-01..1}") == Names{"-01", "000", "001"});
  CHECK(names("{1..9..3}") == Names{"1", "4", "7"});
  CHECK(names("{9..1..-3}") == Names{"9", "6", "3"});
  CHECK(names("{1..2..0}") == Names{"1", "2"});
  CHECK(names("{7..7}") == Names{"7"});
  CHECK(names("a{b,c}d{1..2}") == Names{"abd1", "abd2", "acd1", "acd2"});
  CHECK(names("{a,{b,c}d,}") == Names{"a", "bd", "cd", ""});
  CHECK(names("{a,b{1..2}}") == Names{"a", "b1", "b2"});
  CHECK(names("{{a,b}}") == Names{"{a}", "{b}"});
  CHECK(names("{a\\,b,c}") == Names{"a,b", "c"});
  CHECK(names("{,}x") == Names{"x", "x"});
}

TEST_CASE("other braces mean themselves") {
  for (const char* plain :
       {"a", "{}", "{a}", "a{b", "a}b", "{1..}", "{..2}", "{1..2..x}", "{a}..{b}", "", "{1...3}"}) {
    CAPTURE(plain);
    CHECK(names(plain) == Names{plain});
    CHECK_FALSE(BraceList(plain).has_list());
  }
  CHECK(BraceList("{7..7}").has_list());
  CHECK(names("\\{a,b}") == Names{"{a,b}"});
  CHECK_FALSE(BraceList("\\{a,b}").has_list());
}

TEST_CASE("lists may be large, and are bounded") {
  const BraceList list("{000000000..999999999}{0..999999999}");
  CHECK(list.count() == 1'000'000'000'000'000'000U);
  CHECK(list.at(0) == "0000000000");
  CHECK(list.at(list.count() - 1) == "999999999999999999");
  CHECK(clip_test::contains(
      clip_test::error_of([] { BraceList("{0..9999999999}{0..9999999999}"); }), "too many names"));
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "{a,";
  deep += std::string(40, '}');
  CHECK(clip_test::contains(clip_test::error_of([&] { BraceList{deep}; }), "nested"));
  // Neither takes time that grows with its square, nor more.
  CHECK(names(std::string(100'000, '{')).size() == 1);
  CHECK(names(std::string(2'000, '{') + std::string(2'000, '}')).size() == 1);
}
