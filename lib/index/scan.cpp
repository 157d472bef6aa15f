#include "index/scan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <utility>

#include "index/scan_kernels.h"
#include "index/scan_threads.h"

namespace clip {
namespace {

constexpr std::int64_t kBlock = RowFilter::kWordRows;  // rows that are multiplied at once
constexpr std::int64_t kQueryBlock = 64;               // queries that stay in the cache meanwhile
constexpr std::int64_t kPieceBytes = 1 << 20;          // of rows that a thread takes at once

bool is_better(const Hit& a, const Hit& b) {
  return a.score > b.score || (a.score == b.score && a.row < b.row);
}

// The best `k` of what it is given: a heap whose top is the worst of them.
class TopRows {
 public:
  explicit TopRows(std::size_t k) : k_(k) {}

  // Rows from `begin` on, those whose bit is set.
  void add(std::int64_t begin, const float* scores, std::int64_t count, std::uint64_t mask) {
    for (std::int64_t i = 0; i < count; ++i) {
      // Most rows end here: NaN never compares, so it is asked for while there is room.
      if (full() ? !(scores[i] >= hits_.front().score) : std::isnan(scores[i])) continue;
      if ((mask >> i & 1) != 0) add({begin + i, scores[i]});
    }
  }

  void add(const TopRows& other) {
    for (const Hit& hit : other.hits_) add(hit);
  }

  std::vector<Hit> take_sorted() {
    std::sort_heap(hits_.begin(), hits_.end(), is_better);
    return std::move(hits_);
  }

 private:
  bool full() const { return !hits_.empty() && hits_.size() == k_; }

  void add(const Hit& hit) {
    if (hits_.size() < k_) {
      hits_.push_back(hit);
    } else if (k_ > 0 && is_better(hit, hits_.front())) {
      std::pop_heap(hits_.begin(), hits_.end(), is_better);
      hits_.back() = hit;
    } else {
      return;
    }
    std::push_heap(hits_.begin(), hits_.end(), is_better);
  }

  std::size_t k_;
  std::vector<Hit> hits_;
};

// Count, mean and sum of squared deviations, which can be merged.
struct Spread {
  std::int64_t count = 0;
  double mean = 0, squares = 0;

  void add(const Spread& other) {
    if (other.count == 0) return;
    const auto total = static_cast<double>(count + other.count);
    const double delta = other.mean - mean;
    mean += delta * static_cast<double>(other.count) / total;
    squares += other.squares + delta * delta * static_cast<double>(count) *
                                   (static_cast<double>(other.count) / total);
    count += other.count;
  }

  Moments moments() const {
    return {count, mean, count == 0 ? 0 : std::sqrt(squares / static_cast<double>(count))};
  }
};

// Of numbers near `pivot`, by their sum and sum of squares from there.
Spread spread_around(double pivot, std::int64_t count, double sum, double squares) {
  const double shift = sum / static_cast<double>(count);
  return {count, pivot + shift, std::max(0.0, squares - sum * shift)};
}

// Of up to 64 scores, those whose bit is set.
Spread spread_of(const float* scores, std::int64_t count, std::uint64_t mask) {
  if (count == kBlock && mask == ~std::uint64_t{0}) {
    constexpr int kSums = 8;  // side by side, as vectors
    double sums[kSums] = {}, squares[kSums] = {};
    const double pivot = scores[0];
    for (std::int64_t i = 0; i < kBlock; i += kSums) {
      for (int lane = 0; lane < kSums; ++lane) {
        const double x = scores[i + lane] - pivot;
        sums[lane] += x;
        squares[lane] += x * x;
      }
    }
    double sum = 0, square = 0;
    for (int lane = 0; lane < kSums; ++lane) sum += sums[lane], square += squares[lane];
    if (std::isfinite(square)) return spread_around(pivot, kBlock, sum, square);
  }
  std::int64_t used = 0;
  double pivot = 0, sum = 0, square = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    if ((mask >> i & 1) == 0 || !std::isfinite(scores[i])) continue;
    if (used++ == 0) pivot = scores[i];
    const double x = scores[i] - pivot;
    sum += x;
    square += x * x;
  }
  return used == 0 ? Spread() : spread_around(pivot, used, sum, square);
}

// Which of the rows [64 block, 64 block + 64) count.
std::uint64_t mask_of(const RowFilter* filter, std::int64_t block, std::int64_t rows) {
  const std::uint64_t there = rows >= kBlock ? ~std::uint64_t{0} : (std::uint64_t{1} << rows) - 1;
  return filter == nullptr ? there : filter->word(block) & there;
}

// The queries, each as long as a row.
AlignedFloats padded(const float* queries, std::int64_t count, std::int64_t dim) {
  const std::int64_t stride = row_stride(dim);
  AlignedFloats padded(count * stride);
  for (std::int64_t q = 0; q < count; ++q) {
    std::copy_n(queries + q * dim, dim, padded.data() + q * stride);
  }
  return padded;
}

// A pass over all rows, in pieces of whole blocks.
class Pass {
 public:
  Pass(const VectorRows& rows, const RowFilter* filter) : rows_(rows), filter_(filter) {
    const std::int64_t block_bytes = kBlock * row_stride(rows.dim) * std::int64_t{2};
    piece_rows_ = kBlock * std::max<std::int64_t>(1, kPieceBytes / std::max(kBlock, block_bytes));
  }

  std::int64_t pieces() const { return (rows_.count + piece_rows_ - 1) / piece_rows_; }

  // Calls use(first row, rows, bits of those that count) for the blocks in which any row does.
  template <typename Use>
  void for_each_block(std::int64_t piece, const Use& use) const {
    const std::int64_t end = std::min(rows_.count, (piece + 1) * piece_rows_);
    for (std::int64_t begin = piece * piece_rows_; begin < end; begin += kBlock) {
      const std::int64_t count = std::min(kBlock, end - begin);
      const std::uint64_t mask = mask_of(filter_, begin / kBlock, count);
      if (mask != 0) use(begin, count, mask);
    }
  }

 private:
  const VectorRows& rows_;
  const RowFilter* filter_;
  std::int64_t piece_rows_;
};

}  // namespace

std::vector<Found> search_rows(const VectorRows& rows, const float* queries, std::int64_t count,
                               std::size_t k, const RowFilter* filter, int threads) {
  std::vector<Found> found(static_cast<std::size_t>(count));
  if (rows.count == 0 || count == 0) return found;
  const ScanKernel& kernel = scan_kernel();
  const std::int64_t stride = row_stride(rows.dim);
  const AlignedFloats all_queries = padded(queries, count, rows.dim);
  const Pass pass(rows, filter);
  const TopRows none(std::min(k, static_cast<std::size_t>(rows.count)));
  std::vector<TopRows> best(found.size(), none);
  // By piece, so that they are merged in one order whoever computes them.
  std::vector<Spread> spreads(static_cast<std::size_t>(pass.pieces() * count));
  std::mutex mutex;
  on_threads(pass.pieces(), threads, [&](Pieces* pieces) {
    std::vector<TopRows> own(found.size(), none);
    AlignedFloats scores(kQueryBlock * kBlock);
    const auto scan = [&](std::int64_t begin, std::int64_t size, std::uint64_t mask,
                          Spread* piece_spreads) {
      for (std::int64_t first = 0; first < count; first += kQueryBlock) {
        const std::int64_t some = std::min(kQueryBlock, count - first);
        kernel.dots(rows.row(begin), size, all_queries.data() + first * stride, some, stride,
                    scores.data(), kBlock);
        for (std::int64_t q = 0; q < some; ++q) {
          const float* of_query = scores.data() + q * kBlock;
          own[static_cast<std::size_t>(first + q)].add(begin, of_query, size, mask);
          piece_spreads[first + q].add(spread_of(of_query, size, mask));
        }
      }
    };
    for (std::int64_t piece; pieces->next(&piece);) {
      Spread* const piece_spreads = spreads.data() + piece * count;
      pass.for_each_block(piece, [&](std::int64_t begin, std::int64_t size, std::uint64_t mask) {
        scan(begin, size, mask, piece_spreads);
      });
    }
    const std::lock_guard<std::mutex> lock(mutex);
    for (std::size_t q = 0; q < own.size(); ++q) best[q].add(own[q]);
  });
  for (std::size_t q = 0; q < found.size(); ++q) {
    found[q].hits = best[q].take_sorted();
    Spread spread;
    for (std::int64_t piece = 0; piece < pass.pieces(); ++piece) {
      spread.add(spreads[static_cast<std::size_t>(piece * count) + q]);
    }
    found[q].moments = spread.moments();
  }
  return found;
}

std::vector<Hit> top_rows(const VectorRows& rows, const float* query, std::size_t k,
                          const RowFilter* filter, int threads) {
  return std::move(search_rows(rows, query, 1, k, filter, threads).front().hits);
}

std::vector<float> all_scores(const VectorRows& rows, const float* query, const RowFilter* filter,
                              int threads) {
  std::vector<float> scores(static_cast<std::size_t>(rows.count),
                            std::numeric_limits<float>::quiet_NaN());
  if (rows.count == 0) return scores;
  const ScanKernel& kernel = scan_kernel();
  const AlignedFloats long_query = padded(query, 1, rows.dim);
  const Pass pass(rows, filter);
  on_threads(pass.pieces(), threads, [&](Pieces* pieces) {
    for (std::int64_t piece; pieces->next(&piece);) {
      pass.for_each_block(piece, [&](std::int64_t begin, std::int64_t size, std::uint64_t mask) {
        float* to = scores.data() + begin;
        kernel.dots(rows.row(begin), size, long_query.data(), 1, row_stride(rows.dim), to, size);
        for (std::int64_t i = 0; i < size; ++i) {
          if ((mask >> i & 1) == 0) to[i] = std::numeric_limits<float>::quiet_NaN();
        }
      });
    }
  });
  return scores;
}

std::vector<float> scores_of(const VectorRows& rows, const std::vector<std::int64_t>& which,
                             const float* queries, std::int64_t count, int threads) {
  const auto rows_here = static_cast<std::int64_t>(which.size());
  std::vector<float> scores(which.size() * static_cast<std::size_t>(count));
  if (scores.empty()) return scores;
  const ScanKernel& kernel = scan_kernel();
  const std::int64_t stride = row_stride(rows.dim);
  const AlignedFloats all_queries = padded(queries, count, rows.dim);
  on_threads((rows_here + kBlock - 1) / kBlock, threads, [&](Pieces* pieces) {
    for (std::int64_t piece; pieces->next(&piece);) {
      const std::int64_t end = std::min(rows_here, (piece + 1) * kBlock);
      for (std::int64_t i = piece * kBlock; i < end; ++i) {
        kernel.dots(rows.row(which[static_cast<std::size_t>(i)]), 1, all_queries.data(), count,
                    stride, scores.data() + i * count, 1);
      }
    }
  });
  return scores;
}

Moments moments_of(const std::vector<float>& scores) {
  Spread spread;
  const auto count = static_cast<std::int64_t>(scores.size());
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    const std::int64_t size = std::min(kBlock, count - begin);
    spread.add(spread_of(scores.data() + begin, size, mask_of(nullptr, 0, size)));
  }
  return spread.moments();
}

}  // namespace clip
