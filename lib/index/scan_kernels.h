// Products of float16 rows, one implementation for each kind of processor: what scan.cpp and
// pairs.cpp are made of.
//
// All kernels add the products of a row and a query in 16 sums, lane by lane, and then these sums
// pair by pair, whatever the tile that the row is in: so a score depends on nothing but the row,
// the query and the kernel.
#pragma once

#include <cstdint>
#include <vector>

namespace clip {

// Numbers on whole cache lines, zero at first.
class AlignedFloats {
 public:
  explicit AlignedFloats(std::int64_t count)
      : lines_(static_cast<std::size_t>((count + kLine - 1) / kLine)) {}
  float* data() { return lines_.data()->values; }
  const float* data() const { return lines_.data()->values; }

 private:
  static constexpr std::int64_t kLine = 16;
  struct alignas(64) Line {
    float values[kLine];
  };
  std::vector<Line> lines_;
};

struct ScanKernel {
  const char* name;
  bool (*runs_here)();

  // scores[q * score_stride + r] = row r . query q, for rows and queries of `stride` elements, a
  // multiple of 32; those beyond the dimension are zero.
  void (*dots)(const std::uint16_t* rows, std::int64_t row_count, const float* queries,
               std::int64_t query_count, std::int64_t stride, float* scores,
               std::int64_t score_stride);

  void (*widen)(const std::uint16_t* from, std::int64_t count, float* to);  // `count`: of 32

  // products[i * tile_columns + j] = row i . column j, summed in any order: rows [tile_rows], each
  // `row_stride` after the one before; columns [stride, tile_columns]. Gives whether any product
  // is at least `threshold`.
  std::int64_t tile_rows, tile_columns;
  bool (*tile)(const float* rows, std::int64_t row_stride, const float* columns,
               std::int64_t stride, float threshold, float* products);
};

// The fastest first; the last runs on every processor.
const std::vector<ScanKernel>& scan_kernels();

// The first that runs here.
const ScanKernel& scan_kernel();

}  // namespace clip
