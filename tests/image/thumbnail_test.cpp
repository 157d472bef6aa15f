#include "image/thumbnail.h"

#include <doctest/doctest.h>

#include "clip/image.h"
#include "image/png_encode.h"

using namespace clip;

namespace {

Image decoded(const Image& image, int side) {
  return decode_bytes(jpeg_thumbnail(image, side), "thumbnail", {});
}

}  // namespace

TEST_CASE("thumbnails keep proportions, and small images stay small") {
  std::string text = "P2 40 10 255";
  for (int i = 0; i < 400; ++i) text += " 200";
  const Image wide = decode_bytes(text, "wide", {});
  Image thumbnail = decoded(wide, 20);
  CHECK(thumbnail.width == 20);
  CHECK(thumbnail.height == 5);
  CHECK(std::abs(int(thumbnail.row(2)[10]) - 200) <= 2);
  thumbnail = decoded(wide, 100);
  CHECK(thumbnail.width == 40);
  // A side never gets lost.
  thumbnail = decoded(wide, 1);
  CHECK(thumbnail.width == 1);
  CHECK(thumbnail.height == 1);
}

TEST_CASE("a small copy has three channels, whatever the image has") {
  const Image gray = decode_bytes("P2 4 2 255 10 10 20 20 10 10 20 20", "gray", {});
  const Image small = thumbnail(gray, 2);
  CHECK(small.width == 2);
  CHECK(small.height == 1);
  CHECK(small.channels == 3);
  for (int channel = 0; channel < 3; ++channel) {
    CHECK(std::abs(int(small.row(0)[channel]) - 10) <= 1);
    CHECK(std::abs(int(small.row(0)[3 + channel]) - 20) <= 1);
  }
  const Image deep = thumbnail(decode_bytes("P2 2 1 65535 100 60000", "deep", {}), 9);
  CHECK(deep.width == 2);
  CHECK(deep.row(0)[2] == 100);
  CHECK(deep.row(0)[5] == 255);
}

TEST_CASE("what is transparent is white") {
  // Red, green, blue, alpha: half-transparent black beside invisible green.
  static const std::uint8_t pixels[] = {0, 0, 0, 128, 0, 255, 0, 0};
  Image image;
  image.width = 2;
  image.height = 1;
  image.channels = 4;
  image.mode = PixelMode::kRgba;
  image.data = pixels;
  image.stride = 8;
  const Image thumbnail = decoded(image, 2);
  CHECK(std::abs(int(thumbnail.row(0)[0]) - 127) <= 20);  // JPEG blurs colours between neighbours
  CHECK(thumbnail.row(0)[3] >= 235);
}

TEST_CASE("a PNG file has the pixels that it was made of") {
  for (const char* text :
       {"P2 3 2 255 0 10 255 7 8 9", "P3 2 2 255 1 2 3 4 5 6 7 8 9 250 251 252"}) {
    const Image image = decode_bytes(text, "image", {});
    const Image again = decode_bytes(encode_png(image), "image.png", {});
    REQUIRE(again.width == image.width);
    REQUIRE(again.height == image.height);
    REQUIRE(again.channels == image.channels);
    for (std::int64_t y = 0; y < image.height; ++y) {
      const auto size = static_cast<std::size_t>(image.width * image.channels);
      CHECK(std::string(again.row(y), again.row(y) + size) ==
            std::string(image.row(y), image.row(y) + size));
    }
  }
}
