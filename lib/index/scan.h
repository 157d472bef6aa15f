// Exact search: every row is multiplied with the query. Rows are read once, in order, by all
// threads, from where they lie (a mapped file), so the time is that of reading memory.
//
// A score is the dot product of a row, widened to float, with a query in float, summed in float. It
// is the same number in each of these functions, whatever the number of threads, of queries, and of
// rows beside it, and differs between kinds of processor in its last bits. A score that is NaN is
// no score: such a row is never found, and never counted.
//
// `queries` are [count, rows.dim], one after the other. `filter`: the rows that count, or null for
// all of them; rows that it was not made for do not count. `threads`: 0 for all processors that
// this process may use. Nothing here throws but std::bad_alloc, and what a callback throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "clip/cancel.h"
#include "index/row_filter.h"
#include "index/vector_rows.h"

namespace clip {

struct Hit {
  std::int64_t row = 0;
  float score = 0;
};

// Of a query's scores over the rows that count; infinite ones are left out. They do not depend on
// the number of threads.
struct Moments {
  std::int64_t count = 0;
  double mean = 0;
  double std = 0;  // of the population: divided by `count`
};

struct Found {
  std::vector<Hit> hits;  // the greatest score first; of equal ones the smaller row
  Moments moments;        // of all rows that count, not of the hits
};

// The `k` rows with the greatest scores, or all that count where they are fewer.
std::vector<Hit> top_rows(const VectorRows& rows, const float* query, std::size_t k,
                          const RowFilter* filter = nullptr, int threads = 0);

// The same for `count` queries, each row being read once for all of them. Memory: each thread has
// `count` lists of up to `k` hits; take many queries in groups of some hundred.
std::vector<Found> search_rows(const VectorRows& rows, const float* queries, std::int64_t count,
                               std::size_t k, const RowFilter* filter = nullptr, int threads = 0);

// The score of every row, [rows.count]; of one that does not count it is NaN.
std::vector<float> all_scores(const VectorRows& rows, const float* query,
                              const RowFilter* filter = nullptr, int threads = 0);

// The scores of some rows with some queries, [which.size(), count]. Throws nothing for a row that
// is not there: the caller has them from a search.
std::vector<float> scores_of(const VectorRows& rows, const std::vector<std::int64_t>& which,
                             const float* queries, std::int64_t count, int threads = 0);

// Of such scores.
Moments moments_of(const std::vector<float>& scores);

struct Pair {
  std::int64_t first = 0, second = 0;  // first < second
  float score = 0;
};

struct PairCallbacks {
  // Called with some pairs at a time, in no order, by one thread after the other. It should keep
  // what it needs of them and no more: there may be very many.
  std::function<void(const std::vector<Pair>&)> use;
  // As often, with the share of the work that is done, up to 1. May be empty.
  std::function<void(double)> progress;
  const CancelToken* stop = nullptr;
};

// All pairs of rows that count whose score (row with row) is at least `threshold`. The rows must be
// normalized, as those of an index are. False when cancelled: some pairs have not been given.
bool pairs_above(const VectorRows& rows, float threshold, const RowFilter* filter, int threads,
                 const PairCallbacks& callbacks);

}  // namespace clip
