// Times the scan beside the reading of the same memory, turn by turn:
//   time_scan FILE ROWS DIM [THREADS]
// writes FILE, a vector file of random rows, unless it is there, and maps it. Prints, each in
// milliseconds and GB/s: the first pass over the mapping and those after it, of the scan for one
// query and of a sum of the integers that are there, in wide loads; then queries in a group, and
// pairs. FILE is in the page cache by then, as it is for a search that is not the first of a day.
// For README.md's figures; asserts nothing.

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/file.h"
#include "index/scan.h"
#include "index/scan_kernels.h"
#include "index/vector_file.h"
#include "nn/simd.h"

using namespace clip;

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

VectorFileId id_of(std::int64_t dim) {
  VectorFileId id;
  id.dim = dim;
  id.model = std::string(64, '0');
  return id;
}

std::vector<float> normalized_rows(std::int64_t count, std::int64_t dim, std::mt19937* random) {
  std::normal_distribution<float> normal(0, 1 / std::sqrt(static_cast<float>(dim)));
  std::vector<float> values(static_cast<std::size_t>(count * dim));
  for (float& value : values) value = normal(*random);
  return values;
}

void write_rows(const std::string& path, std::int64_t count, std::int64_t dim) {
  std::mt19937 random(1);
  VectorWriter writer = VectorWriter::create(path, id_of(dim));
  for (std::int64_t at = 0; at < count; at += 10000) {
    const std::int64_t some = std::min<std::int64_t>(10000, count - at);
    writer.write(at, normalized_rows(some, dim, &random).data(), some);
  }
}

// The sum of all 64-bit integers of a part, in whole cache lines.
CLIP_CLONES std::uint64_t sum_of_part(const char* bytes, std::int64_t size) {
  typedef std::uint64_t Line __attribute__((vector_size(64)));
  Line sums[4] = {};
  for (std::int64_t at = 0; at + 256 <= size; at += 256) {
    for (int i = 0; i < 4; ++i) {
      Line line;
      std::memcpy(&line, bytes + at + 64 * i, sizeof(line));
      sums[i] += line;
    }
  }
  std::uint64_t sum = 0;
  for (const Line& line : sums) {
    for (int i = 0; i < 8; ++i) sum += line[i];
  }
  return sum;
}

std::uint64_t sum_of(const VectorRows& rows, int threads) {
  constexpr std::int64_t kPart = 1 << 20;
  const auto* bytes = reinterpret_cast<const char*>(rows.values);
  const std::int64_t size = rows.count * row_stride(rows.dim) * 2;
  std::atomic<std::uint64_t> sum{0};
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (std::int64_t at = 0; at < size; at += kPart) {
    sum += sum_of_part(bytes + at, std::min(kPart, size - at));
  }
  return sum;
}

void print(const char* what, double seconds, const VectorRows& rows) {
  const double bytes = static_cast<double>(rows.count * row_stride(rows.dim)) * 2;
  std::printf("%-32s %9.2f ms %7.2f GB/s\n", what, 1000 * seconds, bytes / seconds / 1e9);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fputs("usage: time_scan FILE ROWS DIM [THREADS]\n", stderr);
    return 2;
  }
  const std::string path = argv[1];
  const std::int64_t count = std::atol(argv[2]), dim = std::atol(argv[3]);
  const int threads = argc > 4 ? std::atoi(argv[4]) : omp_get_max_threads();
  if (!exists(path)) write_rows(path, count, dim);
  std::mt19937 random(2);
  constexpr std::int64_t kQueries = 64;
  const std::vector<float> queries = normalized_rows(kQueries, dim, &random);
  std::uint64_t check = 0;
  std::printf("%ld x %ld, %d threads, kernel %s\n", long(count), long(dim), threads,
              scan_kernel().name);
  // Mappings of their own, so that the first pass meets no page that is there.
  const auto pass = [&](const VectorRows& rows, bool scans) {
    const double start = now();
    if (scans) {
      check += static_cast<std::uint64_t>(
          top_rows(rows, queries.data(), 10, nullptr, threads).front().row);
    } else {
      check += sum_of(rows, threads);
    }
    return now() - start;
  };
  std::vector<double> first[2], later[2];
  const double end = now() + 4;
  for (int round = 0; round < 5 || now() < end; ++round) {
    for (const bool scans : {false, true}) {
      const VectorReader reader(path, id_of(dim), count);
      first[scans].push_back(pass(reader.rows(), scans));
      for (int i = 0; i < 3; ++i) later[scans].push_back(pass(reader.rows(), scans));
    }
  }
  const VectorReader reader(path, id_of(dim), count);
  const VectorRows& rows = reader.rows();
  print("reading, first of a mapping", median(first[0]), rows);
  print("scan, first of a mapping", median(first[1]), rows);
  print("reading", median(later[0]), rows);
  print("scan", median(later[1]), rows);
  std::printf("scan / reading: %.2f; first: %.2f\n", median(later[0]) / median(later[1]),
              median(first[0]) / median(first[1]));

  double start = now();
  check += search_rows(rows, queries.data(), kQueries, 10, nullptr, threads).size();
  print("64 queries at once", now() - start, rows);

  const VectorRows some{rows.values, std::min<std::int64_t>(count, 20000), dim};
  start = now();
  PairCallbacks callbacks;
  callbacks.use = [&](const std::vector<Pair>& pairs) { check += pairs.size(); };
  pairs_above(some, 0.95F, nullptr, threads, callbacks);
  const double seconds = now() - start;
  const double products = 0.5 * double(some.count) * double(some.count) * double(dim);
  std::printf("pairs of %ld rows: %.2f s, %.0f GFLOP/s; of 100000: %.0f s\n", long(some.count),
              seconds, 2 * products / seconds / 1e9,
              seconds * 1e10 / (double(some.count) * double(some.count)));
  std::printf("(%llu)\n", static_cast<unsigned long long>(check));
}
