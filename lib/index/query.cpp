#include "index/query.h"

#include <algorithm>
#include <cmath>

#include "clip/embeddings.h"
#include "clip/error.h"

namespace clip {
namespace {

// Of a term's scores over a collection, less than which says that they do not differ: float16 has
// three digits.
constexpr double kMinStd = 1e-4;

// The length of the sum of terms, in parts of the sum of their lengths, below which nothing is left
// of them but rounding.
constexpr double kMinLength = 1e-4;

std::vector<double> scales_of(const std::vector<QueryTerm>& terms,
                              const std::vector<double>& stds) {
  std::vector<double> scales(terms.size(), 1);
  if (!needs_scales(terms)) return scales;
  double squares = 0;
  int texts = 0;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    if (terms[i].kind != TermKind::kText) continue;
    squares += stds[i] * stds[i];
    ++texts;
  }
  const double text_std = std::sqrt(squares / texts);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    // A collection of one image, or of copies of one, has no differences to go by.
    if (terms[i].kind == TermKind::kText || stds[i] < kMinStd || text_std < kMinStd) continue;
    scales[i] = text_std / stds[i];
  }
  return scales;
}

}  // namespace

bool needs_scales(const std::vector<QueryTerm>& terms) {
  const auto is_text = [](const QueryTerm& term) { return term.kind == TermKind::kText; };
  return std::any_of(terms.begin(), terms.end(), is_text) &&
         !std::all_of(terms.begin(), terms.end(), is_text);
}

std::vector<float> combined_query(const std::vector<QueryTerm>& terms,
                                  const std::vector<double>& stds) {
  // One term is its own embedding, to the last bit.
  if (terms.size() == 1 && terms[0].weight > 0) return terms[0].embedding;
  const std::vector<double> scales = scales_of(terms, stds);
  std::vector<double> sum(terms.at(0).embedding.size());
  double lengths = 0;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const double factor = terms[i].weight * scales[i];
    lengths += std::abs(factor);
    for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += factor * terms[i].embedding.at(k);
  }
  std::vector<float> query(sum.begin(), sum.end());
  const double norm = normalize(query.data(), static_cast<std::int64_t>(query.size()));
  if (!(norm > kMinLength * lengths)) {
    throw Error(ErrorCode::kInvalidArgument,
                "the terms of the query cancel each other out; nothing is left to search for");
  }
  return query;
}

}  // namespace clip
