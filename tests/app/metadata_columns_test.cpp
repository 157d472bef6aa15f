#include "run/metadata_columns.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace clip_cli;
using clip::ParquetType;

namespace {

MetadataColumns columns_of(const std::vector<std::string>& lines) {
  MetadataColumns columns;
  for (const std::string& line : lines) columns.add(clip::parse_json(line));
  return columns;
}

std::vector<std::string> names_of(const MetadataColumns& columns) {
  std::vector<std::string> names;
  for (const clip::ParquetColumn& column : columns.columns()) names.push_back(column.name);
  return names;
}

ParquetType type_of(const std::vector<std::string>& values) {
  std::vector<std::string> lines;
  for (const std::string& value : values) {
    lines.push_back(R"({"image":"a","json":{"x":)" + value + "}}");
  }
  return columns_of(lines).columns().back().type;
}

}  // namespace

TEST_CASE("a column has the type that all its values have") {
  CHECK(type_of({"1", "-5", "9223372036854775807"}) == ParquetType::kInt64);
  CHECK(type_of({"1", "null"}) == ParquetType::kInt64);
  CHECK(type_of({"1", "2.5"}) == ParquetType::kDouble);
  CHECK(type_of({"9223372036854775808"}) == ParquetType::kDouble);
  CHECK(type_of({"true", "false"}) == ParquetType::kBool);
  CHECK(type_of({"true", "1"}) == ParquetType::kText);
  CHECK(type_of({"1", "\"one\""}) == ParquetType::kText);
  CHECK(type_of({"[1,2]"}) == ParquetType::kText);
  CHECK(type_of({"null", "null"}) == ParquetType::kText);
}

TEST_CASE("values are those of their columns, and missing where a line has none") {
  const std::vector<std::string> lines = {
      R"({"image":"a.jpg","caption":"a cat","model":"m","run":"r","json":{"n":1,"mixed":true,"exif":{"model":"X","gps":{"lat":1.5}}}})",
      R"({"image":"b.jpg","json":{"n":2.5,"mixed":"yes","list":[1,"a"],"caption":"not this","exif":{}}})"};
  const MetadataColumns columns = columns_of(lines);
  CHECK(names_of(columns) == std::vector<std::string>{"image_path", "caption", "n", "mixed",
                                                      "exif.model", "exif.gps.lat", "list",
                                                      "exif"});
  const auto first = columns.row(clip::parse_json(lines[0]));
  CHECK(first[1] == clip::ParquetValue(std::string("a cat")));
  CHECK(first[2] == clip::ParquetValue(1.0));
  CHECK(first[3] == clip::ParquetValue(std::string("true")));
  CHECK(first[4] == clip::ParquetValue(std::string("X")));
  CHECK(first[5] == clip::ParquetValue(1.5));
  CHECK(first[6] == clip::ParquetValue());
  const auto second = columns.row(clip::parse_json(lines[1]));
  CHECK(second[1] == clip::ParquetValue());
  CHECK(second[2] == clip::ParquetValue(2.5));
  CHECK(second[3] == clip::ParquetValue(std::string("yes")));
  CHECK(second[6] == clip::ParquetValue(std::string(R"([1,"a"])")));
  CHECK(second[7] == clip::ParquetValue(std::string("{}")));
}

TEST_CASE("classes, and JSON that is none") {
  CHECK(names_of(columns_of({R"({"image":"a","class":3,"json":"{broken"})"})) ==
        std::vector<std::string>{"image_path", "json", "class"});
  CHECK(names_of(columns_of({R"({"image":"a","class":3,"json":{"class":"cat"}})"})) ==
        std::vector<std::string>{"image_path", "class"});
}

TEST_CASE("there are no more columns than that, however many keys samples have") {
  MetadataColumns columns;
  for (int line = 0; line < 3; ++line) {
    clip::Json json = {{"image", "a"}, {"json", clip::Json::object()}};
    for (int key = 0; key < 500; ++key) {
      json["json"]["k" + std::to_string(line * 500 + key)] = key;
    }
    columns.add(json);
  }
  CHECK(columns.columns().size() == MetadataColumns::kMaxColumns);
  CHECK(columns.left_out() == 501);
}
