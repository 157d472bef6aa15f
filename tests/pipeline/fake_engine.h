// An engine whose embeddings a test chooses, and which counts what it is asked for. It runs on the
// demo model, whose weights it never reads.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "clip/engine.h"
#include "clip/error.h"

namespace clip_test {

struct FakeEngine {
  // The first number of an image's embedding by its shade, and of a prompt's by its number of ids;
  // the second number is 1, the others are 0. May throw.
  std::function<float(int shade)> of_image = [](int shade) { return static_cast<float>(shade); };
  std::function<float(std::size_t ids)> of_prompt = [](std::size_t ids) {
    return static_cast<float>(ids);
  };
  std::optional<clip::Error> open_error;  // not empty: no encoder can be opened

  int image_encoders = 0, text_encoders = 0;  // opened
  std::vector<std::int64_t> image_batches;    // images of each call
  std::vector<std::size_t> text_batches;      // prompts of each call
};

// Of the engine that is registered; FakeEngine() at the beginning of each test.
inline FakeEngine& fake_engine() {
  static FakeEngine state;
  return state;
}

inline void write_row(float first, float* row) {
  // A zero embedding is all zeros, a NaN in it is enough.
  row[0] = first;
  row[1] = first == 0 ? 0.0F : 1.0F;
}

class FakeImageEncoder : public clip::ImageEncoder {
 public:
  explicit FakeImageEncoder(std::shared_ptr<const clip::Model> model) : model_(std::move(model)) {}

  clip::Embeddings encode(const float* pixels, std::int64_t count) override {
    fake_engine().image_batches.push_back(count);
    const clip::Preprocessing& rule = model_->config().preprocessing;
    clip::Embeddings rows;
    rows.count = count;
    rows.dim = model_->config().embedding_dim;
    rows.values.resize(static_cast<std::size_t>(count * rows.dim));
    for (std::int64_t i = 0; i < count; ++i) {
      const float first = pixels[i * 3 * rule.image_size * rule.image_size];
      const auto shade = std::lround(255 * (first * rule.std[0] + rule.mean[0]));
      write_row(fake_engine().of_image(static_cast<int>(shade)), rows.row(i));
    }
    return rows;
  }

 private:
  const std::shared_ptr<const clip::Model> model_;
};

class FakeTextEncoder : public clip::TextEncoder {
 public:
  explicit FakeTextEncoder(std::int64_t dim) : dim_(dim) {}

  clip::Embeddings encode(const std::vector<clip::TokenIds>& prompts) override {
    fake_engine().text_batches.push_back(prompts.size());
    clip::Embeddings rows;
    rows.count = static_cast<std::int64_t>(prompts.size());
    rows.dim = dim_;
    rows.values.resize(prompts.size() * static_cast<std::size_t>(dim_));
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      write_row(fake_engine().of_prompt(prompts[i].size()), rows.row(static_cast<std::int64_t>(i)));
    }
    return rows;
  }

 private:
  const std::int64_t dim_;
};

// Registers it with the first call, and forgets what was counted.
inline clip::EncoderOptions use_fake_engine() {
  static const bool registered = [] {
    clip::Engine engine = {};
    engine.name = "fake";
    engine.unsuitable = [](const clip::Model&, const clip::EncoderOptions&) {
      return std::string();
    };
    engine.open_image_encoder =
        [](std::shared_ptr<const clip::Model> model,
           const clip::EncoderOptions&) -> std::unique_ptr<clip::ImageEncoder> {
      ++fake_engine().image_encoders;
      if (fake_engine().open_error) throw *fake_engine().open_error;
      return std::make_unique<FakeImageEncoder>(std::move(model));
    };
    engine.open_text_encoder =
        [](std::shared_ptr<const clip::Model> model,
           const clip::EncoderOptions&) -> std::unique_ptr<clip::TextEncoder> {
      ++fake_engine().text_encoders;
      if (fake_engine().open_error) throw *fake_engine().open_error;
      return std::make_unique<FakeTextEncoder>(model->config().embedding_dim);
    };
    clip::register_engine(engine);
    return true;
  }();
  static_cast<void>(registered);
  fake_engine() = FakeEngine();
  clip::EncoderOptions options;
  options.engine = "fake";
  return options;
}

inline std::shared_ptr<const clip::Model> demo_model() {
  static const auto model = clip::Model::open("../../data/demo/demo-model.pt");
  return model;
}

}  // namespace clip_test
