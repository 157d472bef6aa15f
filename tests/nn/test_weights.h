// Weights and activations that tests make up, and how close results must come.
#pragma once

#include <memory>
#include <random>
#include <vector>

#include "clip_archive.h"
#include "model/archive.h"
#include "nn/loader.h"

namespace clip_test {

// Tensors in an archive on disk, as layers read them.
class TestWeights {
 public:
  explicit TestWeights(const Tensors& tensors);
  const clip::Weights& weights() const { return *weights_; }

 private:
  std::unique_ptr<clip::MappedFile> file_;
  std::unique_ptr<clip::Archive> archive_;
  std::unique_ptr<clip::Weights> weights_;
};

// `count` numbers, normally distributed, the same at every run.
std::vector<float> random_numbers(std::int64_t count, float deviation, unsigned seed);

// A copy in rows with a gap behind each, to show that strides are followed.
clip::Rows rows_of(const std::vector<float>& values, std::int64_t width, clip::Precision precision,
                   clip::Arena* arena);

// Their values, row by row, as float32.
std::vector<float> values_of(const clip::Rows& rows);

// The values as bfloat16 holds them.
std::vector<float> rounded(const std::vector<float>& values, clip::Precision precision);

float largest_difference(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace clip_test
