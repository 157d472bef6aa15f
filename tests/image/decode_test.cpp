#include <doctest/doctest.h>

#include <vector>

#include "clip/error.h"
#include "clip/image.h"
#include "support.h"

using clip_test::contains;

namespace {

std::string decode_error(const std::string& path) {
  return clip_test::error_of([&] { clip::decode_file(path, {}); });
}

}  // namespace

TEST_CASE("files that cannot be read are named") {
  CHECK(contains(decode_error("missing.jpg"), "missing.jpg"));
  CHECK(contains(decode_error("."), "folder"));
  CHECK(contains(decode_error("/dev/null"), "it is a device"));
  CHECK(contains(decode_error("decode_test.cpp"), "unsupported image format (supported: JPEG"));
}

TEST_CASE("a text image decodes to its numbers") {
  const auto image = clip::decode_bytes("P3 2 1 255 1 2 3 4 5 6", "small", {});
  REQUIRE(image.channels == 3);
  CHECK(image.width == 2);
  const std::vector<int> rgb(image.row(0), image.row(0) + 6);
  CHECK(rgb == std::vector<int>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("the limit is an option") {
  clip::DecodeOptions options;
  options.max_pixels = 1;
  CHECK_THROWS_AS(clip::decode_bytes("P3 2 1 255 1 2 3 4 5 6", "small", options), clip::Error);
}

TEST_CASE("a name with a NUL byte opens no other file") {
  CHECK(contains(decode_error(std::string("decode_test.cpp\0.png", 20)), "NUL"));
}

TEST_CASE("extensions of images, in any case") {
  for (const char* name : {"a.jpg", "b/c.JPEG", "x.y.PnG", ".hidden.tif"}) {
    CHECK(clip::has_image_extension(name));
  }
  for (const char* name : {"jpg", "a.jpg/b", "a.txt", "a.", "", "a.jpg "}) {
    CHECK_FALSE(clip::has_image_extension(name));
  }
}
