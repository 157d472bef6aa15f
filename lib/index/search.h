// Finds images in an index by a query's embedding: exactly, by comparing it with every vector.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "index/collection.h"
#include "index/neutral_bank.h"
#include "index/query.h"

namespace clip {

struct SearchOptions {
  std::size_t top = 10;  // paths
  double min_score = -std::numeric_limits<double>::infinity();
  // Of images whose cosine is at least this only the best is given; above 1: all are.
  double unique_cosine = 2;
  int threads = 0;  // 0: all processors that this process may use
};

struct SearchHit {
  std::string path;  // relative to the root
  double score = 0;  // 100 x cosine of image and query
  std::int64_t row = 0;
};

// The best images, best first; of equal ones the one that was indexed first, and of copies of one
// the paths in order. `query`: [dim], normalized. Gives nothing where the collection has to be
// opened again (Collection::paths_of).
std::optional<std::vector<SearchHit>> search(const Collection& collection,
                                             const std::vector<float>& query,
                                             const SearchOptions& options);

// The same of the images that match alone, by the rule of matching.h; none where nothing does.
// `query`: of one text. `logit_scale` is the model's.
std::optional<std::vector<SearchHit>> search_matching(const Collection& collection,
                                                      const std::vector<float>& query,
                                                      const NeutralBank& bank, double logit_scale,
                                                      const SearchOptions& options);

// The standard deviation of each term's cosines over the collection, as combined_query asks for.
std::vector<double> stds_of(const Collection& collection, const std::vector<QueryTerm>& terms,
                            int threads);

}  // namespace clip
