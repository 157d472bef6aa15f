// Weights and activations that tests make up, and how close results must come.
#pragma once

#include <memory>
#include <random>
#include <vector>

#include "base/half.h"
#include "base/mapped_file.h"
#include "clip_archive.h"
#include "nn/loader.h"

namespace clip_test {

// Weights by their canonical names, as layers read them: in a mapped file, whose pages are given
// back when they have been read.
class TestWeights {
 public:
  explicit TestWeights(const Tensors& tensors);
  const clip::Weights& weights() const { return weights_; }

 private:
  std::unique_ptr<clip::MappedFile> file_;
  clip::Weights weights_;
};

// `count` numbers, normally distributed, the same at every run.
std::vector<float> random_numbers(std::int64_t count, float std, unsigned seed);

// A copy in rows with a gap behind each, to show that strides are followed.
clip::Rows rows_of(const std::vector<float>& values, std::int64_t width, clip::ElementType type,
                   clip::Arena* arena);

// Their values, row by row, as float32, whatever their type.
std::vector<float> values_of(const clip::Rows& rows);

// The values as that type holds them: float32 or bfloat16.
std::vector<float> rounded(const std::vector<float>& values, clip::ElementType type);

// All backends and the types of float that each multiplies fast.
struct Computing {
  const clip::Backend* backend;
  clip::ElementType type;
};
std::vector<Computing> all_computing();

float max_difference(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace clip_test
