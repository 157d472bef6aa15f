#include "index/recall.h"

#include <algorithm>
#include <limits>
#include <mutex>

#include "clip/error.h"
#include "index/scan_kernels.h"
#include "index/scan_threads.h"

namespace clip {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::int64_t kTextsAtOnce = 96;  // a multiple of the rows of every kernel's tile

// Columns for a kernel, [dim, tile_columns]: `row_of(j)` is the row of column j, or null.
template <typename RowOf>
void pack(const RowOf& row_of, std::int64_t columns, std::int64_t dim, float* panel) {
  for (std::int64_t j = 0; j < columns; ++j) {
    const float* row = row_of(j);
    for (std::int64_t k = 0; k < dim; ++k) panel[k * columns + j] = row == nullptr ? 0 : row[k];
  }
}

// Some texts, with zeros behind the last.
void copy_texts(const Embeddings& texts, std::int64_t first, std::int64_t count, float* to) {
  std::fill_n(std::copy_n(texts.row(first), count * texts.dim, to),
              (kTextsAtOnce - count) * texts.dim, 0.0F);
}

// The products of texts with their own images, by the kernel that computes all others: so equal
// rows have equal products.
std::vector<float> own_products(const Embeddings& images, const Embeddings& texts,
                                const std::vector<std::uint32_t>& image_of_text) {
  const ScanKernel& kernel = scan_kernel();
  const std::int64_t dim = texts.dim, rows = kernel.tile_rows, columns = kernel.tile_columns;
  AlignedFloats some(kTextsAtOnce * dim), panel(dim * columns), products(rows * columns);
  std::vector<float> own(image_of_text.size());
  for (std::int64_t first = 0; first < texts.count; first += rows) {
    const std::int64_t count = std::min(rows, texts.count - first);
    copy_texts(texts, first, count, some.data());
    for (std::int64_t begin = 0; begin < count; begin += columns) {
      const std::int64_t width = std::min(columns, count - begin);
      pack(
          [&](std::int64_t j) {
            if (j >= width) return static_cast<const float*>(nullptr);
            return images.row(image_of_text[static_cast<std::size_t>(first + begin + j)]);
          },
          columns, dim, panel.data());
      kernel.tile(some.data(), dim, panel.data(), dim, kInfinity, products.data());
      for (std::int64_t j = 0; j < width; ++j) {
        own[static_cast<std::size_t>(first + begin + j)] =
            products.data()[(begin + j) * columns + j];
      }
    }
  }
  return own;
}

}  // namespace

RetrievalRanks retrieval_ranks(const Embeddings& images, const Embeddings& texts,
                               const std::vector<std::uint32_t>& image_of_text, int threads,
                               const CancelToken* stop) {
  const ScanKernel& kernel = scan_kernel();
  const std::int64_t dim = texts.dim, rows = kernel.tile_rows, columns = kernel.tile_columns;
  const std::vector<float> own = own_products(images, texts, image_of_text);

  // The best text of each image.
  std::vector<float> best(static_cast<std::size_t>(images.count), kInfinity);
  std::vector<std::uint32_t> best_text(best.size(), RetrievalRanks::kNone);
  for (std::size_t t = 0; t < own.size(); ++t) {
    const std::uint32_t image = image_of_text[t];
    if (best_text[image] == RetrievalRanks::kNone || own[t] > best[image]) {
      best[image] = own[t];
      best_text[image] = static_cast<std::uint32_t>(t);
    }
  }

  const std::int64_t panels = (images.count + columns - 1) / columns;
  AlignedFloats packed(panels * dim * columns);
  for (std::int64_t p = 0; p < panels; ++p) {
    pack(
        [&](std::int64_t j) {
          const std::int64_t at = p * columns + j;
          return at < images.count ? images.row(at) : nullptr;
        },
        columns, dim, packed.data() + p * dim * columns);
  }

  RetrievalRanks ranks;
  ranks.of_texts.resize(own.size());
  ranks.of_images.resize(best.size());
  std::mutex mutex;
  on_threads((texts.count + kTextsAtOnce - 1) / kTextsAtOnce, threads, [&](Pieces* pieces) {
    AlignedFloats some(kTextsAtOnce * dim), products(rows * columns);
    std::vector<std::uint32_t> of_images(best.size());
    for (std::int64_t piece; pieces->next(&piece);) {
      if (stop != nullptr && stop->cancelled()) {
        throw Error(ErrorCode::kCancelled, "interrupted");
      }
      const std::int64_t first = piece * kTextsAtOnce;
      const std::int64_t count = std::min(kTextsAtOnce, texts.count - first);
      copy_texts(texts, first, count, some.data());
      for (std::int64_t p = 0; p < panels; ++p) {
        const std::int64_t width = std::min(columns, images.count - p * columns);
        for (std::int64_t r = 0; r < count; r += rows) {
          kernel.tile(some.data() + r * dim, dim, packed.data() + p * dim * columns, dim, kInfinity,
                      products.data());
          for (std::int64_t i = 0; i < std::min(rows, count - r); ++i) {
            const auto text = static_cast<std::uint32_t>(first + r + i);
            const float own_score = own[text];
            const std::uint32_t own_image = image_of_text[text];
            std::uint32_t before = 0;
            for (std::int64_t j = 0; j < width; ++j) {
              const auto image = static_cast<std::uint32_t>(p * columns + j);
              const float score = products.data()[i * columns + j];
              before += score > own_score || (score == own_score && image < own_image) ? 1 : 0;
              of_images[image] +=
                  score > best[image] || (score == best[image] && text < best_text[image]) ? 1 : 0;
            }
            ranks.of_texts[text] += before;
          }
        }
      }
    }
    const std::lock_guard<std::mutex> lock(mutex);
    for (std::size_t i = 0; i < of_images.size(); ++i) ranks.of_images[i] += of_images[i];
  });
  for (std::size_t i = 0; i < best.size(); ++i) {
    if (best_text[i] == RetrievalRanks::kNone) ranks.of_images[i] = RetrievalRanks::kNone;
  }
  return ranks;
}

double recall_at(const std::vector<std::uint32_t>& ranks, std::uint32_t k) {
  std::uint64_t counted = 0, found = 0;
  for (const std::uint32_t rank : ranks) {
    if (rank == RetrievalRanks::kNone) continue;
    ++counted;
    if (rank < k) ++found;
  }
  if (counted == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(found) / static_cast<double>(counted);
}

}  // namespace clip
