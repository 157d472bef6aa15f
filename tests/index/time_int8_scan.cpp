// A search in two passes, beside the exact one in float16: int8 copies of the rows with a scale for
// each find the best thousand, which float16 puts into order:
//   time_int8_scan FILE ROWS DIM [THREADS] [CANDIDATES]
// takes the vector file that time_scan writes. Prints the times of both, and how many of the 10
// best rows of the exact search the two passes find, over 20 queries: half of them random
// directions, half of them rows with noise. For README.md's figures; asserts nothing. The int8 rows
// are made in memory, and are no part of an index.

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "clip/embeddings.h"
#include "index/scan.h"
#include "index/scan_kernels.h"
#include "index/vector_file.h"
#include "nn/simd.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace clip;

namespace {

constexpr std::size_t kBest = 10;
constexpr int kQueries = 20;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Rows of int8, [rows, stride], and what each must be multiplied with.
struct Int8Rows {
  std::vector<std::int8_t> values;
  std::vector<float> scales;
  std::int64_t stride = 0;
};

float quantize(const float* from, std::int64_t count, std::int8_t* to) {
  float most = 0;
  for (std::int64_t i = 0; i < count; ++i) most = std::max(most, std::abs(from[i]));
  const float step = most / 127;
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] = static_cast<std::int8_t>(step > 0 ? std::lrint(from[i] / step) : 0);
  }
  return step;
}

Int8Rows int8_rows(const VectorRows& rows) {
  Int8Rows narrow;
  narrow.stride = row_stride(rows.dim);
  narrow.values.resize(static_cast<std::size_t>(rows.count * narrow.stride));
  narrow.scales.resize(static_cast<std::size_t>(rows.count));
#pragma omp parallel
  {
    std::vector<float> wide(static_cast<std::size_t>(narrow.stride));
#pragma omp for
    for (std::int64_t i = 0; i < rows.count; ++i) {
      scan_kernel().widen(rows.row(i), narrow.stride, wide.data());
      narrow.scales[static_cast<std::size_t>(i)] =
          quantize(wide.data(), narrow.stride, narrow.values.data() + i * narrow.stride);
    }
  }
  return narrow;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) std::int32_t dot(const std::int8_t* a, const std::int8_t* b,
                                                 std::int64_t count) {
  __m256i sums[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
  for (std::int64_t k = 0; k < count; k += 32) {
    for (int half = 0; half < 2; ++half) {
      const __m256i x = _mm256_cvtepi8_epi16(
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(a + k + 16 * half)));
      const __m256i y = _mm256_cvtepi8_epi16(
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(b + k + 16 * half)));
      sums[half] = _mm256_add_epi32(sums[half], _mm256_madd_epi16(x, y));
    }
  }
  std::int32_t lanes[8];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes), _mm256_add_epi32(sums[0], sums[1]));
  std::int32_t sum = 0;
  for (const std::int32_t lane : lanes) sum += lane;
  return sum;
}
#else
std::int32_t dot(const std::int8_t* a, const std::int8_t* b, std::int64_t count) {
  std::int32_t sum = 0;
  for (std::int64_t k = 0; k < count; ++k) sum += std::int32_t{a[k]} * b[k];
  return sum;
}
#endif

bool is_better(const Hit& a, const Hit& b) {
  return a.score > b.score || (a.score == b.score && a.row < b.row);
}

std::vector<Hit> two_passes(const VectorRows& rows, const Int8Rows& narrow, const float* query,
                            std::size_t candidates, int threads) {
  std::vector<float> padded(static_cast<std::size_t>(narrow.stride));
  std::copy_n(query, rows.dim, padded.data());
  std::vector<std::int8_t> small(padded.size());
  quantize(padded.data(), narrow.stride, small.data());
  std::vector<Hit> best;
#pragma omp parallel num_threads(threads)
  {
    std::vector<Hit> own;  // a heap whose top is the worst
#pragma omp for schedule(dynamic, 4096)
    for (std::int64_t i = 0; i < rows.count; ++i) {
      const std::int8_t* row = narrow.values.data() + i * narrow.stride;
      __builtin_prefetch(row + 8192);
      const float score = static_cast<float>(dot(row, small.data(), narrow.stride)) *
                          narrow.scales[static_cast<std::size_t>(i)];
      if (own.size() == candidates) {
        if (!(score > own.front().score)) continue;
        std::pop_heap(own.begin(), own.end(), is_better);
        own.pop_back();
      }
      own.push_back({i, score});
      std::push_heap(own.begin(), own.end(), is_better);
    }
#pragma omp critical
    best.insert(best.end(), own.begin(), own.end());
  }
  std::sort(best.begin(), best.end(), is_better);
  best.resize(std::min(best.size(), candidates));
  std::vector<std::int64_t> which;
  for (const Hit& hit : best) which.push_back(hit.row);
  const std::vector<float> scores = scores_of(rows, which, query, 1, threads);
  for (std::size_t i = 0; i < best.size(); ++i) best[i].score = scores[i];
  std::sort(best.begin(), best.end(), is_better);
  best.resize(std::min(best.size(), kBest));
  return best;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fputs("usage: time_int8_scan FILE ROWS DIM [THREADS] [CANDIDATES]\n", stderr);
    return 2;
  }
  const std::int64_t count = std::atol(argv[2]), dim = std::atol(argv[3]);
  const int threads = argc > 4 ? std::atoi(argv[4]) : omp_get_max_threads();
  const std::size_t candidates = argc > 5 ? static_cast<std::size_t>(std::atol(argv[5])) : 1000;
  VectorFileId id;
  id.dim = dim;
  id.model = std::string(64, '0');
  const VectorReader reader(argv[1], id, count);
  const VectorRows& rows = reader.rows();
  double start = now();
  const Int8Rows narrow = int8_rows(rows);
  std::printf("%ld x %ld, %d threads; int8 rows made in %.1f s\n", long(count), long(dim), threads,
              now() - start);

  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<double> exact_times, fast_times;
  std::size_t found[2] = {}, first_found[2] = {};
  std::vector<float> wide(static_cast<std::size_t>(row_stride(dim)));
  for (int q = 0; q < kQueries; ++q) {
    const bool near = q % 2 == 1;
    std::vector<float> query(static_cast<std::size_t>(dim));
    for (float& value : query) value = normal(random);
    if (near) {  // cosine 0.5 with a row, about
      const auto row = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(count));
      scan_kernel().widen(rows.row(row), row_stride(dim), wide.data());
      normalize(query.data(), dim);
      for (std::int64_t i = 0; i < dim; ++i) {
        query[static_cast<std::size_t>(i)] =
            0.866F * query[static_cast<std::size_t>(i)] + 0.5F * wide[static_cast<std::size_t>(i)];
      }
    }
    normalize(query.data(), dim);
    start = now();
    const std::vector<Hit> exact = top_rows(rows, query.data(), kBest, nullptr, threads);
    exact_times.push_back(now() - start);
    start = now();
    const std::vector<Hit> fast = two_passes(rows, narrow, query.data(), candidates, threads);
    fast_times.push_back(now() - start);
    for (const Hit& hit : exact) {
      found[near] += static_cast<std::size_t>(
          std::any_of(fast.begin(), fast.end(), [&](const Hit& f) { return f.row == hit.row; }));
    }
    first_found[near] += fast.front().row == exact.front().row ? 1 : 0;
  }
  const double exact = median(exact_times), fast = median(fast_times);
  const auto share = [](std::size_t part, double of) { return 100 * double(part) / of; };
  std::printf("float16, exact        %8.1f ms\n", 1000 * exact);
  std::printf("int8, then float16    %8.1f ms, %.2f times as fast\n", 1000 * fast, exact / fast);
  for (const int near : {0, 1}) {
    std::printf("%s: recall@10 %.1f %%, the first hit right %.0f %%\n",
                near == 1 ? "queries near a row" : "random queries    ",
                share(found[near], kQueries / 2 * kBest), share(first_found[near], kQueries / 2));
  }
}
