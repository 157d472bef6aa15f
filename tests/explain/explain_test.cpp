// Both methods on an encoder whose answer is known: what carries its score is the brightness of one
// square of the input.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "clip/cancel.h"
#include "clip/error.h"
#include "explain/occlusion.h"
#include "explain/patches.h"

namespace {

constexpr std::int64_t kSide = 24;

// The first number of an embedding is the mean of a square of the red channel, from (left, top);
// the second is 1.
class SquareEncoder : public clip::ImageEncoder, public clip::PatchEncoder {
 public:
  std::int64_t left = 0, top = 0, size = 4;
  std::int64_t grid = 0;  // patches a side; 0: none
  bool fails = false;     // embeddings without length
  std::vector<std::int64_t> batches;

  clip::Embeddings encode(const float* pixels, std::int64_t count) override {
    batches.push_back(count);
    clip::Embeddings rows{count, 2, {}};
    for (std::int64_t i = 0; i < count; ++i) {
      rows.values.push_back(fails ? std::numeric_limits<float>::quiet_NaN()
                                  : brightness(pixels + i * 3 * kSide * kSide));
      rows.values.push_back(1);
    }
    return rows;
  }

  std::int64_t patch_grid() const override { return grid; }

  clip::Embeddings encode_without_patches(const float* pixels) override {
    clip::Embeddings rows{1 + grid * grid, 2, {}};
    const std::int64_t patch = kSide / grid;
    for (std::int64_t i = -1; i < grid * grid; ++i) {
      std::vector<float> changed(pixels, pixels + 3 * kSide * kSide);
      for (std::int64_t y = 0; i >= 0 && y < patch; ++y) {
        float* row = changed.data() + (i / grid * patch + y) * kSide + i % grid * patch;
        std::fill(row, row + patch, 0.0F);
      }
      rows.values.push_back(brightness(changed.data()));
      rows.values.push_back(1);
    }
    return rows;
  }

 private:
  float brightness(const float* pixels) const {
    float sum = 0;
    for (std::int64_t y = top; y < top + size; ++y) {
      for (std::int64_t x = left; x < left + size; ++x) sum += pixels[y * kSide + x];
    }
    return sum / static_cast<float>(size * size);
  }
};

// Black, but for a bright square that the encoder looks at.
std::vector<float> image_for(const SquareEncoder& encoder) {
  std::vector<float> pixels(static_cast<std::size_t>(3 * kSide * kSide), 0.0F);
  for (std::int64_t y = 0; y < encoder.size; ++y) {
    float* row = pixels.data() + (encoder.top + y) * kSide + encoder.left;
    std::fill(row, row + encoder.size, 1.0F);
  }
  return pixels;
}

clip::Preprocessing rule_of(clip::ResizeMode mode) {
  clip::Preprocessing rule;
  rule.image_size = kSide;
  rule.resize = mode;
  return rule;
}

clip::ExplainedInput whole(const std::vector<float>& pixels) {
  return clip::explained_input(pixels.data(), kSide, kSide,
                               rule_of(clip::ResizeMode::kShortestSide));
}

// For what is bright, and for what is not.
const clip::Embeddings kTexts{2, 2, {1, 0, -1, 0}};

clip::ErrorCode code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const clip::Error& error) {
    return error.code();
  }
  FAIL("no error");
  return clip::ErrorCode::kInternal;
}

}  // namespace

TEST_CASE("covering finds what carries the score, in the middle, in corners and at edges") {
  for (const std::pair<int, int>& cell :
       std::vector<std::pair<int, int>>{{0, 0}, {0, 5}, {5, 0}, {5, 5}, {2, 3}, {0, 3}, {4, 5}}) {
    const int row = cell.first, column = cell.second;
    CAPTURE(row);
    CAPTURE(column);
    SquareEncoder encoder;
    encoder.left = 4 * column;
    encoder.top = 4 * row;
    const std::vector<float> pixels = image_for(encoder);
    for (const std::int64_t window : {1, 2, 3}) {
      clip::OcclusionOptions options;
      options.cells = 6;
      options.window = window;
      const clip::HeatGrid grid =
          clip::explain_by_occlusion(&encoder, whole(pixels), kTexts, options);
      CHECK(grid.cosines[0] == doctest::Approx(std::sqrt(0.5)));
      const auto max = clip::max_cell(grid, 0);
      REQUIRE(max.has_value());
      CHECK(max->row == row);
      CHECK(max->column == column);
      // What is covered becomes the mean colour, a 36th of the brightness.
      const double covered = 1.0 / 36 / std::hypot(1.0 / 36, 1);
      CHECK(grid.fall(0, row, column) == doctest::Approx(100 * (std::sqrt(0.5) - covered)));
      // The opposite prompt has nothing that carries it.
      CHECK_FALSE(clip::max_cell(grid, 1).has_value());
      CHECK(grid.fall(1, row, column) == doctest::Approx(-grid.fall(0, row, column)));
    }
  }
}

TEST_CASE("what a neutral prompt falls by is taken off") {
  SquareEncoder encoder;
  const std::vector<float> pixels = image_for(encoder);
  clip::OcclusionOptions options;
  options.cells = 6;
  const clip::HeatGrid plain = clip::explain_by_occlusion(&encoder, whole(pixels), kTexts, options);
  // Between the two prompts, it falls by a fraction of what the first does.
  const float neutral[] = {0.6F, 0};
  options.neutral = neutral;
  const clip::HeatGrid grid = clip::explain_by_occlusion(&encoder, whole(pixels), kTexts, options);
  CHECK(plain.fall(0, 0, 0) > 1);
  CHECK(grid.fall(0, 0, 0) == doctest::Approx(0.4 * plain.fall(0, 0, 0)));
  CHECK(grid.fall(1, 0, 0) == doctest::Approx(-1.6 * plain.fall(0, 0, 0)));
  CHECK(grid.cosines == plain.cosines);
}

TEST_CASE("every cell is covered as often, and windows come in batches") {
  SquareEncoder encoder;
  const std::vector<float> pixels = image_for(encoder);
  clip::OcclusionOptions options;
  options.cells = 5;  // cells of 4 and of 5 pixels
  options.window = 3;
  options.batch = 10;
  std::vector<std::size_t> told;
  options.progress = [&](std::size_t done, std::size_t total) {
    told.push_back(done);
    CHECK(total == 49);
  };
  clip::explain_by_occlusion(&encoder, whole(pixels), kTexts, options);
  CHECK(told == std::vector<std::size_t>{10, 20, 30, 40, 49});
  CHECK(encoder.batches == std::vector<std::int64_t>{1, 10, 10, 10, 10, 9});
}

TEST_CASE("an image of one colour has nothing that carries a score") {
  SquareEncoder encoder;
  const std::vector<float> pixels(static_cast<std::size_t>(3 * kSide * kSide), 0.25F);
  const clip::HeatGrid grid = clip::explain_by_occlusion(&encoder, whole(pixels), kTexts, {});
  for (const double fall : grid.falls) CHECK(std::abs(fall) < 1e-4);
}

TEST_CASE("padding is not covered, and has no number") {
  // A wide image: the middle third of the input.
  SquareEncoder encoder;
  encoder.left = 8;
  encoder.top = 8;
  encoder.grid = 6;
  const std::vector<float> pixels = image_for(encoder);
  const clip::ExplainedInput input =
      clip::explained_input(pixels.data(), 90, 30, rule_of(clip::ResizeMode::kLongestSide));
  CHECK(input.image.top == doctest::Approx(8));
  CHECK(input.image.height == doctest::Approx(8));
  CHECK(input.image.width == doctest::Approx(24));
  clip::OcclusionOptions options;
  options.cells = 6;
  for (const clip::HeatGrid& grid : {clip::explain_by_occlusion(&encoder, input, kTexts, options),
                                     clip::explain_by_patches(&encoder, input, kTexts)}) {
    for (std::int64_t row = 0; row < 6; ++row) {
      for (std::int64_t column = 0; column < 6; ++column) {
        CHECK(std::isnan(grid.fall(0, row, column)) == (row < 2 || row > 3));
      }
    }
    const auto max = clip::max_cell(grid, 0);
    REQUIRE(max.has_value());
    CHECK(max->row == 2);
    CHECK(max->column == 2);
  }
}

TEST_CASE("leaving patches out finds the one that carries the score") {
  SquareEncoder encoder;
  encoder.left = 16;
  encoder.top = 4;
  encoder.grid = 6;
  CHECK(clip::patch_encoder(&encoder) == &encoder);
  const std::vector<float> pixels = image_for(encoder);
  const clip::HeatGrid grid = clip::explain_by_patches(&encoder, whole(pixels), kTexts);
  CHECK(grid.cells == 6);
  for (std::int64_t row = 0; row < 6; ++row) {
    for (std::int64_t column = 0; column < 6; ++column) {
      const double expected = row == 1 && column == 4 ? 100 * std::sqrt(0.5) : 0;
      CHECK(grid.fall(0, row, column) == doctest::Approx(expected));
    }
  }
  encoder.grid = 0;
  CHECK(clip::patch_encoder(&encoder) == nullptr);
}

TEST_CASE("what ends an explanation") {
  SquareEncoder encoder;
  const std::vector<float> pixels = image_for(encoder);
  clip::OcclusionOptions options;
  options.cells = kSide + 1;
  const auto explain = [&] {
    clip::explain_by_occlusion(&encoder, whole(pixels), kTexts, options);
  };
  CHECK(code_of(explain) == clip::ErrorCode::kInvalidArgument);
  options.cells = 6;
  clip::CancelToken cancel;
  cancel.cancel();
  options.cancel = &cancel;
  CHECK(code_of(explain) == clip::ErrorCode::kCancelled);
  options.cancel = nullptr;
  encoder.fails = true;
  CHECK(code_of(explain) == clip::ErrorCode::kInternal);
}

TEST_CASE("images of one row or column") {
  SquareEncoder encoder;
  const std::vector<float> pixels = image_for(encoder);
  for (const auto mode : {clip::ResizeMode::kShortestSide, clip::ResizeMode::kSquash,
                          clip::ResizeMode::kLongestSide}) {
    for (const std::pair<std::int64_t, std::int64_t>& size :
         std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 1}, {1, 5000}, {5000, 1}, {2, 3}}) {
      const std::int64_t width = size.first, height = size.second;
      CAPTURE(width);
      CAPTURE(height);
      const clip::ExplainedInput input =
          clip::explained_input(pixels.data(), width, height, rule_of(mode));
      const clip::HeatGrid grid = clip::explain_by_occlusion(&encoder, input, kTexts, {});
      CHECK(std::any_of(grid.falls.begin(), grid.falls.end(),
                        [](double fall) { return !std::isnan(fall); }));
    }
  }
}
