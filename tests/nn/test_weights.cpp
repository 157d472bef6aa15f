#include "test_weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "zip_writer.h"

namespace clip_test {
namespace {

float from_bfloat16(std::uint16_t bits) {
  const std::uint32_t wide = std::uint32_t(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof(value));
  return value;
}

}  // namespace

TestWeights::TestWeights(const Tensors& tensors) {
  static int number = 0;
  const std::string path =
      write_file("weights-" + std::to_string(number++) + ".pt", zip(module_records(tensors)));
  file_ = std::make_unique<clip::MappedFile>(path);
  archive_ = std::make_unique<clip::Archive>(*file_);
  weights_ = std::make_unique<clip::Weights>(*archive_);
}

std::vector<float> random_numbers(std::int64_t count, float deviation, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> values(std::size_t(count), 0);
  for (float& value : values) value = normal(random);
  return values;
}

clip::Rows rows_of(const std::vector<float>& values, std::int64_t width, clip::Precision precision,
                   clip::Arena* arena) {
  const std::int64_t count = std::int64_t(values.size()) / width;
  clip::Rows rows = arena->rows(count, width + 16, precision).columns(0, width);
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t j = 0; j < width; ++j) {
      const float value = values[std::size_t(i * width + j)];
      if (precision == clip::Precision::kFloat32) {
        rows.f32(i)[j] = value;
      } else {
        rows.bf16(i)[j] = clip::bfloat16_from_float(value);
      }
    }
  }
  return rows;
}

std::vector<float> values_of(const clip::Rows& rows) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < rows.count; ++i) {
    for (std::int64_t j = 0; j < rows.width; ++j) {
      values.push_back(rows.precision == clip::Precision::kFloat32
                           ? rows.f32(i)[j]
                           : from_bfloat16(rows.bf16(i)[j]));
    }
  }
  return values;
}

std::vector<float> rounded(const std::vector<float>& values, clip::Precision precision) {
  if (precision == clip::Precision::kFloat32) return values;
  std::vector<float> result;
  for (const float value : values) {
    result.push_back(from_bfloat16(clip::bfloat16_from_float(value)));
  }
  return result;
}

float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return std::numeric_limits<float>::infinity();
  float largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const float difference = std::abs(a[i] - b[i]);
    if (!(difference <= largest)) largest = difference;  // a NaN counts
  }
  return largest;
}

}  // namespace clip_test
