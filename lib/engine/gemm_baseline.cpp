#include "engine/gemm_baseline.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/half.h"
#include "nn/arena.h"
#include "nn/backend.h"
#include "nn/packed_weights.h"

namespace clip {
namespace {

struct Product {
  std::int64_t rows, inputs, outputs;
};

void add_transformer(std::int64_t rows, const TransformerConfig& config,
                     std::vector<Product>* products) {
  const std::int64_t width = config.width;
  for (std::int64_t i = 0; i < config.layers; ++i) {
    products->push_back({rows, width, 3 * width});
    products->push_back({rows, width, width});
    products->push_back({rows, width, config.mlp_width});
    products->push_back({rows, config.mlp_width, width});
  }
}

std::vector<Product> vision_products(const ModelConfig& config, std::int64_t images) {
  const VisionConfig& vision = config.vision;
  const std::int64_t grid = vision.image_size / vision.patch_size;
  std::vector<Product> products = {
      {images * grid * grid, 3 * vision.patch_size * vision.patch_size, vision.width}};
  add_transformer(images * (grid * grid + 1), vision, &products);
  products.push_back({images, vision.width, config.embedding_dim});
  return products;
}

std::vector<Product> resnet_products(const ModelConfig& config, std::int64_t images) {
  const std::int64_t width = config.vision.width;
  std::int64_t side = config.vision.image_size / 2;
  std::vector<Product> products = {{images * side * side, 9 * 3, width / 2},
                                   {images * side * side, 9 * width / 2, width / 2},
                                   {images * side * side, 9 * width / 2, width}};
  side /= 2;
  std::int64_t in = width;
  for (std::size_t stage = 0; stage < config.vision.stages.size(); ++stage) {
    const std::int64_t planes = width << stage;
    for (std::int64_t i = 0; i < config.vision.stages[stage]; ++i) {
      const std::int64_t smaller = stage > 0 && i == 0 ? side / 2 : side;
      const std::int64_t rows = images * side * side, out_rows = images * smaller * smaller;
      products.push_back({rows, in, planes});
      products.push_back({rows, 9 * planes, planes});
      products.push_back({out_rows, planes, 4 * planes});
      if (i == 0) products.push_back({out_rows, in, 4 * planes});
      side = smaller;
      in = 4 * planes;
    }
  }
  const std::int64_t tokens = images * (side * side + 1);
  products.push_back({images, in, in});
  products.push_back({tokens, in, 2 * in});
  products.push_back({images, in, config.embedding_dim});
  return products;
}

std::vector<Product> text_products(const ModelConfig& config, std::int64_t prompts,
                                   std::int64_t length) {
  std::vector<Product> products;
  add_transformer(prompts * length, config.text, &products);
  products.push_back({prompts, config.text.width, config.embedding_dim});
  return products;
}

ElementType element_type(Precision precision) {
  switch (precision) {
    case Precision::kBFloat16:
      return ElementType::kBFloat16;
    case Precision::kInt8:
      return ElementType::kInt8;
    case Precision::kFloat32:
    case Precision::kFloat16:
      break;
  }
  return ElementType::kFloat32;
}

void set(const Rows& rows, std::int64_t i, float value) {
  switch (rows.type) {
    case ElementType::kFloat32:
      rows.f32()[i] = value;
      return;
    case ElementType::kBFloat16:
      rows.bf16()[i] = bfloat16_from_float(value);
      return;
    case ElementType::kInt8:
      rows.u8()[i] = 64;
  }
}

}  // namespace

struct GemmBaseline::Layers {
  struct Layer {
    std::unique_ptr<MatMul> product;
    Rows in, out;
  };
  Arena arena;
  std::vector<Layer> layers;
  double operations = 0;
};

GemmBaseline::GemmBaseline(const Model& model, Precision precision, Tower tower, std::int64_t count,
                           std::int64_t length)
    : layers_(std::make_unique<Layers>()) {
  const ModelConfig& config = model.config();
  std::vector<Product> products;
  if (tower == Tower::kTexts) {
    products = text_products(config, count, length);
  } else if (config.vision.kind == VisionKind::kTransformer) {
    products = vision_products(config, count);
  } else {
    products = resnet_products(config, count);
  }

  std::int64_t in = 0, out = 0, weights = 0;
  for (const Product& product : products) {
    in = std::max(in, product.rows * product.inputs);
    out = std::max(out, product.rows * product.outputs);
    weights = std::max(weights, product.inputs * product.outputs);
    layers_->operations += 2.0 * static_cast<double>(product.rows) *
                           static_cast<double>(product.inputs) *
                           static_cast<double>(product.outputs);
  }
  Arena* arena = &layers_->arena;
  const ElementType type = element_type(precision);
  const ElementType result = type == ElementType::kInt8 ? ElementType::kFloat32 : type;
  const Rows in_buffer = arena->rows(1, in, type), out_buffer = arena->rows(1, out, result);
  // Any numbers will do, as long as none is zero or so small that it is slow to multiply.
  const std::vector<float> weight(static_cast<std::size_t>(weights),
                                  type == ElementType::kInt8 ? 1.0F : 0.01F);
  for (std::int64_t i = 0; i < in; ++i) set(in_buffer, i, 0.5F);
  FreshWeights packed(arena);
  for (const Product& product : products) {
    ProductSpec spec;
    spec.outputs = product.outputs;
    spec.inputs = product.inputs;
    spec.types = {type, type};
    spec.bare = true;
    spec.weight = [&](std::vector<float>*) { return weight.data(); };
    layers_->layers.push_back(
        {default_backend().matmul(std::move(spec), &packed),
         {in_buffer.data, type, product.rows, product.inputs, product.inputs, nullptr},
         {out_buffer.data, result, product.rows, product.outputs, product.outputs, nullptr}});
  }
}

GemmBaseline::~GemmBaseline() = default;

void GemmBaseline::run() {
  for (const Layers::Layer& layer : layers_->layers) layer.product->run(layer.in, layer.out);
}

double GemmBaseline::operations() const {
  return layers_->operations;
}

}  // namespace clip
