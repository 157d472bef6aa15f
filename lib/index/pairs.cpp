#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

#include "index/scan.h"
#include "index/scan_kernels.h"
#include "index/scan_threads.h"

namespace clip {
namespace {

constexpr std::int64_t kColumnBytes = 512 << 10;  // of columns that stay in the cache
constexpr std::size_t kMaxPairs = 1 << 16;        // that a thread keeps before it hands them over

// How far the sums of a tile and those of a score may differ, for normalized rows: what is nearer
// to the threshold than that is decided by the score.
constexpr float kSlack = 1e-4F;

// Some rows as columns: panels of kernel.tile_columns rows, [stride, tile_columns] each. Where rows
// are missing, columns are zero.
class Columns {
 public:
  Columns(const ScanKernel& kernel, std::int64_t stride, std::int64_t panels)
      : kernel_(kernel),
        stride_(stride),
        values_(panels * stride * kernel.tile_columns),
        row_(stride) {}

  const float* panel(std::int64_t i) const {
    return values_.data() + i * stride_ * kernel_.tile_columns;
  }

  void set(std::int64_t at, const std::uint16_t* row) {
    const std::int64_t width = kernel_.tile_columns;
    float* to = values_.data() + at / width * stride_ * width + at % width;
    if (row == nullptr) {
      for (std::int64_t k = 0; k < stride_; ++k) to[k * width] = 0;
      return;
    }
    kernel_.widen(row, stride_, row_.data());
    for (std::int64_t k = 0; k < stride_; ++k) to[k * width] = row_.data()[k];
  }

 private:
  const ScanKernel& kernel_;
  std::int64_t stride_;
  AlignedFloats values_, row_;
};

// The rows that count, by their place among them.
class Counted {
 public:
  Counted(const VectorRows& rows, const RowFilter* filter)
      : rows_(rows), all_(filter == nullptr), count_(rows.count) {
    if (all_) return;
    for (std::int64_t row = 0; row < rows.count; ++row) {
      if (filter->holds(row)) which_.push_back(row);
    }
    count_ = static_cast<std::int64_t>(which_.size());
  }

  std::int64_t count() const { return count_; }
  std::int64_t index(std::int64_t i) const {
    return all_ ? i : which_[static_cast<std::size_t>(i)];
  }
  const std::uint16_t* row(std::int64_t i) const { return rows_.row(index(i)); }

 private:
  const VectorRows& rows_;
  bool all_;
  std::vector<std::int64_t> which_;
  std::int64_t count_;
};

// What all threads share.
struct Shared {
  const PairCallbacks& callbacks;
  std::mutex mutex;
  double done = 0, total = 0;  // tiles of columns times rows

  bool stopped() const { return callbacks.stop != nullptr && callbacks.stop->cancelled(); }

  void give(std::vector<Pair>* pairs, double work) {
    const std::lock_guard<std::mutex> lock(mutex);
    if (!pairs->empty()) callbacks.use(*pairs);
    pairs->clear();
    done += work;
    if (work > 0 && callbacks.progress) callbacks.progress(std::min(1.0, done / total));
  }
};

// One thread's work: a block of columns with all rows up to its last.
class BlockOfPairs {
 public:
  BlockOfPairs(const Counted& counted, std::int64_t stride, float threshold, std::int64_t panels,
               Shared* shared)
      : counted_(counted),
        kernel_(scan_kernel()),
        stride_(stride),
        threshold_(threshold),
        panels_(panels),
        shared_(*shared),
        columns_(kernel_, stride, panels),
        row_stride_(stride + 16),  // rows at powers of two would share the cache's sets
        rows_(kernel_.tile_rows * row_stride_),
        products_(kernel_.tile_rows * kernel_.tile_columns),
        row_(stride) {}

  void compute(std::int64_t block) {
    const std::int64_t width = panels_ * kernel_.tile_columns;
    const std::int64_t begin = block * width, end = std::min(counted_.count(), begin + width);
    for (std::int64_t i = 0; i < width; ++i) {
      columns_.set(i, begin + i < end ? counted_.row(begin + i) : nullptr);
    }
    // Rows in some steps, so that progress is seen and the end comes soon when it is asked for.
    double work = 0;
    for (std::int64_t first = 0; first < end && !shared_.stopped(); first += kernel_.tile_rows) {
      const std::int64_t last = std::min(end, first + kernel_.tile_rows);  // exclusive
      for (std::int64_t i = first; i < last; ++i) {
        kernel_.widen(counted_.row(i), stride_, rows_.data() + (i - first) * row_stride_);
      }
      for (std::int64_t panel = 0; panel < panels_; ++panel) {
        const std::int64_t column = begin + panel * kernel_.tile_columns;
        if (column >= end || column + kernel_.tile_columns <= first + 1) continue;
        if (kernel_.tile(rows_.data(), row_stride_, columns_.panel(panel), stride_,
                         threshold_ - kSlack, products_.data())) {
          check(first, last, column, std::min(end, column + kernel_.tile_columns));
        }
      }
      work += static_cast<double>(last - first);
      if (pairs_.size() >= kMaxPairs || work >= 4096) {
        shared_.give(&pairs_, work);
        work = 0;
      }
    }
    shared_.give(&pairs_, work);
  }

 private:
  void check(std::int64_t first, std::int64_t last, std::int64_t column, std::int64_t column_end) {
    for (std::int64_t i = first; i < last; ++i) {
      for (std::int64_t j = std::max(column, i + 1); j < column_end; ++j) {
        const float product = products_.data()[(i - first) * kernel_.tile_columns + (j - column)];
        if (!(product >= threshold_ - kSlack)) continue;
        float score;
        kernel_.dots(counted_.row(j), 1, rows_.data() + (i - first) * row_stride_, 1, stride_,
                     &score, 1);
        if (score >= threshold_) pairs_.push_back({counted_.index(i), counted_.index(j), score});
      }
    }
  }

  const Counted& counted_;
  const ScanKernel& kernel_;
  std::int64_t stride_;
  float threshold_;
  std::int64_t panels_;
  Shared& shared_;
  Columns columns_;
  std::int64_t row_stride_;
  AlignedFloats rows_, products_, row_;
  std::vector<Pair> pairs_;
};

}  // namespace

bool pairs_above(const VectorRows& rows, float threshold, const RowFilter* filter, int threads,
                 const PairCallbacks& callbacks) {
  const Counted counted(rows, filter);
  Shared shared{callbacks, {}, 0, 0};
  if (counted.count() < 2) return !shared.stopped();
  const ScanKernel& kernel = scan_kernel();
  const std::int64_t stride = row_stride(rows.dim);
  const std::int64_t panel_bytes = stride * kernel.tile_columns * std::int64_t{4};
  const std::int64_t panels = std::max<std::int64_t>(1, kColumnBytes / panel_bytes);
  const std::int64_t width = panels * kernel.tile_columns;
  const std::int64_t blocks = (counted.count() + width - 1) / width;
  for (std::int64_t block = 0; block < blocks; ++block) {
    shared.total += static_cast<double>(std::min(counted.count(), (block + 1) * width));
  }
  on_threads(blocks, threads, [&](Pieces* pieces) {
    BlockOfPairs work(counted, stride, threshold, panels, &shared);
    // The last block has the most rows: it goes first, so that threads end together.
    for (std::int64_t piece; !shared.stopped() && pieces->next(&piece);) {
      work.compute(blocks - 1 - piece);
    }
  });
  return !shared.stopped();
}

}  // namespace clip
