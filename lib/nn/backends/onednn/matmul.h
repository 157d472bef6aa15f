// oneDNN's products, by the type of their weights.
#pragma once

#include <cstdint>
#include <dnnl.hpp>
#include <memory>

#include "nn/backend.h"
#include "nn/packed_weights.h"

namespace clip::onednn {

// Weights and activations in float32 or bfloat16.
std::unique_ptr<MatMul> float_matmul(ProductSpec spec, PackedWeights* packed);
// Weights in int8 (int8_matmul.cpp).
std::unique_ptr<MatMul> int8_matmul(ProductSpec spec, PackedWeights* packed);

// Puts W, [outputs, inputs] row-major, into memory of the layout that a product reads.
void pack(const float* weight, std::int64_t outputs, std::int64_t inputs, dnnl::memory* packed);

// Parts of a piece of packed weights begin on cache lines.
constexpr std::size_t aligned(std::size_t size) {
  return (size + 63) / 64 * 64;
}

}  // namespace clip::onednn
