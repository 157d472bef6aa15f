// Attention within images as pairs of oneDNN products over blocks of queries, with the softmax
// between them while the scores are in the cache.

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>
#include <utility>

#include "nn/arena.h"
#include "nn/attention.h"
#include "nn/backends/onednn/backend.h"
#include "nn/backends/onednn/calls.h"
#include "nn/parallel.h"

namespace clip::onednn {
namespace {

using dnnl::memory;

// What one block of scores may take: about half of a core's second-level cache.
constexpr std::int64_t kScoreBytes = 512 << 10;
// Pieces of work a thread should find, so that none waits long for the last.
constexpr std::int64_t kPiecesPerThread = 3;

// A product of `batch` pairs of dense matrices; the second may be given transposed.
struct BatchedProduct {
  dnnl::matmul matmul;
  memory::desc a, b, c, scratchpad;

  BatchedProduct(std::int64_t batch, std::int64_t rows, std::int64_t inner, std::int64_t columns,
                 bool transposed, ElementType in, ElementType out)
      : a({batch, rows, inner}, type_of(in), memory::format_tag::abc),
        b({batch, inner, columns}, type_of(in),
          transposed ? memory::format_tag::acb : memory::format_tag::abc),
        c({batch, rows, columns}, type_of(out), memory::format_tag::abc) {
    // It will run inside one thread, so it must be planned for one.
    const ThreadLimit one(1);
    // oneDNN's own scratch memory is shared by the primitives that one thread has made; ours is
    // given by the thread that runs it.
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const auto description = onednn::matmul(a, b, memory::desc(), c, attributes);
    scratchpad = description.scratchpad_desc();
    matmul = make<dnnl::matmul>(description);
  }

  void operator()(void* first, void* second, void* result, void* scratch) const {
    onednn::execute(matmul, {{DNNL_ARG_SRC, memory(a, engine(), first)},
                             {DNNL_ARG_WEIGHTS, memory(b, engine(), second)},
                             {DNNL_ARG_DST, memory(c, engine(), result)},
                             {DNNL_ARG_SCRATCHPAD, memory(scratchpad, engine(), scratch)}});
  }
};

// `count` rows of a head into a dense block.
void pack(const Rows& from, std::int64_t first, std::int64_t count, std::int64_t column,
          std::int64_t width, std::byte* to) {
  const auto bytes = static_cast<std::size_t>(width * size_of(from.type));
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(to + i * static_cast<std::int64_t>(bytes), from.at(first + i, column), bytes);
  }
}

// A piece of work: `group` heads of one image, `block` queries at a time.
struct Pieces {
  std::int64_t group, block;
};

Pieces pieces_of(std::int64_t tokens, std::int64_t heads) {
  const std::int64_t threads = omp_get_max_threads();
  const std::int64_t row_bytes = tokens * 4;
  const std::int64_t max_rows = std::max<std::int64_t>(kScoreBytes / row_bytes, 16);
  const std::int64_t blocks = (tokens + max_rows - 1) / max_rows;
  const std::int64_t block = (tokens + blocks - 1) / blocks;
  // As many heads at once as fit, but no fewer pieces than keep the threads busy on one image.
  std::int64_t group = std::max<std::int64_t>(max_rows / block, 1);
  group = std::min(group, std::max<std::int64_t>(heads / (kPiecesPerThread * threads), 1));
  group = std::min(group, heads);
  while (heads % group != 0) --group;
  return {group, block};
}

class ImageAttention : public AttentionProduct {
 public:
  ImageAttention(std::int64_t tokens, std::int64_t heads, std::int64_t head_width, ElementType type,
                 Arena* arena);

  void run(const Rows& q, const Rows& k, const Rows& v, const Rows& out) const override;

 private:
  // Of each thread.
  struct Scratch {
    std::byte *q, *k, *v;
    float *scores, *sums;  // and the inverse sum of each row's exponentials
    std::byte* narrow;     // the exponentials in bfloat16, where that is the type
    float* out;
    std::byte* products;  // what oneDNN's products need
  };

  std::int64_t tokens_, heads_, head_width_;
  Pieces pieces_;
  BatchedProduct scores_, mixed_;
  std::vector<Scratch> scratch_;
};

ImageAttention::ImageAttention(std::int64_t tokens, std::int64_t heads, std::int64_t head_width,
                               ElementType type, Arena* arena)
    : tokens_(tokens),
      heads_(heads),
      head_width_(head_width),
      pieces_(pieces_of(tokens, heads)),
      scores_(pieces_.group, pieces_.block, head_width, tokens, true, type, ElementType::kFloat32),
      mixed_(pieces_.group, pieces_.block, tokens, head_width, false, type, ElementType::kFloat32) {
  const auto [group, block] = pieces_;
  const std::int64_t element = size_of(type);
  const std::int64_t threads = omp_get_max_threads();
  for (std::int64_t i = 0; i < threads; ++i) {
    Scratch own;
    own.q = arena->allocate(group * block * head_width * element);
    own.k = arena->allocate(group * tokens * head_width * element);
    own.v = arena->allocate(group * tokens * head_width * element);
    own.scores = reinterpret_cast<float*>(arena->allocate(group * block * tokens * 4));
    own.narrow =
        type == ElementType::kFloat32 ? nullptr : arena->allocate(group * block * tokens * 2);
    own.sums = reinterpret_cast<float*>(arena->allocate(group * block * 4));
    own.out = reinterpret_cast<float*>(arena->allocate(group * block * head_width * 4));
    own.products =
        arena->allocate(std::max(scores_.scratchpad.get_size(), mixed_.scratchpad.get_size()));
    scratch_.push_back(own);
  }
}

void ImageAttention::run(const Rows& q, const Rows& k, const Rows& v, const Rows& out) const {
  const std::int64_t group = pieces_.group, block = pieces_.block, width = head_width_;
  const std::int64_t groups = heads_ / group;
  const std::int64_t element = size_of(q.type);
  std::atomic<bool> out_of_memory{false};
  const auto attend = [&](std::int64_t piece) {
    const Scratch& own = scratch_[omp_get_thread_num()];
    auto* narrow = reinterpret_cast<std::uint16_t*>(own.narrow);
    const std::int64_t first_head = piece % groups * group;
    const std::int64_t first_row = piece / groups * tokens_;
    for (std::int64_t i = 0; i < group; ++i) {
      const std::int64_t column = (first_head + i) * width;
      pack(k, first_row, tokens_, column, width, own.k + i * tokens_ * width * element);
      pack(v, first_row, tokens_, column, width, own.v + i * tokens_ * width * element);
    }
    for (std::int64_t query = 0; query < tokens_; query += block) {
      // The last block may be shorter: what the products make of its missing rows is not used.
      const std::int64_t queries = std::min(block, tokens_ - query);
      for (std::int64_t i = 0; i < group; ++i) {
        pack(q, first_row + query, queries, (first_head + i) * width, width,
             own.q + i * block * width * element);
      }
      scores_(own.q, own.k, own.scores, own.products);
      for (std::int64_t i = 0; i < group; ++i) {
        for (std::int64_t j = i * block; j < i * block + queries; ++j) {
          own.sums[j] = exponentials(own.scores + j * tokens_, tokens_,
                                     narrow ? narrow + j * tokens_ : nullptr);
        }
      }
      mixed_(narrow ? static_cast<void*>(narrow) : own.scores, own.v, own.out, own.products);
      for (std::int64_t i = 0; i < group; ++i) {
        for (std::int64_t j = 0; j < queries; ++j) {
          const std::int64_t row = i * block + j;
          scale_row(own.out + row * width, width, own.sums[row], out.type,
                    out.at(first_row + query + j, (first_head + i) * width));
        }
      }
    }
  };
  // No exception may leave a loop of OpenMP.
  parallel_for(q.count / tokens_ * groups, [&](std::int64_t piece) {
    try {
      attend(piece);
    } catch (const std::bad_alloc&) {
      out_of_memory = true;
    }
  });
  if (out_of_memory) throw std::bad_alloc();
}

}  // namespace

std::unique_ptr<AttentionProduct> image_attention(std::int64_t tokens, std::int64_t heads,
                                                  std::int64_t head_width, ElementType type,
                                                  Arena* arena) {
  return std::make_unique<ImageAttention>(tokens, heads, head_width, type, arena);
}

}  // namespace clip::onednn
