#include "test_weights.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "support.h"

namespace clip_test {

TestWeights::TestWeights(const Tensors& tensors) : weights_("the test's file") {
  const TemporaryFolder folder;
  std::string bytes(1, ' ');  // no file is empty
  std::map<std::string, std::size_t> offsets;
  for (const auto& [name, values] : tensors) {
    bytes.resize((bytes.size() + 63) / 64 * 64);
    offsets[name] = bytes.size();
    bytes.append(reinterpret_cast<const char*>(values.values.data()),
                 values.values.size() * sizeof(float));
  }
  file_ = std::make_unique<clip::MappedFile>(folder.write("weights", bytes));
  for (const auto& [name, values] : tensors) {
    clip::Tensor tensor;
    tensor.shape = values.shape;
    tensor.strides.assign(values.shape.size(), 1);
    for (std::size_t i = values.shape.size(); i-- > 1;) {
      tensor.strides[i - 1] = tensor.strides[i] * values.shape[i];
    }
    tensor.data = file_->data() + offsets[name];
    weights_.add(name, {tensor, "stored " + name});
  }
}

std::vector<float> random_numbers(std::int64_t count, float std, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, std);
  std::vector<float> values(std::size_t(count), 0);
  for (float& value : values) value = normal(random);
  return values;
}

clip::Rows rows_of(const std::vector<float>& values, std::int64_t width, clip::ElementType type,
                   clip::Arena* arena) {
  const std::int64_t count = std::int64_t(values.size()) / width;
  clip::Rows rows = arena->rows(count, width + 16, type).columns(0, width);
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t j = 0; j < width; ++j) {
      const float value = values[std::size_t(i * width + j)];
      if (type == clip::ElementType::kFloat32) {
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
      switch (rows.type) {
        case clip::ElementType::kFloat32:
          values.push_back(rows.f32(i)[j]);
          break;
        case clip::ElementType::kBFloat16:
          values.push_back(clip::float_from_bfloat16(rows.bf16(i)[j]));
          break;
        case clip::ElementType::kInt8:
          values.push_back(float(int(rows.u8(i)[j]) - 128) * rows.scales[i]);
      }
    }
  }
  return values;
}

std::vector<float> rounded(const std::vector<float>& values, clip::ElementType type) {
  if (type == clip::ElementType::kFloat32) return values;
  std::vector<float> result;
  for (const float value : values) {
    result.push_back(clip::float_from_bfloat16(clip::bfloat16_from_float(value)));
  }
  return result;
}

std::vector<Computing> all_computing() {
  std::vector<Computing> all;
  for (const clip::Backend* backend : clip::backends()) {
    all.push_back({backend, clip::ElementType::kFloat32});
    if (backend->computes(clip::Precision::kBFloat16)) {
      all.push_back({backend, clip::ElementType::kBFloat16});
    }
  }
  return all;
}

float max_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return std::numeric_limits<float>::infinity();
  float largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const float difference = std::abs(a[i] - b[i]);
    if (!(difference <= largest)) largest = difference;  // a NaN counts
  }
  return largest;
}

}  // namespace clip_test
