// Scaled dot-product attention, softmax(q k^T / sqrt(d)) v, head by head, of single rows to lists
// of rows. (Of every token of an image to all of its tokens: AttentionProduct in nn/backend.h.)
// Queries come scaled by 1 / sqrt(d) already: it is folded into their projection's weights. Sums
// and softmax in float32.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/rows.h"

namespace clip {

// Which rows each query attends to: query i to rows[begin[i]] up to rows[begin[i + 1]], at least
// one.
struct AttendedRows {
  std::vector<std::int64_t> begin = {0};
  std::vector<std::int32_t> rows;

  void clear() {
    begin.assign(1, 0);
    rows.clear();
  }
  std::int64_t queries() const { return static_cast<std::int64_t>(begin.size()) - 1; }
};

// `q` and `out`: [queries, heads * head width]; `k` and `v`: as many rows as the lists name.
void attend(const AttendedRows& attended, std::int64_t heads, const Rows& q, const Rows& k,
            const Rows& v, const Rows& out);

// The two halves of a softmax whose weights are used in between, so that what is divided by the sum
// is the short result and not the long row. `exponentials` makes of `count` scores e^(score - the
// largest), in place or, where `narrow` is given, there in bfloat16, and gives 1 / their sum;
// `scale_row` writes `count` numbers times that, in float32 or bfloat16.
float exponentials(float* row, std::int64_t count, std::uint16_t* narrow);
void scale_row(const float* row, std::int64_t count, float scale, ElementType type, void* out);

}  // namespace clip
