#include "explain/heat_grid.h"

#include <algorithm>

#include "pipeline/embedding_check.h"

namespace clip {

ExplainedInput explained_input(const float* pixels, std::int64_t width, std::int64_t height,
                               const Preprocessing& rule) {
  ExplainedInput input;
  input.pixels = pixels;
  input.side = rule.image_size;
  const Frame frame = input_frame(width, height, rule);
  // Pixels of the input that one of the image stands for.
  const auto n = static_cast<double>(input.side);
  const double across = n / frame.width, down = n / frame.height;
  const double left = std::max(-frame.left * across, 0.0);
  const double top = std::max(-frame.top * down, 0.0);
  const double right = std::min((static_cast<double>(width) - frame.left) * across, n);
  const double bottom = std::min((static_cast<double>(height) - frame.top) * down, n);
  input.image = {left, top, right - left, bottom - top};
  return input;
}

std::optional<HeatCell> max_cell(const HeatGrid& grid, std::int64_t text) {
  std::optional<HeatCell> max;
  double largest = 0;
  for (std::int64_t row = 0; row < grid.cells; ++row) {
    for (std::int64_t column = 0; column < grid.cells; ++column) {
      const double fall = grid.fall(text, row, column);
      if (fall > largest) {  // not of NaN
        largest = fall;
        max = HeatCell{row, column};
      }
    }
  }
  return max;
}

bool shows_image(const ExplainedInput& input, std::int64_t cells, std::int64_t row,
                 std::int64_t column) {
  // Less than a thousandth of a pixel is rounding.
  constexpr double kLeast = 1e-3;
  const double cell = static_cast<double>(input.side) / static_cast<double>(cells);
  const auto overlap = [&](std::int64_t index, double begin, double length) {
    const double from = std::max(static_cast<double>(index) * cell, begin);
    return std::min(static_cast<double>(index + 1) * cell, begin + length) - from;
  };
  return overlap(column, input.image.left, input.image.width) > kLeast &&
         overlap(row, input.image.top, input.image.height) > kLeast;
}

void normalize_rows(Embeddings* embeddings) {
  for (std::int64_t i = 0; i < embeddings->count; ++i) {
    const double norm = normalize(embeddings->row(i), embeddings->dim);
    if (!usable_norm(norm)) throw unusable_embedding("a part of the image", "image", norm);
  }
}

}  // namespace clip
