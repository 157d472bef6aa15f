// The engine libtorch against the native one, on small models that have every activation, heads and
// MLPs of any width, and other epsilons: the same scores.

#include "clip/libtorch.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "clip/engine.h"
#include "clip/error.h"
#include "clip/torchscript.h"
#include "model_folder.h"
#include "support.h"

using namespace clip;
using namespace clip_test;

namespace {

void register_engines() {
  static const bool once = [] {
    register_engine(libtorch_engine());
    register_engine(torchscript_engine());
    return true;
  }();
  static_cast<void>(once);
}

EncoderOptions with(const std::string& engine, Precision precision = Precision::kFloat32,
                    int threads = 1) {
  register_engines();
  EncoderOptions options;
  options.engine = engine;
  options.precision = precision;
  options.threads = threads;
  return options;
}

// What no two models have alike: the widths of heads and MLPs, activations and epsilons.
std::map<std::string, ModelConfig> configs() {
  std::map<std::string, ModelConfig> all;
  ModelConfig& quick = all["quick_gelu, heads of 80, MLP of 4.36 x the width"];
  quick = small_vit_config(160, 64);
  quick.vision.mlp_width = 697;
  quick.text.mlp_width = 200;

  ModelConfig& gelu = all["gelu, heads of 88, epsilon 1e-6"];
  gelu = small_vit_config(176, 96);
  gelu.vision.activation = gelu.text.activation = Activation::kGelu;
  gelu.vision.norm_epsilon = 1e-6F;
  gelu.text.norm_epsilon = 1e-3F;

  ModelConfig& tanh = all["gelu_tanh, heads of 104, one layer, a patch that does not fit"];
  tanh = small_vit_config(208, 80);
  tanh.vision.activation = tanh.text.activation = Activation::kGeluTanh;
  tanh.vision.layers = tanh.text.layers = 1;
  tanh.vision.image_size = 37;

  ModelConfig& mixed = all["gelu in images, quick_gelu in texts, three heads, context 20"];
  mixed = small_vit_config(48, 48);
  mixed.vision.activation = Activation::kGelu;
  mixed.vision.heads = mixed.text.heads = 3;
  mixed.text.context_length = 20;

  all["ResNet, quick_gelu"] = small_resnet_config(64);
  for (const Activation activation : {Activation::kGelu, Activation::kGeluTanh}) {
    ModelConfig& resnet = all[std::string("ResNet, ") + name_of(activation)];
    resnet = small_resnet_config(96);
    resnet.text.activation = activation;
    resnet.text.norm_epsilon = 1e-4F;
    resnet.vision.heads = 2;
  }
  return all;
}

struct Inputs {
  explicit Inputs(const ModelConfig& config) {
    const std::int64_t side = config.vision.image_size;
    std::mt19937 random(7);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (std::int64_t i = 0; i < 3 * images; ++i) {
      const float base = uniform(random), dx = uniform(random), dy = uniform(random);
      for (std::int64_t j = 0; j < side * side; ++j) {
        pixels.push_back(base + dx * float(j % side) / float(side) +
                         dy * float(j / side) / float(side) + 0.2F * uniform(random));
      }
    }
    // Every length from an end token alone to the whole context, in no order; then more of one
    // length than are encoded at once, and one that goes on behind its end.
    const auto end = static_cast<std::int32_t>(config.text.vocab_size - 1);
    std::uniform_int_distribution<std::int32_t> token(0, end - 1);
    const auto add = [&](std::int64_t length) {
      TokenIds ids;
      for (std::int64_t i = 1; i < length; ++i) ids.push_back(token(random));
      ids.push_back(end);
      prompts.push_back(ids);
    };
    for (std::int64_t i = 0; i < config.text.context_length; ++i) {
      add(i * 31 % config.text.context_length + 1);
    }
    for (int i = 0; i < 240; ++i) add(9);
    prompts.push_back({5, 6, end, 7, end, 8});
  }

  std::int64_t images = 17;  // more than a batch on the CPU
  std::vector<float> pixels;
  std::vector<TokenIds> prompts;
};

struct Embedded {
  Embedded(const std::shared_ptr<const Model>& model, const Inputs& inputs,
           const EncoderOptions& options)
      : images(open_image_encoder(model, options)->encode(inputs.pixels.data(), inputs.images)),
        texts(open_text_encoder(model, options)->encode(inputs.prompts)) {
    REQUIRE(images.count == inputs.images);
    REQUIRE(texts.count == std::int64_t(inputs.prompts.size()));
    for (Embeddings* rows : {&images, &texts}) {
      REQUIRE(rows->dim == model->config().embedding_dim);
      REQUIRE(rows->values.size() == std::size_t(rows->count * rows->dim));
      for (std::int64_t i = 0; i < rows->count; ++i) {
        REQUIRE(usable_norm(normalize(rows->row(i), rows->dim)));
      }
    }
  }

  // 100 x cosine of every image with every prompt.
  std::vector<double> scores() const {
    std::vector<double> all;
    for (std::int64_t i = 0; i < images.count; ++i) {
      for (const double cosine : cosines_with(images.row(i), texts)) all.push_back(100 * cosine);
    }
    return all;
  }

  Embeddings images, texts;
};

double max_difference(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double max = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(a[i] - b[i]);
    if (!(difference <= max)) max = difference;  // a NaN counts
  }
  return max;
}

double spread(const std::vector<double>& scores) {
  const auto [min, max] = std::minmax_element(scores.begin(), scores.end());
  return *max - *min;
}

}  // namespace

TEST_CASE("libtorch gives the scores of native") {
  for (const auto& [title, config] : configs()) {
    const std::string name = title;
    CAPTURE(name);
    const TemporaryFolder folder;
    const auto model = Model::open(write_model(folder, "model", config));
    REQUIRE(model->config().recognised);
    // The model is the one that was meant.
    CHECK(model->config().text.activation == config.text.activation);
    CHECK(model->config().vision.heads == config.vision.heads);
    if (config.vision.kind == VisionKind::kTransformer) {
      CHECK(model->config().vision.activation == config.vision.activation);
      CHECK(model->config().vision.mlp_width == config.vision.mlp_width);
      CHECK(model->config().vision.norm_epsilon == config.vision.norm_epsilon);
    }
    CHECK(model->config().text.mlp_width == config.text.mlp_width);
    CHECK(model->config().text.norm_epsilon == config.text.norm_epsilon);
    CHECK(model->config().vision.image_size == config.vision.image_size);

    const Inputs inputs(model->config());
    const Embedded native(model, inputs, with("native"));
    const Embedded libtorch(model, inputs, with("libtorch"));
    const double difference = max_difference(native.scores(), libtorch.scores());
    MESSAGE(name << ": scores over a range of " << spread(native.scores()) << " differ by at most "
                 << difference);
    CHECK(difference < 1e-4);
    CHECK(spread(native.scores()) > 10);  // or this would say nothing
  }
}

TEST_CASE("in bf16 libtorch comes as close to fp32 as native") {
  for (const auto& [title, config] : configs()) {
    const std::string name = title;
    CAPTURE(name);
    const TemporaryFolder folder;
    const auto model = Model::open(write_model(folder, "model", config));
    const Inputs inputs(model->config());
    const std::vector<double> exact = Embedded(model, inputs, with("native")).scores();
    const Embedded fast(model, inputs, with("libtorch", Precision::kBFloat16));
    const double moved = max_difference(exact, fast.scores());
    const double native = max_difference(
        exact, Embedded(model, inputs, with("native", Precision::kBFloat16)).scores());
    MESSAGE(name << ": bf16 moves scores by at most " << moved << ", native's by " << native);
    CHECK(moved > 1e-4);
    CHECK(moved < 2);  // of a range of 100; 0.7 where the processor has bfloat16, 1.3 elsewhere
    // Where the processor has no bfloat16 instructions, native computes in float32.
    if (native > 0.01) CHECK(moved < 1.5 * native);
    CHECK(resolve_precision(*model, with("libtorch", Precision::kBFloat16)) ==
          Precision::kBFloat16);
  }
}

TEST_CASE("embeddings are the same alone, in any batch, and with any threads") {
  for (const ModelConfig& config : {small_vit_config(64, 64), small_resnet_config(64)}) {
    const TemporaryFolder folder;
    const auto model = Model::open(write_model(folder, "model", config));
    const Inputs inputs(model->config());
    const Embedded together(model, inputs, with("libtorch"));
    CHECK(max_difference(
              together.scores(),
              Embedded(model, inputs, with("libtorch", Precision::kFloat32, 3)).scores()) < 1e-4);

    const auto images = open_image_encoder(model, with("libtorch"));
    const auto texts = open_text_encoder(model, with("libtorch"));
    const std::int64_t size = std::int64_t(inputs.pixels.size()) / inputs.images;
    for (const std::int64_t i : {std::int64_t(0), inputs.images - 1}) {
      Embeddings alone = images->encode(inputs.pixels.data() + i * size, 1);
      normalize(alone.row(0), alone.dim);
      CHECK(cosines_with(together.images.row(i), alone)[0] > 0.999999);
    }
    for (const std::size_t i : {std::size_t(0), std::size_t(30), inputs.prompts.size() - 1}) {
      Embeddings alone = texts->encode({inputs.prompts[i]});
      normalize(alone.row(0), alone.dim);
      CHECK(cosines_with(together.texts.row(std::int64_t(i)), alone)[0] > 0.999999);
    }
    CHECK(images->encode(inputs.pixels.data(), 0).count == 0);
    CHECK(texts->encode({}).count == 0);
  }
}

TEST_CASE("prompts that the tower cannot read are refused") {
  const TemporaryFolder folder;
  const auto model = Model::open(write_model(folder, "model", small_vit_config(16, 16)));
  const auto texts = open_text_encoder(model, with("libtorch"));
  CHECK(contains(error_of([&] { texts->encode({TokenIds(78, 3)}); }), "78 tokens"));
  CHECK(contains(error_of([&] { texts->encode({TokenIds()}); }), "0 tokens"));
  CHECK(contains(error_of([&] { texts->encode({{5, 300}}); }), "token 300"));
  CHECK(code_of([&] { texts->encode({{-1}}); }) == ErrorCode::kInvalidArgument);
}

TEST_CASE("a weight that holds NaN is named") {
  const TemporaryFolder folder;
  const std::string path = write_model(folder, "model", small_vit_config(16, 16));
  const std::string file = path + "/model.safetensors";
  std::string bytes = bytes_of(file);
  // The tensors lie in the order of their names; the last is visual_projection.weight.
  bytes.replace(bytes.size() - 4, 4, std::string("\0\0\xc0\x7f", 4));
  folder.write("model/model.safetensors", bytes);
  const auto model = Model::open(path);
  CHECK(contains(error_of([&] { open_image_encoder(model, with("libtorch")); }),
                 "visual_projection.weight holds NaN"));
  CHECK_NOTHROW(open_text_encoder(model, with("libtorch")));
}

TEST_CASE("which engine is taken where") {
  const TemporaryFolder folder;
  const auto model = Model::open(write_model(folder, "model", small_vit_config(16, 16)));
  EncoderOptions options = with("auto");
  CHECK(engine_names() == std::vector<std::string>{"native", "libtorch", "torchscript"});
  CHECK(resolve_engine(*model, options).name == std::string("native"));
  for (const char* device : {"cuda", "cuda:1", "tpu"}) {
    options.device = device;
    CHECK(resolve_engine(*model, options).name == std::string("libtorch"));
  }
}

TEST_CASE("devices that are not there, and precisions that they do not have") {
  const TemporaryFolder folder;
  const auto model = Model::open(write_model(folder, "model", small_vit_config(32, 32)));
  const auto hint_of = [&](const EncoderOptions& options) {
    for (const bool image : {true, false}) {
      try {
        if (image) open_image_encoder(model, options);
        if (!image) open_text_encoder(model, options);
      } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::kUnsupported);
        if (!image) return std::make_pair(std::string(error.what()), error.hint());
        continue;
      }
    }
    return std::make_pair(std::string(), Hint::kNone);
  };

  EncoderOptions options = with("auto");
  options.device = "cuda";
  const auto [message, hint] = hint_of(options);
  if (message.empty()) {  // there is a GPU: it gives the same scores
    const Inputs inputs(model->config());
    const std::vector<double> native = Embedded(model, inputs, with("native")).scores();
    CHECK(max_difference(native, Embedded(model, inputs, options).scores()) < 1e-3);
    options.precision = Precision::kFloat16;
    CHECK(max_difference(native, Embedded(model, inputs, options).scores()) < 0.3);
  } else {
    CHECK(contains(message, "device cuda asked for"));
    CHECK(contains(message, "CUDA"));
    CHECK(hint == Hint::kUseCpu);
  }

  options = with("native");
  options.device = "cuda";
  CHECK(hint_of(options).second == Hint::kUseLibTorch);

  for (const char* name : {"tpu", "cuda:", "cuda:x", "cuda:99999", "CUDA", ""}) {
    options = with("libtorch");
    options.device = name;
    CHECK(code_of([&] { open_text_encoder(model, options); }) == ErrorCode::kInvalidArgument);
  }
  for (const char* engine : {"native", "libtorch", "auto"}) {
    const auto [text, use] = hint_of(with(engine, Precision::kFloat16));
    CHECK(contains(text, "fp16"));
    CHECK(use == Hint::kUseBFloat16);
  }
}
