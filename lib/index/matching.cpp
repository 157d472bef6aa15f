#include "index/matching.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

namespace clip {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A whole cache line of a row: padding is part of it, and always zero. FNV-1a over words, with the
// finalizer of MurmurHash3 (both in the public domain).
std::uint64_t hash_of(const std::uint16_t* row) {
  std::uint64_t words[kRowAlignment / sizeof(std::uint64_t)];
  std::memcpy(words, row, sizeof(words));
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::uint64_t word : words) hash = (hash ^ word) * 0x100000001b3;
  hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccd;
  hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53;
  return hash ^ hash >> 33;
}

}  // namespace

std::vector<std::int64_t> background_sample(const VectorRows& rows,
                                            const std::vector<std::int64_t>& among,
                                            std::size_t max) {
  std::vector<std::int64_t> sample = among;
  if (among.size() > max) {
    std::vector<std::pair<std::uint64_t, std::int64_t>> hashed;
    hashed.reserve(among.size());
    for (const std::int64_t row : among) hashed.emplace_back(hash_of(rows.row(row)), row);
    std::nth_element(hashed.begin(), hashed.begin() + static_cast<std::ptrdiff_t>(max),
                     hashed.end());
    sample.resize(max);
    for (std::size_t i = 0; i < max; ++i) sample[i] = hashed[i].second;
  }
  std::sort(sample.begin(), sample.end());
  return sample;
}

double near_synonym_cosine(const Embeddings& bank) {
  if (bank.count < 2) return kInfinity;
  std::vector<double> nearest;
  nearest.reserve(static_cast<std::size_t>(bank.count));
  for (std::int64_t i = 0; i < bank.count; ++i) {
    std::vector<double> cosines = cosines_with(bank.row(i), bank);
    cosines.erase(cosines.begin() + i);
    nearest.push_back(*std::max_element(cosines.begin(), cosines.end()));
  }
  std::sort(nearest.begin(), nearest.end());
  const std::size_t middle = nearest.size() / 2;
  return nearest.size() % 2 == 1 ? nearest[middle] : (nearest[middle - 1] + nearest[middle]) / 2;
}

std::vector<std::int64_t> competing_prompts(const float* query, const Embeddings& bank,
                                            double near_synonym) {
  const std::vector<double> cosines = cosines_with(query, bank);
  std::vector<std::int64_t> others;
  for (std::int64_t i = 0; i < bank.count; ++i) {
    if (!(cosines[static_cast<std::size_t>(i)] > near_synonym)) others.push_back(i);
  }
  return others;
}

double log_odds(double cosine, const float* prompts, std::size_t count, double logit_scale) {
  if (count == 0) return kInfinity;
  // Shifting by the maximum keeps the exponentials in range and changes nothing else.
  const double max = *std::max_element(prompts, prompts + count);
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += std::exp(logit_scale * (prompts[i] - max));
  return logit_scale * (cosine - max) - std::log(sum);
}

double min_sure_z(std::size_t images, const MatchingRule& rule) {
  // Measured with 50 to 8,000 images; what is beyond 100,000 has a ceiling, as cosines have.
  const double counted = std::min(std::max(static_cast<double>(images), 1.0), 1e5);
  return rule.min_sure_z + rule.sure_z_growth * std::log10(counted / 1000);
}

double min_cosine(const Moments& background, const MatchingRule& rule) {
  return background.mean + rule.min_z * background.std;
}

std::vector<std::size_t> matching_rows(const float* cosines, std::size_t count, std::size_t images,
                                       const Moments& background,
                                       const std::function<double(std::size_t row)>& log_odds_of,
                                       const MatchingRule& rule) {
  if (background.count == 0) return {};
  // In cosines instead of z, so that a std of 0 needs no case of its own.
  const double candidate = min_cosine(background, rule);
  const double sure = background.mean + min_sure_z(images, rule) * background.std;
  std::vector<std::size_t> rows;
  bool is_sure = false;
  for (std::size_t row = 0; row < count; ++row) {
    const double cosine = cosines[row];
    if (!std::isfinite(cosine) || !(cosine >= candidate)) continue;
    const double odds = log_odds_of(row);
    if (!(odds >= rule.min_log_odds)) continue;
    rows.push_back(row);
    is_sure = is_sure || (cosine >= sure && odds >= rule.min_sure_log_odds);
  }
  if (!is_sure) rows.clear();
  return rows;
}

}  // namespace clip
