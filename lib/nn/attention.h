// Scaled dot-product attention, softmax(q k^T / sqrt(d)) v, head by head, in two forms: of every
// token to every token of its image, and of single rows to lists of rows. Scores exist only a
// block at a time, in the cache. Queries come scaled by 1 / sqrt(d) already: it is folded into
// their projection's weights. Sums and softmax in float32.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "nn/arena.h"
#include "nn/rows.h"

namespace clip {

// Every token of an image attends to all tokens of the same image.
class ImageAttention {
 public:
  // At most as many threads may call upon it as OpenMP has when it is made. For images of
  // `tokens` rows, of `heads` heads of `head_width` numbers each.
  ImageAttention(std::int64_t tokens, std::int64_t heads, std::int64_t head_width,
                 Precision precision, Arena* arena);
  ~ImageAttention();

  // All [images * tokens, heads * head_width], in the precision given above.
  void operator()(const Rows& q, const Rows& k, const Rows& v, const Rows& out) const;

 private:
  struct Prepared;  // hides the library's types
  std::int64_t tokens_, heads_;
  [[maybe_unused]] std::int64_t head_width_;  // the plain backend sees it in its rows
  std::unique_ptr<Prepared> prepared_;
};

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
// `scale_row` writes `count` numbers times that, in either precision.
float exponentials(float* row, std::int64_t count, std::uint16_t* narrow);
void scale_row(const float* row, std::int64_t count, float scale, Precision precision, void* out);

}  // namespace clip
