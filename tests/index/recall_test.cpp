#include "index/recall.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "clip/error.h"
#include "support.h"

using namespace clip;

namespace {

Embeddings some_rows(std::int64_t count, std::int64_t dim, std::mt19937* random) {
  std::normal_distribution<float> normal;
  Embeddings rows{count, dim, {}};
  rows.values.resize(static_cast<std::size_t>(count * dim));
  for (float& value : rows.values) value = normal(*random);
  for (std::int64_t i = 0; i < count; ++i) normalize(rows.row(i), dim);
  return rows;
}

double product(const float* a, const float* b, std::int64_t dim) {
  double sum = 0;
  for (std::int64_t k = 0; k < dim; ++k) sum += double(a[k]) * b[k];
  return sum;
}

}  // namespace

TEST_CASE("ranks are those of the definition, whatever the sizes and the threads") {
  std::mt19937 random(1);
  for (const std::int64_t images : {1, 7, 16, 33, 200}) {
    for (const std::int64_t each : {1, 3}) {
      const std::int64_t dim = 24;
      const Embeddings of_images = some_rows(images, dim, &random);
      const Embeddings of_texts = some_rows(images * each, dim, &random);
      std::vector<std::uint32_t> image_of_text;
      for (std::int64_t t = 0; t < images * each; ++t) {
        image_of_text.push_back(static_cast<std::uint32_t>(t % images));
      }
      std::shuffle(image_of_text.begin(), image_of_text.end(), random);
      const RetrievalRanks ranks = retrieval_ranks(of_images, of_texts, image_of_text, 0, nullptr);
      const RetrievalRanks alone = retrieval_ranks(of_images, of_texts, image_of_text, 1, nullptr);
      CHECK(ranks.of_texts == alone.of_texts);
      CHECK(ranks.of_images == alone.of_images);
      REQUIRE(ranks.of_texts.size() == image_of_text.size());
      for (std::int64_t t = 0; t < of_texts.count; ++t) {
        const auto own = image_of_text[static_cast<std::size_t>(t)];
        const double score = product(of_texts.row(t), of_images.row(own), dim);
        std::uint32_t before = 0;
        for (std::int64_t i = 0; i < images; ++i) {
          if (i != own && product(of_texts.row(t), of_images.row(i), dim) > score) ++before;
        }
        CHECK(ranks.of_texts[static_cast<std::size_t>(t)] == before);
      }
      for (std::int64_t i = 0; i < images; ++i) {
        double best = -2;
        for (std::int64_t t = 0; t < of_texts.count; ++t) {
          if (image_of_text[static_cast<std::size_t>(t)] == i) {
            best = std::max(best, product(of_texts.row(t), of_images.row(i), dim));
          }
        }
        std::uint32_t before = 0;
        for (std::int64_t t = 0; t < of_texts.count; ++t) {
          if (image_of_text[static_cast<std::size_t>(t)] != i &&
              product(of_texts.row(t), of_images.row(i), dim) > best) {
            ++before;
          }
        }
        CHECK(ranks.of_images[static_cast<std::size_t>(i)] == before);
      }
    }
  }
}

TEST_CASE("of equal products the earlier row comes first") {
  std::mt19937 random(2);
  const Embeddings one = some_rows(1, 40, &random);
  Embeddings images{30, 40, {}}, texts{100, 40, {}};
  for (int i = 0; i < 30; ++i) {
    images.values.insert(images.values.end(), one.values.begin(), one.values.end());
  }
  for (int i = 0; i < 100; ++i) {
    texts.values.insert(texts.values.end(), one.values.begin(), one.values.end());
  }
  std::vector<std::uint32_t> image_of_text;
  for (std::uint32_t t = 0; t < 100; ++t) image_of_text.push_back(t % 29);
  const RetrievalRanks ranks = retrieval_ranks(images, texts, image_of_text, 2, nullptr);
  for (std::uint32_t t = 0; t < 100; ++t) CHECK(ranks.of_texts[t] == t % 29);
  for (std::uint32_t i = 0; i < 29; ++i) CHECK(ranks.of_images[i] == i);
  CHECK(ranks.of_images[29] == RetrievalRanks::kNone);
  CHECK(recall_at(ranks.of_images, 1) == doctest::Approx(1.0 / 29));
  CHECK(recall_at(ranks.of_images, 10) == doctest::Approx(10.0 / 29));
  CHECK(recall_at(ranks.of_images, 100) == 1);
}

TEST_CASE("no ranks have no recall, and a cancelled run ends") {
  CHECK(std::isnan(recall_at({}, 1)));
  CHECK(std::isnan(recall_at({RetrievalRanks::kNone}, 1)));
  std::mt19937 random(3);
  const Embeddings rows = some_rows(3, 8, &random);
  CancelToken stop;
  stop.cancel();
  CHECK(clip_test::code_of([&] {
          retrieval_ranks(rows, rows, {0, 1, 2}, 1, &stop);
        }) == ErrorCode::kCancelled);
}
