#include "options/table_name.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "usage_error.h"
#include "writers/pgvector.h"

using namespace clip_cli;

TEST_CASE("names of tables, as people write them and as SQL has them") {
  using Parts = std::vector<std::string>;
  CHECK(table_parts("images") == Parts{"images"});
  CHECK(table_parts("Archive.Images") == Parts{"Archive", "Images"});
  CHECK(table_parts("\"a.b\"\"c\".d") == Parts{"a.b\"c", "d"});
  CHECK(quoted(table_parts("Archive.Images")) == "\"Archive\".\"Images\"");
  CHECK(quoted(std::string("a\"; DROP TABLE x; --")) == "\"a\"\"; DROP TABLE x; --\"");
  for (const std::string& none :
       {std::string(), std::string("a..b"), std::string(".a"), std::string("a.b.c"),
        std::string("\"a"), std::string("\"a\"b"), std::string("a\"b\""), std::string("\"\""),
        std::string("\xff"), std::string("a\0b", 3), std::string(64, 'a')}) {
    CHECK_THROWS_AS(table_parts(none), UsageError);
  }
  CHECK(table_parts(std::string(63, 'a')).size() == 1);
}

TEST_CASE("values in the text form of COPY") {
  CHECK(copy_text("a\tb\nc\rd\\e\bf\fg\vh") == "a\\tb\\nc\\rd\\\\e\\bf\\fg\\vh");
  CHECK(copy_text("\\N") == "\\\\N");
  CHECK(copy_text("\\.") == "\\\\.");
  CHECK(copy_text(std::string("a\0b", 3)) ==
        "a\xef\xbf\xbd"
        "b");
  CHECK(copy_text("caf\xc3\xa9 'x' \"y\"") == "caf\xc3\xa9 'x' \"y\"");
}
