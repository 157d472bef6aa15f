#include "clip/text_embedder.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "base/excerpt.h"
#include "fake_engine.h"
#include "support.h"

using namespace clip;
using namespace clip_test;

namespace {

TextOptions options(std::size_t cache_bytes) {
  TextOptions options;
  options.encoder = use_fake_engine();
  options.cache_bytes = cache_bytes;
  return options;
}

// The fake engine embeds a prompt by its number of tokens: each word here is one of them.
std::string words(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += i == 0 ? "cat" : " cat";
  return text;
}

void check_row(const Embeddings& rows, std::int64_t row, int word_count) {
  const double ids = word_count + 2;
  CHECK(rows.row(row)[0] == doctest::Approx(ids / std::hypot(ids, 1)));
  CHECK(rows.row(row)[1] == doctest::Approx(1 / std::hypot(ids, 1)));
}

using Sizes = std::vector<std::size_t>;
constexpr std::size_t kLarge = 1 << 20;

}  // namespace

TEST_CASE("prompts are embedded together, normalized, in their order") {
  TextEmbedder embedder(demo_model(), options(0));
  CHECK(fake_engine().text_encoders == 0);
  const Embeddings rows = embedder.embed({words(3), words(1), words(3)});
  REQUIRE(rows.count == 3);
  CHECK(rows.dim == demo_model()->config().embedding_dim);
  check_row(rows, 0, 3);
  check_row(rows, 1, 1);
  check_row(rows, 2, 3);
  CHECK(fake_engine().text_batches == Sizes{3});
  embedder.embed({words(3)});
  CHECK(fake_engine().text_batches == Sizes{3, 1});
  CHECK(fake_engine().text_encoders == 1);
  CHECK(fake_engine().image_encoders == 0);
  CHECK(embedder.embed({}).count == 0);
}

TEST_CASE("prompts that come again are in the cache, and within a call they are computed once") {
  TextEmbedder embedder(demo_model(), options(kLarge));
  const Embeddings rows = embedder.embed({words(3), words(1), words(3)});
  REQUIRE(rows.count == 3);
  check_row(rows, 0, 3);
  check_row(rows, 1, 1);
  check_row(rows, 2, 3);
  CHECK(fake_engine().text_batches == Sizes{2});
  const Embeddings again = embedder.embed({words(5), words(1), words(5), words(3)});
  REQUIRE(again.count == 4);
  check_row(again, 0, 5);
  check_row(again, 1, 1);
  check_row(again, 2, 5);
  check_row(again, 3, 3);
  CHECK(fake_engine().text_batches == Sizes{2, 1});
  CHECK(embedder.embed({words(1), words(3)}).values.size() == std::size_t(2 * rows.dim));
  CHECK(fake_engine().text_batches == Sizes{2, 1});
}

TEST_CASE("the cache is bounded") {
  const auto row_bytes = std::size_t(demo_model()->config().embedding_dim) * sizeof(float);
  TextEmbedder embedder(demo_model(), options(2 * (row_bytes + 300)));
  for (int i = 1; i <= 4; ++i) embedder.embed({words(i)});
  embedder.embed({words(4)});
  CHECK(fake_engine().text_batches.size() == 4);
  embedder.embed({words(1)});
  CHECK(fake_engine().text_batches.size() == 5);
}

TEST_CASE("a prompt that is too long is refused before the encoder is opened") {
  TextEmbedder embedder(demo_model(), options(kLarge));
  CHECK(code_of([&] { embedder.embed({"a", words(100), "b"}); }) == ErrorCode::kLimit);
  CHECK(fake_engine().text_encoders == 0);
  TextOptions cut = options(0);
  cut.truncate = true;
  CHECK(TextEmbedder(demo_model(), cut).embed({words(100)}).count == 1);
}

TEST_CASE("an unusable embedding is the error of its prompt") {
  TextOptions with = options(kLarge);
  for (const float bad : {0.0F, std::numeric_limits<float>::quiet_NaN()}) {
    fake_engine().of_prompt = [bad](std::size_t ids) { return ids == 4 ? bad : 1.0F; };
    TextEmbedder embedder(demo_model(), with);
    const auto call = [&] { embedder.embed({words(1), words(2), words(3)}); };
    CHECK(code_of(call) == ErrorCode::kInternal);
    CHECK(contains(error_of(call), "cannot use the prompt \"cat cat\""));
    CHECK(embedder.embed({words(1), words(3)}).count == 2);
  }
}

TEST_CASE("prepare computes together what is missing, and leaves errors to embed") {
  const TextOptions with = options(kLarge);
  fake_engine().of_prompt = [](std::size_t ids) { return ids == 4 ? 0.0F : float(ids); };
  TextEmbedder embedder(demo_model(), with);
  embedder.embed({words(1)});
  embedder.prepare({words(1), words(2), words(3), words(100), words(3), words(4)});
  CHECK(fake_engine().text_batches == Sizes{1, 3});
  const Embeddings rows = embedder.embed({words(4), words(3)});
  check_row(rows, 0, 4);
  check_row(rows, 1, 3);
  CHECK(fake_engine().text_batches == Sizes{1, 3});
  CHECK(code_of([&] { embedder.embed({words(2)}); }) == ErrorCode::kInternal);
  CHECK(code_of([&] { embedder.embed({words(100)}); }) == ErrorCode::kLimit);
}

TEST_CASE("prepare without a cache does nothing, and with a failing model leaves it to embed") {
  TextEmbedder(demo_model(), options(0)).prepare({words(1)});
  CHECK(fake_engine().text_encoders == 0);

  const TextOptions with = options(kLarge);
  fake_engine().open_error = Error(ErrorCode::kUnsupported, "no such device");
  TextEmbedder embedder(demo_model(), with);
  embedder.prepare({words(1)});
  CHECK(code_of([&] { embedder.embed({words(1)}); }) == ErrorCode::kUnsupported);
  CHECK(fake_engine().text_encoders == 1);  // it is not tried again
}

TEST_CASE("excerpts are cut between characters") {
  CHECK(excerpt("") == "");
  CHECK(excerpt("a cat") == "a cat");
  CHECK(excerpt(std::string(60, 'x')) == std::string(60, 'x'));
  CHECK(excerpt(std::string(61, 'x')) == std::string(60, 'x') + "...");
  std::string long_text, cut;
  for (int i = 0; i < 100; ++i) long_text += "\xc3\xa9";
  for (int i = 0; i < 60; ++i) cut += "\xc3\xa9";
  CHECK(excerpt(long_text) == cut + "...");
  CHECK(excerpt("a\xff b\xc3") == "a\xef\xbf\xbd b\xef\xbf\xbd");
}
