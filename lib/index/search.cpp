#include "index/search.h"

#include <algorithm>

#include "base/half.h"
#include "index/matching.h"

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

// The paths of these rows, best first; the last of them may be cut off. Nothing where the
// collection has to be opened again.
std::optional<std::vector<SearchHit>> hits_of(const Collection& collection,
                                              const std::vector<Hit>& all,
                                              const SearchOptions& options) {
  const bool fold = options.unique_cosine <= 1;
  const std::vector<Hit> hits = fold ? folded(collection.rows(), all, options.unique_cosine) : all;
  std::vector<std::int64_t> rows;
  rows.reserve(hits.size());
  for (const Hit& hit : hits) rows.push_back(hit.row);
  const auto paths = collection.paths_of(rows);
  if (!paths) return std::nullopt;
  std::vector<SearchHit> found;
  for (std::size_t i = 0; i < hits.size(); ++i) {
    const double score = 100 * static_cast<double>(hits[i].score);
    if (score < options.min_score) break;
    for (const std::string& path : (*paths)[i]) {
      if (found.size() < options.top) found.push_back({path, score, hits[i].row});
      if (fold) break;  // copies of one file are the same image
    }
  }
  return found;
}

// The cosines of the bank's prompts with a sample of the collection: what is expected of a query
// that has nothing to do with it.
Moments background_of(const Collection& collection, const Embeddings& prompts, int threads) {
  std::vector<std::int64_t> among;
  among.reserve(static_cast<std::size_t>(collection.count()));
  for (std::int64_t row = 0; row < collection.rows().count; ++row) {
    if (collection.filter() == nullptr || collection.filter()->holds(row)) among.push_back(row);
  }
  return moments_of(scores_of(collection.rows(), background_sample(collection.rows(), among),
                              prompts.values.data(), prompts.count, threads));
}

}  // namespace

std::optional<std::vector<SearchHit>> search(const Collection& collection,
                                             const std::vector<float>& query,
                                             const SearchOptions& options) {
  // A row may have no file any more, or be nearly another: then more of them are looked at.
  const bool fold = options.unique_cosine <= 1;
  for (std::size_t want = std::max<std::size_t>(options.top * (fold ? 2 : 1), 1);; want *= 2) {
    const std::vector<Hit> all =
        top_rows(collection.rows(), query.data(), want, collection.filter(), options.threads);
    auto found = hits_of(collection, all, options);
    if (!found || found->size() >= options.top || all.size() < want) return found;
    if (100 * static_cast<double>(all.back().score) < options.min_score) return found;
  }
}

std::optional<std::vector<SearchHit>> search_matching(const Collection& collection,
                                                      const std::vector<float>& query,
                                                      const NeutralBank& bank, double logit_scale,
                                                      const SearchOptions& options) {
  const VectorRows rows = collection.rows();
  const std::vector<float> cosines =
      all_scores(rows, query.data(), collection.filter(), options.threads);
  std::vector<float> others;  // prompts that the query competes with
  for (const std::int64_t i : competing_prompts(query.data(), bank.prompts, bank.near_synonym)) {
    others.insert(others.end(), bank.prompts.row(i), bank.prompts.row(i) + bank.prompts.dim);
  }
  const std::int64_t count = static_cast<std::int64_t>(others.size()) / bank.prompts.dim;
  const auto log_odds_of = [&](std::size_t row) {
    const std::vector<float> of_row =
        scores_of(rows, {static_cast<std::int64_t>(row)}, others.data(), count, /*threads=*/1);
    return log_odds(cosines[row], of_row.data(), of_row.size(), logit_scale);
  };
  std::vector<Hit> hits;
  for (const std::size_t row :
       matching_rows(cosines.data(), cosines.size(), static_cast<std::size_t>(collection.count()),
                     background_of(collection, bank.prompts, options.threads), log_odds_of)) {
    hits.push_back({static_cast<std::int64_t>(row), cosines[row]});
  }
  std::stable_sort(hits.begin(), hits.end(),
                   [](const Hit& a, const Hit& b) { return a.score > b.score; });
  return hits_of(collection, hits, options);
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
