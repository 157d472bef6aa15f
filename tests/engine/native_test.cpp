// The native encoder on whole models: the same numbers whatever stands beside them in a batch,
// however many threads compute, and in both precisions. Models: CLIP_TEST_MODEL, a file, or all in
// the folder CLIP_TEST_MODELS.

#include <doctest/doctest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "checkpoint/checkpoint.h"
#include "clip/engine.h"
#include "clip/tokenizer.h"
#include "engine/patch_encoder.h"
#include "nn/backend.h"

using namespace clip;

namespace {

std::vector<std::string> models() {
  if (const char* file = std::getenv("CLIP_TEST_MODEL")) return {file};
  const char* folder = std::getenv("CLIP_TEST_MODELS");
  REQUIRE_MESSAGE(folder != nullptr, "CLIP_TEST_MODELS names no folder");
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".pt") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  REQUIRE(paths.size() >= 4);
  return paths;
}

struct Case {
  explicit Case(const std::string& path) : model(Model::open(path)) {
    // A large model takes long under this test, and its batches are the same code.
    count = model->checkpoint().parameter_count() > 20'000'000 ? 3 : 7;
    const std::int64_t side = model->config().vision.image_size;
    size = 3 * side * side;
    // Smooth images, each of another colour and slope.
    std::mt19937 random(1);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (std::int64_t i = 0; i < count * 3; ++i) {
      const float base = uniform(random), dx = uniform(random), dy = uniform(random);
      for (std::int64_t j = 0; j < side * side; ++j) {
        pixels.push_back(base + dx * float(j % side) / float(side) +
                         dy * float(j / side) / float(side) + 0.2F * uniform(random));
      }
    }
    for (const char* text :
         {"a photo of a cat", "a cat", "a photo of a dog", "", "a photo of a cat",
          "the quick brown fox jumps over the lazy dog, again and again"}) {
      prompts.push_back(model->tokenizer().encode_prompt(text, 77, false));
    }
  }

  std::shared_ptr<const Model> model;
  std::int64_t count, size;
  std::vector<float> pixels;
  std::vector<TokenIds> prompts;
};

// Both encoders of a model, as the native engine makes them.
struct Encoders {
  Encoders(const std::shared_ptr<const Model>& model, Precision precision, int threads) {
    EncoderOptions options;
    options.engine = "native";
    options.precision = precision;
    options.threads = threads;
    options.notice = [this](const std::string& text) { notice = text; };
    images = open_image_encoder(model, options);
    texts = open_text_encoder(model, options);
  }
  Embeddings encode_images(const float* pixels, std::int64_t count) {
    return images->encode(pixels, count);
  }
  Embeddings encode_texts(const std::vector<TokenIds>& prompts) { return texts->encode(prompts); }

  std::string notice;
  std::unique_ptr<ImageEncoder> images;
  std::unique_ptr<TextEncoder> texts;
};

Embeddings normalized(Embeddings embeddings) {
  for (std::int64_t i = 0; i < embeddings.count; ++i) {
    REQUIRE(usable_norm(normalize(embeddings.row(i), embeddings.dim)));
  }
  return embeddings;
}

double cosine(const float* a, const float* b, std::int64_t dim) {
  double dot = 0;
  for (std::int64_t i = 0; i < dim; ++i) dot += double(a[i]) * b[i];
  return dot;
}

// 100 x cosine of every image with every prompt.
std::vector<double> scores(const Embeddings& images, const Embeddings& texts) {
  std::vector<double> all;
  for (std::int64_t i = 0; i < images.count; ++i) {
    for (std::int64_t j = 0; j < texts.count; ++j) {
      all.push_back(100 * cosine(images.row(i), texts.row(j), images.dim));
    }
  }
  return all;
}

double max_difference(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

}  // namespace

TEST_CASE("an image scores the same alone, at any place in a batch, and with any threads") {
  for (const std::string& path : models()) {
    CAPTURE(path);
    const Case c(path);
    Encoders encoder(c.model, Precision::kFloat32, 2);
    const Embeddings texts = normalized(encoder.encode_texts(c.prompts));
    const auto together =
        scores(normalized(encoder.encode_images(c.pixels.data(), c.count)), texts);
    std::vector<double> alone;
    for (std::int64_t i = 0; i < c.count; ++i) {
      const auto one =
          scores(normalized(encoder.encode_images(c.pixels.data() + i * c.size, 1)), texts);
      alone.insert(alone.end(), one.begin(), one.end());
    }
    CHECK(max_difference(together, alone) < 1e-4);
    // The images score differently, or this would say nothing.
    CHECK(std::abs(together[0] - together[c.prompts.size()]) > 0.01);

    // Without patches: the first row is the image itself, and no other is.
    auto* const patches = dynamic_cast<PatchEncoder*>(encoder.images.get());
    REQUIRE(patches != nullptr);
    const std::int64_t grid = patches->patch_grid();
    if (c.model->config().vision.kind == VisionKind::kTransformer) {
      CHECK(grid == c.model->config().vision.image_size / c.model->config().vision.patch_size);
      const Embeddings without =
          normalized(patches->encode_without_patches(c.pixels.data() + c.size));
      REQUIRE(without.count == 1 + grid * grid);
      const Embeddings image = normalized(encoder.encode_images(c.pixels.data() + c.size, 1));
      CHECK(cosine(without.row(0), image.row(0), image.dim) > 1 - 1e-6);
      std::int64_t different = 0;
      for (std::int64_t i = 1; i < without.count; ++i) {
        different += !std::equal(without.row(0), without.row(1), without.row(i));
      }
      CHECK(different == grid * grid);
      // And the next batch finds room.
      CHECK(max_difference(
                together,
                scores(normalized(encoder.encode_images(c.pixels.data(), c.count)), texts)) < 1e-4);
    } else {
      CHECK(grid == 0);
    }

    Encoders single(c.model, Precision::kFloat32, 1);
    const auto one_thread = scores(normalized(single.encode_images(c.pixels.data(), c.count)),
                                   normalized(single.encode_texts(c.prompts)));
    CHECK(max_difference(together, one_thread) < 1e-4);
    Encoders many(c.model, Precision::kFloat32, 5);
    const auto five_threads = scores(normalized(many.encode_images(c.pixels.data(), c.count)),
                                     normalized(many.encode_texts(c.prompts)));
    CHECK(max_difference(together, five_threads) < 1e-4);
  }
}

TEST_CASE("encoders of different threads take turns, and may be called from any thread") {
  for (const std::string& path : models()) {
    CAPTURE(path);
    const Case c(path);
    Encoders one(c.model, Precision::kFloat32, 1);
    const auto before = one.encode_images(c.pixels.data(), c.count).values;
    Encoders seven(c.model, Precision::kFloat32, 7);
    CHECK(seven.encode_images(c.pixels.data(), c.count).values.size() == before.size());
    // `one` has scratch memory for a single thread, whatever was set since and wherever it is
    // called.
    CHECK(one.encode_images(c.pixels.data(), c.count).values == before);
    std::thread([&] {
      omp_set_num_threads(7);
      CHECK(one.encode_images(c.pixels.data(), c.count).values == before);
      CHECK(omp_get_max_threads() == 1);
    }).join();
  }
}

TEST_CASE("prompts score the same alone and together") {
  for (const std::string& path : models()) {
    CAPTURE(path);
    const Case c(path);
    Encoders encoder(c.model, Precision::kFloat32, 2);
    const Embeddings together = normalized(encoder.encode_texts(c.prompts));
    for (std::size_t i = 0; i < c.prompts.size(); ++i) {
      const Embeddings alone = normalized(encoder.encode_texts({c.prompts[i]}));
      double largest = 0;
      for (std::int64_t j = 0; j < alone.dim; ++j) {
        largest = std::max<double>(largest, std::abs(alone.row(0)[j] - together.row(i)[j]));
      }
      CHECK(largest < 2e-5);
    }
    CHECK(cosine(together.row(0), together.row(4), together.dim) > 0.999999);
    CHECK(cosine(together.row(0), together.row(1), together.dim) < 0.9999);
  }
}

TEST_CASE("bf16 comes close to fp32, and says so where it is fp32") {
  for (const std::string& path : models()) {
    CAPTURE(path);
    const Case c(path);
    Encoders exact(c.model, Precision::kFloat32, 2);
    Encoders fast(c.model, Precision::kBFloat16, 2);
    CHECK(fast.notice.empty() == default_backend().computes(Precision::kBFloat16));
    CHECK((available_precision(Precision::kBFloat16) == Precision::kBFloat16) ==
          default_backend().computes(Precision::kBFloat16));
    const Embeddings images = normalized(exact.encode_images(c.pixels.data(), c.count));
    const Embeddings fast_images = normalized(fast.encode_images(c.pixels.data(), c.count));
    const Embeddings texts = normalized(exact.encode_texts(c.prompts));
    const Embeddings fast_texts = normalized(fast.encode_texts(c.prompts));
    double min = 1;
    for (std::int64_t i = 0; i < images.count; ++i) {
      min = std::min(min, cosine(images.row(i), fast_images.row(i), images.dim));
    }
    for (std::int64_t i = 0; i < texts.count; ++i) {
      min = std::min(min, cosine(texts.row(i), fast_texts.row(i), texts.dim));
    }
    const double moved = max_difference(scores(images, texts), scores(fast_images, fast_texts));
    MESSAGE(path << ": minimum cosine " << min << ", scores moved by at most " << moved);
    CHECK(min >= 0.999);
    CHECK(moved <= 0.3);
  }
}
