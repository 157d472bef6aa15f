#include "explain/occlusion.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "clip/error.h"

namespace clip {
namespace {

// Pixels of the input, from `left`, `top` up to `right`, `bottom`.
struct Window {
  std::int64_t left, top, right, bottom;
};

// The whole pixels of the input that show any of the image.
Window image_pixels(const ExplainedInput& input) {
  const auto begin = [](double at) { return static_cast<std::int64_t>(std::floor(at + 1e-3)); };
  const auto end = [&](double at) {
    return std::min(static_cast<std::int64_t>(std::ceil(at - 1e-3)), input.side);
  };
  return {begin(input.image.left), begin(input.image.top),
          end(input.image.left + input.image.width), end(input.image.top + input.image.height)};
}

std::array<float, 3> mean_colour(const ExplainedInput& input, const Window& image) {
  std::array<float, 3> mean = {};
  const std::int64_t n = input.side;
  for (std::int64_t channel = 0; channel < 3; ++channel) {
    double sum = 0;
    for (std::int64_t y = image.top; y < image.bottom; ++y) {
      const float* row = input.pixels + (channel * n + y) * n;
      for (std::int64_t x = image.left; x < image.right; ++x) sum += row[x];
    }
    const std::int64_t area = (image.bottom - image.top) * (image.right - image.left);
    mean[static_cast<std::size_t>(channel)] = static_cast<float>(sum / static_cast<double>(area));
  }
  return mean;
}

// A window in cells, which may hang over the edges, and the part of the image that it covers.
struct Covered {
  std::int64_t row, column;
  Window pixels;
};

std::vector<Covered> windows_of(const ExplainedInput& input, const Window& image,
                                const OcclusionOptions& options) {
  // The first pixel of a cell; cells beyond the edges are none.
  const auto edge = [&](std::int64_t cell) {
    const std::int64_t inside = std::clamp<std::int64_t>(cell, 0, options.cells);
    return inside * input.side / options.cells;
  };
  std::vector<Covered> windows;
  for (std::int64_t row = 1 - options.window; row < options.cells; ++row) {
    for (std::int64_t column = 1 - options.window; column < options.cells; ++column) {
      const Window pixels = {std::max(edge(column), image.left), std::max(edge(row), image.top),
                             std::min(edge(column + options.window), image.right),
                             std::min(edge(row + options.window), image.bottom)};
      if (pixels.left >= pixels.right || pixels.top >= pixels.bottom) continue;  // padding
      windows.push_back({row, column, pixels});
    }
  }
  return windows;
}

// `pixels`: [3, n, n], overwritten in the window.
void cover(const Window& window, const std::array<float, 3>& colour, std::int64_t n,
           float* pixels) {
  for (std::int64_t channel = 0; channel < 3; ++channel) {
    for (std::int64_t y = window.top; y < window.bottom; ++y) {
      float* row = pixels + (channel * n + y) * n;
      std::fill(row + window.left, row + window.right, colour[static_cast<std::size_t>(channel)]);
    }
  }
}

// The sum of what the score falls by under the windows that cover each cell, and how many do.
class Sums {
 public:
  Sums(std::int64_t cells, std::int64_t texts, std::int64_t window)
      : cells_(cells),
        window_(window),
        sums_(static_cast<std::size_t>(texts * cells * cells)),
        counts_(static_cast<std::size_t>(cells * cells)) {}

  void add(const Covered& covered, const std::vector<double>& falls) {
    const std::int64_t end_row = std::min(covered.row + window_, cells_);
    const std::int64_t end_column = std::min(covered.column + window_, cells_);
    for (std::int64_t row = std::max<std::int64_t>(covered.row, 0); row < end_row; ++row) {
      for (std::int64_t column = std::max<std::int64_t>(covered.column, 0); column < end_column;
           ++column) {
        const auto cell = static_cast<std::size_t>(row * cells_ + column);
        ++counts_[cell];
        for (std::size_t text = 0; text < falls.size(); ++text) {
          sums_[text * counts_.size() + cell] += falls[text];
        }
      }
    }
  }

  // NaN for cells that show nothing of the image.
  std::vector<double> means(const ExplainedInput& input) && {
    for (std::size_t i = 0; i < sums_.size(); ++i) {
      const std::size_t cell = i % counts_.size();
      const auto at = static_cast<std::int64_t>(cell);
      const bool shown = counts_[cell] > 0 && shows_image(input, cells_, at / cells_, at % cells_);
      sums_[i] = shown ? sums_[i] / counts_[cell] : std::numeric_limits<double>::quiet_NaN();
    }
    return std::move(sums_);
  }

 private:
  const std::int64_t cells_, window_;
  std::vector<double> sums_;  // [texts, cells, cells]
  std::vector<int> counts_;   // [cells, cells]
};

}  // namespace

HeatGrid explain_by_occlusion(ImageEncoder* encoder, const ExplainedInput& input,
                              const Embeddings& texts, const OcclusionOptions& options) {
  if (options.cells < 1 || options.window < 1 || options.cells > input.side) {
    throw Error(ErrorCode::kInvalidArgument, "the grid needs cells of at least a pixel");
  }
  const std::int64_t n = input.side;
  const auto size = static_cast<std::size_t>(3 * n * n);
  const Window image = image_pixels(input);
  const std::array<float, 3> colour = mean_colour(input, image);
  const std::vector<Covered> windows = windows_of(input, image, options);

  Embeddings whole = encoder->encode(input.pixels, 1);
  normalize_rows(&whole);
  Embeddings neutral{options.neutral == nullptr ? 0 : 1, texts.dim, {}};
  if (neutral.count > 0) neutral.values.assign(options.neutral, options.neutral + texts.dim);
  const std::vector<double> neutral_whole = cosines_with(whole.row(0), neutral);
  HeatGrid grid;
  grid.cells = options.cells;
  grid.texts = texts.count;
  grid.cosines = cosines_with(whole.row(0), texts);

  Sums sums(grid.cells, grid.texts, options.window);
  const std::size_t at_once = std::clamp<std::size_t>(options.batch, 1, windows.size());
  std::vector<float> pixels(at_once * size);
  for (std::size_t begin = 0; begin < windows.size(); begin += at_once) {
    if (options.cancel != nullptr && options.cancel->cancelled()) {
      throw Error(ErrorCode::kCancelled, "interrupted");
    }
    const std::size_t count = std::min(at_once, windows.size() - begin);
    for (std::size_t i = 0; i < count; ++i) {
      float* const covered = pixels.data() + i * size;
      std::copy(input.pixels, input.pixels + size, covered);
      cover(windows[begin + i].pixels, colour, n, covered);
    }
    Embeddings embeddings = encoder->encode(pixels.data(), static_cast<std::int64_t>(count));
    normalize_rows(&embeddings);
    for (std::size_t i = 0; i < count; ++i) {
      const float* const row = embeddings.row(static_cast<std::int64_t>(i));
      // What the score with any prompt falls by.
      const double common =
          neutral.count > 0 ? neutral_whole[0] - cosines_with(row, neutral)[0] : 0.0;
      std::vector<double> falls = cosines_with(row, texts);
      for (std::size_t text = 0; text < falls.size(); ++text) {
        falls[text] = 100 * (grid.cosines[text] - falls[text] - common);
      }
      sums.add(windows[begin + i], falls);
    }
    if (options.progress) options.progress(begin + count, windows.size());
  }
  grid.falls = std::move(sums).means(input);
  return grid;
}

}  // namespace clip
