// Which parts of an image carry its score with a prompt: a grid of cells over the model's square
// input, and for each cell by how much the score falls without it. Two methods make one:
// occlusion.h, for every encoder, and patches.h, for those of Vision Transformers.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "clip/embeddings.h"
#include "clip/preprocessing.h"
#include "image/input_frame.h"

namespace clip {

// What is explained: an image as the model reads it.
struct ExplainedInput {
  const float* pixels = nullptr;  // [3, n, n], preprocessed; not owned
  std::int64_t side = 0;          // n
  // Where the image itself lies in it, in pixels of the input. The rest is padding, which no cell
  // is for.
  Frame image;
};

// `width`, `height`: of the image, upright, before preprocessing.
ExplainedInput explained_input(const float* pixels, std::int64_t width, std::int64_t height,
                               const Preprocessing& rule);

struct HeatGrid {
  std::int64_t cells = 0, texts = 0;  // cells a side
  // [texts, cells, cells]: the score of the whole image less that without the cell, in points
  // (100 x cosine). Below zero where the cell tells against the prompt. NaN where there is padding
  // alone.
  std::vector<double> falls;
  std::vector<double> cosines;  // [texts]: of the whole image

  double fall(std::int64_t text, std::int64_t row, std::int64_t column) const {
    return falls[static_cast<std::size_t>((text * cells + row) * cells + column)];
  }
};

struct HeatCell {
  std::int64_t row = 0, column = 0;
};

// The cell without which the score falls furthest, of equal ones the first; none where it falls
// without no cell.
std::optional<HeatCell> max_cell(const HeatGrid& grid, std::int64_t text);

// Whether a cell shows any of the image, not padding alone. `cells`: a side of the grid.
bool shows_image(const ExplainedInput& input, std::int64_t cells, std::int64_t row,
                 std::int64_t column);

// Normalizes each row. Throws Error (kInternal) for one whose norm is zero or not finite: a model
// that gives it has no answer.
void normalize_rows(Embeddings* embeddings);

}  // namespace clip
