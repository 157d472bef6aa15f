#include <doctest/doctest.h>

#include <string>

#include "clip/image.h"
#include "clip/preprocessing.h"
#include "image/input_frame.h"

TEST_CASE("normalized values are (v / 255 - mean) / std, channel by channel") {
  clip::Preprocessing rule;
  rule.image_size = 2;
  const std::vector<std::uint8_t> pixels = {0, 1, 2, 255, 254, 253, 128, 64, 32, 7, 8, 9};
  const auto tensor = clip::normalize_pixels(pixels, rule);
  REQUIRE(tensor.size() == pixels.size());
  for (std::size_t pixel = 0; pixel < 4; ++pixel) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      const double expected =
          (pixels[3 * pixel + channel] / 255.0 - rule.mean[channel]) / rule.std[channel];
      CHECK(tensor[4 * channel + pixel] == doctest::Approx(expected));
    }
  }
}

TEST_CASE("squashing keeps the whole image, the other rule its middle") {
  // Left half black, right half white.
  std::string text = "P2 40 10 255";
  for (int i = 0; i < 400; ++i) text += i % 40 < 20 ? " 0" : " 255";
  const auto image = clip::decode_bytes(text, "halves", {});
  clip::Preprocessing rule;
  rule.image_size = 10;
  const auto middle = clip::resize_and_crop(image, rule);
  CHECK(middle[0] == 0);
  CHECK(middle[3 * 9] == 255);
  CHECK(middle[3 * 4] == 0);
  rule.resize = clip::ResizeMode::kSquash;
  const auto whole = clip::resize_and_crop(image, rule);
  CHECK(whole.size() == 300);
  CHECK(whole[3 * 2] == 0);
  CHECK(whole[3 * 7] == 255);
}

TEST_CASE("the part of an image that the model sees") {
  clip::Preprocessing rule;
  rule.image_size = 10;
  const auto check = [&](std::int64_t width, std::int64_t height, double left, double top,
                         double across, double down) {
    const clip::Frame frame = clip::input_frame(width, height, rule);
    CHECK(frame.left == doctest::Approx(left));
    CHECK(frame.top == doctest::Approx(top));
    CHECK(frame.width == doctest::Approx(across));
    CHECK(frame.height == doctest::Approx(down));
  };
  // The middle square.
  check(40, 40, 0, 0, 40, 40);
  check(80, 40, 20, 0, 40, 40);
  check(40, 120, 0, 40, 40, 40);
  check(1, 1, 0, 0, 1, 1);
  rule.resize = clip::ResizeMode::kSquash;
  check(80, 40, 0, 0, 80, 40);
  // The image in the middle of a square.
  rule.resize = clip::ResizeMode::kLongestSide;
  check(80, 40, 0, -16, 80, 80);  // 10 x 5 of 10 x 10 pixels, 2 of 5 above
  check(40, 40, 0, 0, 40, 40);
  check(40, 80, -16, 0, 80, 80);
}
