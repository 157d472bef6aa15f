// Times the attention of one layer beside the layer's matrix products, turn by turn:
//   time_attention TOKENS HEADS IMAGES
// in both precisions, on all processors; heads are 64 wide. Prints milliseconds and the ratio of
// the medians. For scripts/bench_attention; asserts nothing.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "nn/attention.h"
#include "nn/linear.h"
#include "test_weights.h"

using namespace clip;
using namespace clip_test;

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void time_layer(ElementType type, std::int64_t tokens, std::int64_t heads, std::int64_t images) {
  const std::int64_t width = heads * 64, rows = tokens * images;
  const TestWeights none({{"unused", {{1}, {1}}}});
  Arena arena;
  Loader loader(none.weights(), {type, type}, &arena);
  const std::vector<float> weight = random_numbers(4 * width * width, 0.02F, 1);
  const auto linear = [&](std::int64_t outputs, std::int64_t inputs) {
    return Linear(&loader, weight.data(), {}, outputs, inputs, Epilogue::kNone);
  };
  const Linear in_proj = linear(3 * width, width), out_proj = linear(width, width);
  const Linear c_fc = linear(4 * width, width), c_proj = linear(width, 4 * width);
  const auto attention = default_backend().image_attention(tokens, heads, 64, type, &arena);

  // Without gaps, as the towers' rows are: oneDNN is slow on others.
  const Rows gaps = rows_of(random_numbers(rows * width, 1, 2), width, type, &arena);
  const Rows x = arena.rows(rows, width, type);
  for (std::int64_t i = 0; i < rows; ++i) {
    std::memcpy(x.at(i), gaps.at(i), std::size_t(width * size_of(type)));
  }
  const Rows qkv = arena.rows(rows, 3 * width, type);
  const Rows mixed = arena.rows(rows, width, type);
  const Rows hidden = arena.rows(rows, 4 * width, type);
  std::vector<double> attending, multiplying;
  const double end = now() + 3;
  for (int round = 0; round < 5 || now() < end; ++round) {
    double start = now();
    in_proj(x, qkv);
    out_proj(x, mixed);
    c_fc(x, hidden);
    c_proj(hidden, mixed);
    multiplying.push_back(now() - start);
    in_proj(x, qkv);
    start = now();
    attention->run(qkv.columns(0, width), qkv.columns(width, width), qkv.columns(2 * width, width),
                   mixed);
    attending.push_back(now() - start);
  }
  std::printf(
      "%s: %ld tokens, %ld heads, %ld images: attention %.2f ms, products %.2f ms, ratio "
      "%.3f\n",
      type == ElementType::kFloat32 ? "fp32" : "bf16", long(tokens), long(heads), long(images),
      1000 * median(attending), 1000 * median(multiplying),
      median(attending) / median(multiplying));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: time_attention TOKENS HEADS IMAGES\n", stderr);
    return 2;
  }
  time_layer(ElementType::kFloat32, std::atol(argv[1]), std::atol(argv[2]), std::atol(argv[3]));
  if (default_backend().computes(Precision::kBFloat16)) {
    time_layer(ElementType::kBFloat16, std::atol(argv[1]), std::atol(argv[2]), std::atol(argv[3]));
  }
}
