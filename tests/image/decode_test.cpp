#include "image/decode.h"

#include <doctest/doctest.h>

#include <vector>

#include "error.h"
#include "image/file_bytes.h"

namespace {

std::string error_of(const std::string& path) {
  try {
    clip::decode_file(path, {});
  } catch (const clip::Error& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("files that cannot be read are named") {
  CHECK(contains(error_of("missing.jpg"), "missing.jpg"));
  CHECK(contains(error_of("."), "folder"));
  CHECK(contains(error_of("/dev/null"), "empty"));
  CHECK(contains(error_of("decode_test.cpp"), "no picture"));
}

TEST_CASE("a text picture decodes to its numbers") {
  const auto picture = clip::decode_bytes("P3 2 1 255 1 2 3 4 5 6", "small", {});
  REQUIRE(picture.channels == 3);
  CHECK(picture.width == 2);
  const std::vector<int> bgr(picture.row(0), picture.row(0) + 6);
  CHECK(bgr == std::vector<int>{3, 2, 1, 6, 5, 4});
}

TEST_CASE("the limit is an option") {
  clip::DecodeOptions options;
  options.max_pixels = 1;
  CHECK_THROWS_AS(clip::decode_bytes("P3 2 1 255 1 2 3 4 5 6", "small", options), clip::Error);
}
