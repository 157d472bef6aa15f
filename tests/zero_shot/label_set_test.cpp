#include "zero_shot/label_set.h"

#include <doctest/doctest.h>

#include "support.h"
#include "zero_shot/builtin_sets.h"

using namespace clip;
using namespace clip_test;

namespace {

std::vector<std::string> names(const std::vector<Label>& labels) {
  std::vector<std::string> names;
  for (const Label& label : labels) names.push_back(label.name);
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a list is a record of CSV") {
  CHECK(names(parse_label_list("cat,dog,hot dog")) == Names{"cat", "dog", "hot dog"});
  CHECK(names(parse_label_list(" cat ,\tdog")) == Names{"cat", "dog"});
  CHECK(names(parse_label_list(R"("salt, pepper",  "a ""quoted"" one" ,b)")) ==
        Names{"salt, pepper", "a \"quoted\" one", "b"});
  CHECK(names(parse_label_list("<b>,\xf0\x9f\x90\x88")) == Names{"<b>", "\xf0\x9f\x90\x88"});
  CHECK(names(parse_label_list("5\" nail,a")) == Names{"5\" nail", "a"});
}

TEST_CASE("a list that cannot be meant is refused") {
  CHECK(contains(error_of([] { parse_label_list(""); }), "empty"));
  CHECK(contains(error_of([] { parse_label_list("a,,b"); }), "empty"));
  CHECK(contains(error_of([] { parse_label_list("a,b,"); }), "empty"));
  CHECK(contains(error_of([] { parse_label_list("a,b,a"); }), "'a' is in the list twice"));
  CHECK(contains(error_of([] { parse_label_list("\"a,b"); }), "no closing quote"));
  CHECK(contains(error_of([] { parse_label_list("\"a\"b,c"); }), "neither a comma"));
}

TEST_CASE("a file has a label a line, or labels with prompts") {
  const auto labels = parse_label_lines(
      "\xef\xbb\xbf"
      "cat\r\n\n  dog \nfish\ta fish in water\nfish\t a fish on a plate \nlast",
      "f");
  REQUIRE(names(labels) == Names{"cat", "dog", "fish", "last"});
  CHECK(labels[0].prompts.empty());
  CHECK(labels[2].prompts == Names{"a fish in water", "a fish on a plate"});
}

TEST_CASE("errors in a file name the line") {
  CHECK(code_of([] { parse_label_lines("a\na\n", "f"); }) == ErrorCode::kInvalidArgument);
  CHECK(error_of([] { parse_label_lines("a\nb\na\n", "f"); }) ==
        "f, line 3: the label 'a' has been there before");
  CHECK(error_of([] { parse_label_lines("a\n\tb\n", "f"); }).find("f, line 2") == 0);
  CHECK(error_of([] { parse_label_lines("a\nb\t \n", "f"); }).find("f, line 2") == 0);
  CHECK(error_of([] { parse_label_lines("a\na\tx\n", "f"); }).find("f, line 2") == 0);
  CHECK(error_of([] { parse_label_lines("\n \n", "f"); }) == "f holds no labels");
}

TEST_CASE("the sets are in the binary") {
  CHECK(builtin_label_set("cifar10").size() == 10);
  CHECK(builtin_label_set("imagenet").size() == 1000);
  CHECK(builtin_template_set("openai_imagenet").size() == 80);
  for (const std::string& name : label_set_names()) CHECK(builtin_label_set(name).size() > 1);
  for (const std::string& name : template_set_names()) CHECK(!builtin_template_set(name).empty());
  const std::string error = error_of([] { builtin_label_set("cifar"); });
  CHECK(contains(error, "'cifar'; did you mean cifar10?"));
  CHECK(contains(error_of([] { builtin_label_set("birds"); }), "cifar10, cifar100"));
  CHECK(code_of([] { builtin_template_set("cifar"); }) == ErrorCode::kNotFound);
}
