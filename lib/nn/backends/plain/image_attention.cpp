// Attention within images: every token attends to the list of all.

#include "nn/attention.h"
#include "nn/backends/plain/backend.h"

namespace clip::plain {
namespace {

class ImageAttention : public AttentionProduct {
 public:
  ImageAttention(std::int64_t tokens, std::int64_t heads) : tokens_(tokens), heads_(heads) {
    for (std::int64_t i = 0; i < tokens; ++i) {
      for (std::int64_t j = 0; j < tokens; ++j) all_.rows.push_back(static_cast<std::int32_t>(j));
      all_.begin.push_back(static_cast<std::int64_t>(all_.rows.size()));
    }
  }

  void run(const Rows& q, const Rows& k, const Rows& v, const Rows& out) const override {
    for (std::int64_t first = 0; first < q.count; first += tokens_) {
      attend(all_, heads_, q.rows(first, tokens_), k.rows(first, tokens_), v.rows(first, tokens_),
             out.rows(first, tokens_));
    }
  }

 private:
  std::int64_t tokens_, heads_;
  AttendedRows all_;
};

}  // namespace

std::unique_ptr<AttentionProduct> image_attention(std::int64_t tokens, std::int64_t heads) {
  return std::make_unique<ImageAttention>(tokens, heads);
}

}  // namespace clip::plain
