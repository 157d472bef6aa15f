#include "index/search.h"

#include <algorithm>

#include "base/half.h"

namespace clip {
namespace {

double cosine_of(const VectorRows& rows, std::int64_t a, std::int64_t b) {
  double dot = 0;
  for (std::int64_t k = 0; k < rows.dim; ++k) {
    dot += static_cast<double>(float_from_half(rows.row(a)[k])) * float_from_half(rows.row(b)[k]);
  }
  return dot;
}

// Without the hits that are nearly the same image as a better one.
std::vector<Hit> folded(const VectorRows& rows, const std::vector<Hit>& hits, double min_cosine) {
  std::vector<Hit> kept;
  for (const Hit& hit : hits) {
    const bool is_new = std::none_of(kept.begin(), kept.end(), [&](const Hit& better) {
      return cosine_of(rows, hit.row, better.row) >= min_cosine;
    });
    if (is_new) kept.push_back(hit);
  }
  return kept;
}

}  // namespace

std::optional<std::vector<SearchHit>> search(const Collection& collection,
                                             const std::vector<float>& query,
                                             const SearchOptions& options) {
  const bool fold = options.unique_cosine <= 1;
  std::vector<SearchHit> found;
  // A row may have no file any more, or be nearly another: then more of them are looked at.
  for (std::size_t want = options.top + (fold ? options.top : 0);; want *= 2) {
    want = std::max<std::size_t>(want, 1);
    const std::vector<Hit> all =
        top_rows(collection.rows(), query.data(), want, collection.filter(), options.threads);
    std::vector<Hit> hits = fold ? folded(collection.rows(), all, options.unique_cosine) : all;
    std::vector<std::int64_t> rows;
    for (const Hit& hit : hits) rows.push_back(hit.row);
    const auto paths = collection.paths_of(rows);
    if (!paths) return std::nullopt;
    found.clear();
    for (std::size_t i = 0; i < hits.size(); ++i) {
      const double score = 100 * static_cast<double>(hits[i].score);
      if (score < options.min_score) break;
      for (const std::string& path : (*paths)[i]) {
        if (found.size() < options.top) found.push_back({path, score, hits[i].row});
        if (fold) break;  // copies of one file are the same image
      }
    }
    const bool all_seen = all.size() < want;
    const bool below =
        !all.empty() && 100 * static_cast<double>(all.back().score) < options.min_score;
    if (found.size() >= options.top || all_seen || below) return found;
  }
}

std::vector<double> stds_of(const Collection& collection, const std::vector<QueryTerm>& terms,
                            int threads) {
  std::vector<float> queries;
  for (const QueryTerm& term : terms) {
    queries.insert(queries.end(), term.embedding.begin(), term.embedding.end());
  }
  std::vector<double> stds;
  for (const Found& found :
       search_rows(collection.rows(), queries.data(), static_cast<std::int64_t>(terms.size()), 1,
                   collection.filter(), threads)) {
    stds.push_back(found.moments.std);
  }
  return stds;
}

}  // namespace clip
