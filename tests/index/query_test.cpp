#include "index/query.h"

#include <doctest/doctest.h>

#include <cmath>

#include "clip/error.h"

using namespace clip;

namespace {

QueryTerm term(TermKind kind, double weight, std::vector<float> embedding) {
  QueryTerm made;
  made.kind = kind;
  made.weight = weight;
  made.embedding = std::move(embedding);
  return made;
}

QueryTerm text(double weight, std::vector<float> embedding) {
  return term(TermKind::kText, weight, std::move(embedding));
}

QueryTerm image(double weight, std::vector<float> embedding) {
  return term(TermKind::kImage, weight, std::move(embedding));
}

}  // namespace

TEST_CASE("a query of one term is that term's embedding, to the last bit, whatever its weight") {
  const std::vector<float> embedding = {0.6F, 0.8F, 0.1F};  // not even normalized
  CHECK(combined_query({text(1, embedding)}, {0.1}) == embedding);
  CHECK(combined_query({text(7, embedding)}, {0.1}) == embedding);
  CHECK(combined_query({image(1, embedding)}, {0.1}) == embedding);
}

TEST_CASE("terms of one kind are added by their weights, and the sum is normalized") {
  const std::vector<float> query = combined_query({text(2, {1, 0}), text(-1, {0, 1})}, {0.1, 0.9});
  CHECK(query[0] == doctest::Approx(2 / std::sqrt(5.0)));
  CHECK(query[1] == doctest::Approx(-1 / std::sqrt(5.0)));
}

TEST_CASE("beside texts an image is scaled to their standard deviation") {
  CHECK(needs_scales({text(1, {1, 0}), image(1, {0, 1})}));
  CHECK_FALSE(needs_scales({image(1, {1, 0}), image(1, {0, 1})}));
  // The texts' root mean square is 0.1, the image's std 0.4: a quarter of it counts.
  const std::vector<float> query =
      combined_query({text(1, {1, 0, 0}), text(1, {0, 1, 0}), image(2, {0, 0, 1})},
                     {0.06, std::sqrt(0.02 - 0.0036), 0.4});
  const double norm = std::sqrt(1 + 1 + 0.25);
  CHECK(query[0] == doctest::Approx(1 / norm));
  CHECK(query[2] == doctest::Approx(0.5 / norm));
}

TEST_CASE("a collection without differences scales nothing") {
  const std::vector<float> query = combined_query({text(1, {1, 0}), image(1, {0, 1})}, {0.1, 0});
  CHECK(query[0] == doctest::Approx(query[1]));
  CHECK(std::isfinite(query[0]));
}

TEST_CASE("terms that cancel each other out are an error") {
  CHECK_THROWS_AS(combined_query({text(1, {1, 0}), text(-1, {1, 0})}, {0.1, 0.1}), Error);
  const std::vector<float> opposite = combined_query({text(-1, {1, 0})}, {0.1});
  CHECK(opposite[0] == -1);
}
