// Each format over the same columns.

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support.h"
#include "writers/formats.h"
#include "writers/output.h"
#include "writers/record.h"

using namespace clip_cli;
using clip_test::contains;

namespace {

Column column(const std::string& name, const std::string& heading, int width) {
  Column column;
  column.name = name;
  column.in_table = !heading.empty();
  column.heading = heading;
  column.width = width;
  return column;
}

WriterContext context() {
  WriterContext context;
  Column image = column("image", "image", 12);
  image.cut_middle = true;
  Column probability = column("probability", "share", 9);
  probability.style = NumberStyle::kPercent;
  Column score = column("score", "score", 8);
  score.decimals = 4;
  Column label = column("label", "label", 0);
  context.columns = {image, probability, score, column("count", "n", 3), column("error", "", 0),
                     label};
  context.model = "demo";
  context.labels = {"cat", "dog"};
  return context;
}

Record record(const std::string& image, const std::string& label) {
  Record record;
  record.json = {{"image", image}, {"label", label}, {"probability", 0.25}};
  record.json["ranking"] = {{{"label", label}, {"probability", 0.25}, {"score", 12.5}}};
  record.rows = {{image, 0.25, 12.5, std::int64_t{7}, std::monostate{}, label}};
  return record;
}

std::string written(const char* format, const std::vector<Record>& records,
                    const WriterContext& with = context()) {
  const clip_test::TemporaryFolder folder;
  const auto writer = format_named(format)->make(with);
  Output output = Output::replacing(folder.path("out"));
  writer->begin(&output);
  for (const Record& each : records) writer->write(each, &output);
  RunSummary summary;
  summary.images = records.size();
  writer->end(summary, &output);
  output.commit();
  return clip_test::bytes_of(folder.path("out"));
}

}  // namespace

TEST_CASE("CSV quotes what needs it") {
  CHECK(written("csv", {}) == "image,probability,score,count,error,label\n");
  CHECK(written("csv", {record("a.jpg", "cat")}) ==
        "image,probability,score,count,error,label\na.jpg,0.250000,12.5000,7,,cat\n");
  const auto row = [](const std::string& image, const std::string& label) {
    const std::string text = written("csv", {record(image, label)});
    return text.substr(text.find('\n') + 1);
  };
  CHECK(row("a,b", "say \"cat\"") == "\"a,b\",0.250000,12.5000,7,,\"say \"\"cat\"\"\"\n");
  CHECK(row("a\nb\r", " c") == "\"a\nb\r\",0.250000,12.5000,7,,\" c\"\n");
  CHECK(row("a\tb", "") == "a\tb,0.250000,12.5000,7,,\n");
}

TEST_CASE("TSV escapes what would end a field") {
  CHECK(written("tsv", {record("a.jpg", "cat")}) ==
        "image\tprobability\tscore\tcount\terror\tlabel\na.jpg\t0.250000\t12.5000\t7\t\tcat\n");
  CHECK(contains(written("tsv", {record("a\tb\nc\r\\", "cat")}), "\na\\tb\\nc\\r\\\\\t0.25"));
  CHECK(contains(written("tsv", {record("a,\"b\"", "cat")}), "\na,\"b\"\t0.25"));
}

TEST_CASE("JSON Lines are the objects") {
  CHECK(written("json", {}) == "");
  const Record one = record("a\u2028.jpg", "cat");
  CHECK(written("json", {one, one}) == clip::json_line(one.json) + clip::json_line(one.json));
  CHECK(contains(written("json", {one}), "a\\u2028.jpg"));
}

TEST_CASE("a table is for eyes") {
  CHECK(written("table", {record("a.jpg", "cat")}) ==
        "image         share      score     n    label\n"
        "a.jpg           25.00 %     12.50    7  cat\n");
  WriterContext narrow = context();
  narrow.table_header = false;
  narrow.table_width = 20;
  CHECK(written("table", {record("a.jpg", "cat")}, narrow) == "a.jpg           25.\u2026\n");

  narrow.table_width = 0;
  const std::string text =
      written("table", {record("folder/of/images/a.jpg", "c\n\x1b[1m")}, narrow);
  CHECK(contains(text, "\u2026"));
  CHECK(contains(text, "a.jpg"));
  CHECK(contains(text, "c\\n\\x1b[1m"));
  CHECK_FALSE(contains(text, "\x1b"));

  Record titled = record("a.jpg", "cat");
  titled.title = "b.jpg";
  CHECK(written("table", {titled}, narrow).rfind("b.jpg\n", 0) == 0);
  titled.preview = "\x1b[31mimage\r\n";
  const std::string previewed = written("table", {titled}, narrow);
  CHECK(previewed.find("\x1b[31mimage\r\n") == previewed.size() - 12);
  CHECK_FALSE(contains(written("tsv", {titled}), "\x1b"));
  titled.text = "as it is\n";
  CHECK(written("table", {titled}, narrow) == "as it is\n");
}

TEST_CASE("rows without anything, and records without rows") {
  Record empty;
  empty.json = {{"image", "a.jpg"}};
  CHECK(written("tsv", {empty}) == "image\tprobability\tscore\tcount\terror\tlabel\n");
  Record several = record("a.jpg", "cat");
  several.rows.push_back(several.rows.front());
  const std::string text = written("csv", {several});
  CHECK(std::count(text.begin(), text.end(), '\n') == 3);
}

TEST_CASE("paths alone are bytes, whatever they hold") {
  const auto file = [](const std::string& path) {
    Record record;
    record.json = {{"image", "its name in JSON"}, {"score", 27.5}};
    record.file = path;
    return record;
  };
  const std::vector<Record> files = {file("a b.jpg"), file("-0\n\"x\".jpg"), file("\xff\xfe")};
  CHECK(written("paths", files) == "a b.jpg\n-0\n\"x\".jpg\n\xff\xfe\n");
  using namespace std::string_literals;
  CHECK(written("null", files) == "a b.jpg\0-0\n\"x\".jpg\0\xff\xfe\0"s);
  CHECK(written("paths", {}) == "");

  // What failed, and what has no file.
  Record failed = file("bad.jpg");
  failed.json["error"] = {{"code", "bad_image"}, {"message", "it is cut short"}};
  CHECK(written("paths", {failed, file("a"), file("")}) == "a\n");
}

TEST_CASE("paths of groups are told apart") {
  using namespace std::string_literals;
  const auto file = [](std::int64_t group, const std::string& path) {
    Record record;
    record.json = {{"group", group}, {"image", path}};
    record.file = path;
    return record;
  };
  std::vector<Record> files = {file(1, "a"), file(1, "b"), file(2, "c"), file(2, "d")};
  CHECK(written("paths", files) == "a\nb\n\nc\nd\n");
  CHECK(written("null", files) == "a\0b\0\0c\0d\0"s);

  // Where one of each group is kept, the list is of the others.
  for (std::size_t i = 0; i < files.size(); ++i) files[i].json["keep"] = i == 1 || i == 2;
  WriterContext flat = context();
  flat.separate_groups = false;
  CHECK(written("null", files, flat) == "a\0d\0"s);
  CHECK(written("null", files) == "a\0\0d\0"s);
  files[0].json["keep"] = true;  // nothing of a group is left: no empty path for it
  CHECK(written("paths", files) == "d\n");
}

TEST_CASE("the page holds its results, and nothing in them ends its data") {
  Record hostile = record("</script><script>alert(1)</script>.jpg", "<!--<script>");
  hostile.thumbnail = "JPEG";
  Record failed;
  failed.json = {{"image", "bad.jpg"},
                 {"error", {{"code", "bad_image"}, {"message", "it is cut short"}}}};
  const std::string page = written("html", {hostile, failed});
  CHECK(contains(page, "<html"));
  CHECK(contains(page, "</html>"));
  CHECK_FALSE(contains(page, "</script><script>alert"));
  CHECK(contains(page, "it is cut short"));
  CHECK(contains(page, "SlBFRw=="));  // the thumbnail, in base 64
}

TEST_CASE("pages of hits and of near-duplicates") {
  Record hit;
  hit.json = {{"image", "sea.jpg"}, {"rank", 1}, {"score", 27.314}};
  hit.thumbnail = "JPEG";
  WriterContext hits;
  hits.page = PageKind::kHits;
  hits.title = "sunset </script>";
  std::string page = written("html", {hit}, hits);
  CHECK(contains(page, R"("kind":"hits","title":"sunset \u003c/script>")"));
  CHECK(contains(page, R"({"image":"sea.jpg","score":27.314,"label":"","ranking":[["#1",0.27)"));
  CHECK(contains(page, R"(,"27.31"]],"thumbnail":"SlBFRw=="})"));

  Record first, second;
  first.json = {{"group", 1},   {"image", "a.jpg"}, {"bytes", 4200000},
                {"width", 400}, {"height", 300},    {"keep", true}};
  first.title = "2 images, 4.2 MB";
  second.json = {{"group", 1}, {"image", "b.jpg"}, {"bytes", 812}, {"cosine", 0.9876}};
  WriterContext groups;
  groups.page = PageKind::kGroups;
  groups.title = "Near-duplicates in photos";
  page = written("html", {first, second}, groups);
  CHECK(contains(page, R"("kind":"group","title":"Near-duplicates in photos")"));
  CHECK(contains(page, R"("group":1,"label":"2 images, 4.2 MB","keep":true)"));
  CHECK(contains(page, "[[\"4.2 MB\",0.0,\"\"],[\"400 \u00d7 300\",0.0,\"kept\"]]"));
  CHECK(contains(page, R"([["812 bytes",0.9876,"0.988"]])"));

  // Only a page of labels has room for what failed.
  hit.json["error"] = {{"code", "bad_image"}, {"message", "it is cut short"}};
  CHECK_FALSE(contains(written("html", {hit}, hits), "sea.jpg"));
}

TEST_CASE("formats have names and extensions of their own") {
  std::vector<std::string> names, extensions;
  for (const OutputFormat& format : output_formats()) {
    names.emplace_back(format.name);
    for (const char* extension : format.extensions) extensions.emplace_back(extension);
    CHECK(format_named(format.name) == &format);
    CHECK((format.option == nullptr) == (format.help == nullptr));
    CHECK(format.make(context()) != nullptr);
  }
  for (auto* list : {&names, &extensions}) {
    std::sort(list->begin(), list->end());
    CHECK(std::adjacent_find(list->begin(), list->end()) == list->end());
  }
  CHECK(format_named("yaml") == nullptr);
  CHECK(format_of_extension("a.jsonl") == format_named("json"));
  CHECK(format_of_extension("folder.csv/A.CSV") == format_named("csv"));
  CHECK(format_of_extension("folder.csv/a") == nullptr);
  CHECK(format_of_extension("a.txt") == nullptr);
}

TEST_CASE("cells as text") {
  CHECK(cell_text(std::monostate{}, 2) == "");
  CHECK(cell_text(std::string("a"), 2) == "a");
  CHECK(cell_text(0.125, 2) == "0.12");
  CHECK(cell_text(std::int64_t{-3}, 2) == "-3");
}
