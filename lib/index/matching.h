// Where the ranking of a search stops: which images match the query. A cosine alone does not say,
// since its range differs by model, and by query and image. An image matches when
//
//   z = (cosine - mean) / std >= 2.8, where mean and std are the background's: of the cosines of
//   all
//       neutral prompts (neutral_prompts.h) with a sample of the collection; and
//   log odds = scale x cosine - log(sum over the bank of exp(scale x cosine)) >= 0, which is a
//       probability of at least 1/2 against the bank of neutral prompts together;
//
// provided that one image at least is sure: log odds >= 2 (a probability of 0.88), and z >= 3 in a
// collection of 1,000 images, by 0.25 more for each ten times as many, up to 100,000: among more
// images, the best of those that do not match is better.
//
// Nothing is assumed about how many images match. The query is one text: with several terms, or an
// image, no rule was found that is good enough. README.md has the measurements.
//
// All functions are pure, and none depends on the order of the rows. Cosines are cosines, not 100
// times that. What is not a number never matches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "clip/embeddings.h"
#include "index/scan.h"
#include "index/vector_rows.h"

namespace clip {

// How many rows are enough for a background: the error of the mean is then 0.02 std.
constexpr std::size_t kBackgroundRows = 1000;

// At most `max` of the rows named in `among`, ascending: those that a hash of their first cache
// line puts first. The same vectors give the same sample, wherever they stand in the file.
std::vector<std::int64_t> background_sample(const VectorRows& rows,
                                            const std::vector<std::int64_t>& among,
                                            std::size_t max = kBackgroundRows);

// A prompt of the bank with a higher cosine to a query than this says nearly the same: the median,
// over the bank's prompts, of the cosine with the nearest other one; infinite where there is none.
// Takes count^2 x dim multiplications, and depends on the model alone: keep it with the bank.
double near_synonym_cosine(const Embeddings& bank);

// The prompts that a query competes with: all but near-synonyms, ascending.
std::vector<std::int64_t> competing_prompts(const float* query, const Embeddings& bank,
                                            double near_synonym);

// Of the query against prompts, for one image: its cosines with the query and with each of them,
// and the model's logit scale. Infinite where there are no prompts.
double log_odds(double cosine, const float* prompts, std::size_t count, double logit_scale);

struct MatchingRule {
  double min_z = 2.8, min_log_odds = 0;          // of every image
  double min_sure_z = 3, min_sure_log_odds = 2;  // of one at least, among 1,000
  double sure_z_growth = 0.25;                   // for ten times as many
};

// What z the sure image must have in a collection of that many.
double min_sure_z(std::size_t images, const MatchingRule& rule = {});

// The cosine below which no image matches: what it takes to be a candidate.
double min_cosine(const Moments& background, const MatchingRule& rule = {});

// The rows that match, ascending, of `count` cosines with the query, a row each, in a collection of
// `images`: the rows may be all of them, or the best of a ranking. `log_odds_of` is asked for
// candidates alone, once each, in that order. A background whose std is 0 is that of one repeated
// image and prompt: what is not below the mean is then a candidate. Against no background nothing
// matches.
std::vector<std::size_t> matching_rows(const float* cosines, std::size_t count, std::size_t images,
                                       const Moments& background,
                                       const std::function<double(std::size_t row)>& log_odds_of,
                                       const MatchingRule& rule = {});

}  // namespace clip
