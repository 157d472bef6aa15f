#include "image/resample.h"

#include <doctest/doctest.h>

#include <numeric>
#include <random>

#include "image/coefficients.h"

using clip::Image;
using clip::resample_smooth;
using clip::ResizeAndCrop;
using clip::Simd;

namespace {

Image noise(std::int64_t width, std::int64_t height, int channels, std::uint32_t seed) {
  auto pixels = std::make_shared<std::vector<std::uint8_t>>(std::size_t(width * height * channels));
  std::mt19937 random(seed);
  for (auto& sample : *pixels) sample = static_cast<std::uint8_t>(random());
  Image image;
  image.width = width;
  image.height = height;
  image.channels = channels;
  image.data = pixels->data();
  image.stride = width * channels;
  image.owner = pixels;
  return image;
}

}  // namespace

TEST_CASE("both ways of computing give the same pixels, in every shape") {
  if (clip::best_simd() == Simd::kPortable) {
    MESSAGE("this processor has no AVX2: only the portable code was tested");
  }
  struct Shape {
    std::int64_t width, height;
  };
  for (const Shape shape : {Shape{1, 1},
                            {2, 3},
                            {3, 700},
                            {700, 2},
                            {5, 5},
                            {16, 9},
                            {17, 33},
                            {100, 75},
                            {333, 251},
                            {1000, 40},
                            {41, 999}}) {
    for (const int channels : {1, 3, 4}) {
      for (const std::int64_t n : {1, 7, 32}) {
        CAPTURE(shape.width);
        CAPTURE(shape.height);
        CAPTURE(channels);
        CAPTURE(n);
        const Image image = noise(shape.width, shape.height, channels, 7);
        const auto filter = n == 7 ? clip::Interpolation::kBilinear : clip::Interpolation::kBicubic;
        const ResizeAndCrop resize{n + 5, n + 2, 3, 1, n, n, filter};
        CHECK(resample_smooth(image, resize, Simd::kPortable) ==
              resample_smooth(image, resize, clip::best_simd()));
      }
    }
  }
}

TEST_CASE("a crop is a part of the whole resize") {
  const Image image = noise(301, 199, 3, 1);
  const std::int64_t side = 64;
  const auto whole = resample_smooth(image, {side, side, 0, 0, side, side}, clip::best_simd());
  const std::int64_t left = 10, top = 21, size = 30;
  const auto part = resample_smooth(image, {side, side, left, top, size, size}, clip::best_simd());
  for (std::int64_t y = 0; y < size; ++y) {
    const auto* expected = whole.data() + ((y + top) * side + left) * 3;
    CHECK(std::equal(part.data() + y * size * 3, part.data() + (y + 1) * size * 3, expected));
  }
}

TEST_CASE("weights add up to one, lie in the image, and repeat the image at scale one") {
  for (const std::int64_t in : {1, 2, 7, 224, 5000}) {
    for (const std::int64_t out : {1, 3, 224, 1000}) {
      const auto filter =
          in % 2 == 0 ? clip::Interpolation::kBilinear : clip::Interpolation::kBicubic;
      const clip::Taps taps = clip::resize_taps(filter, in, out, 0, out);
      CHECK(taps.begin() >= 0);
      CHECK(taps.end() <= in);
      for (const auto& window : taps.windows) {
        const auto* first = taps.weights.data() + window.offset;
        CHECK(std::accumulate(first, first + window.size, 0.0) == doctest::Approx(1.0));
      }
    }
  }
  const Image image = noise(20, 20, 3, 3);
  CHECK(resample_smooth(image, {20, 20, 0, 0, 20, 20}, clip::best_simd()) ==
        std::vector<std::uint8_t>(image.data, image.data + 20 * 20 * 3));
}

TEST_CASE("one colour stays itself") {
  Image image = noise(97, 61, 3, 3);
  std::vector<std::uint8_t> pixels(97 * 61 * 3, 201);
  image.data = pixels.data();
  for (const std::uint8_t sample :
       resample_smooth(image, {31, 20, 0, 0, 20, 20}, clip::best_simd())) {
    CHECK(sample == 201);
  }
}
