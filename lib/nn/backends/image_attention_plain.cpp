// Attention within images for builds without oneDNN: every token attends to the list of all.

#include "nn/attention.h"

namespace clip {

struct ImageAttention::Prepared {};

ImageAttention::ImageAttention(std::int64_t tokens, std::int64_t heads, std::int64_t head_width,
                               Precision, Arena*)
    : tokens_(tokens), heads_(heads), head_width_(head_width) {}

ImageAttention::~ImageAttention() = default;

void ImageAttention::operator()(const Rows& q, const Rows& k, const Rows& v,
                                const Rows& out) const {
  AttendedRows attended;
  for (std::int64_t i = 0; i < tokens_; ++i) {
    for (std::int64_t j = 0; j < tokens_; ++j) {
      attended.rows.push_back(static_cast<std::int32_t>(j));
    }
    attended.begin.push_back(static_cast<std::int64_t>(attended.rows.size()));
  }
  for (std::int64_t first = 0; first < q.count; first += tokens_) {
    attend(attended, heads_, q.rows(first, tokens_), k.rows(first, tokens_), v.rows(first, tokens_),
           out.rows(first, tokens_));
  }
}

}  // namespace clip
