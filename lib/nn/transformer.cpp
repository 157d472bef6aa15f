#include "nn/transformer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "nn/int8_rows.h"

namespace clip {
namespace {

// A product right behind a norm, which folds what the norm leaves out.
Linear behind_norm(Loader* loader, const LayerNorm& norm, std::int64_t outputs, std::int64_t inputs,
                   Epilogue epilogue, const std::function<float*(std::vector<float>* bias)>& read) {
  const bool fold = loader->types().weights == ElementType::kInt8;
  return Linear(
      loader,
      [&](std::vector<float>* bias) {
        float* weight = read(bias);
        if (fold) norm.fold_into(weight, bias);
        return weight;
      },
      true, outputs, inputs, epilogue);
}

Linear load_query(Loader* loader, const std::string& scope, std::int64_t heads,
                  const LayerNorm& norm) {
  const Shape& shape = loader->shape(scope + ".weight");
  return behind_norm(
      loader, norm, shape[0], shape[1], Epilogue::kNone,
      [&](std::vector<float>* bias) { return read_query(loader, scope, heads, bias); });
}

// Keys and values as one layer: both are products of the same rows.
Linear load_key_value(Loader* loader, const std::string& scope, const LayerNorm& norm) {
  const Shape& shape = loader->shape(scope + ".key.weight");
  return behind_norm(loader, norm, 2 * shape[0], shape[1], Epilogue::kNone,
                     [&](std::vector<float>* bias) {
                       *bias = loader->vector(scope + ".key.bias");
                       const std::vector<float> value_bias = loader->vector(scope + ".value.bias");
                       bias->insert(bias->end(), value_bias.begin(), value_bias.end());
                       return loader->read_joined({scope + ".key.weight", scope + ".value.weight"});
                     });
}

Linear load_up(Loader* loader, const std::string& scope, Epilogue epilogue, const LayerNorm& norm) {
  const Shape& shape = loader->shape(scope + ".weight");
  return behind_norm(loader, norm, shape[0], shape[1], epilogue, [&](std::vector<float>* bias) {
    *bias = loader->vector(scope + ".bias");
    return loader->read(scope + ".weight");
  });
}

Epilogue epilogue_of(Activation activation) {
  switch (activation) {
    case Activation::kGelu:
      return Epilogue::kGelu;
    case Activation::kGeluTanh:
      return Epilogue::kGeluTanh;
    case Activation::kQuickGelu:
      break;
  }
  return Epilogue::kQuickGelu;
}

// Columns of the block that holds queries, keys and values first, and what the MLP is made of then.
std::int64_t shared_columns(const TransformerConfig& config) {
  return std::max(config.mlp_width, 3 * config.width);
}

// What products read: a norm's result, and what attention has mixed.
ElementType product_type(LayerTypes types) {
  return types.weights == ElementType::kInt8 ? ElementType::kInt8 : types.activations;
}

void normalize(const LayerNorm& norm, const Rows& in, const Rows& out) {
  if (out.type == ElementType::kInt8) {
    norm.normalize_to_int8(in, out);
  } else {
    norm(in, out);
  }
}

// The rows as the next product reads them: rounded to int8 in `room`, where that is of int8.
Rows as_input(const Rows& rows, const Rows& room) {
  if (room.type != ElementType::kInt8) return rows;
  const Rows rounded = room.rows(0, rows.count);
  quantize_rows(rows, rounded);
  return rounded;
}

void gather_rows(const Rows& from, const std::vector<std::int32_t>& rows, const Rows& to) {
  const auto bytes = static_cast<std::size_t>(from.width * size_of(from.type));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::memcpy(to.at(static_cast<std::int64_t>(i)), from.at(rows[i]), bytes);
    if (from.type == ElementType::kInt8) to.scales[i] = from.scales[rows[i]];
  }
}

}  // namespace

TransformerScratch::TransformerScratch(std::int64_t rows, std::int64_t outputs,
                                       const TransformerConfig& config, LayerTypes types,
                                       Arena* arena)
    : normed(arena->rows(rows, config.width, product_type(types))),
      mixed(arena->rows(rows, config.width, types.activations)),
      product(types.weights == ElementType::kInt8
                  ? arena->rows(rows, config.width, product_type(types))
                  : mixed),
      chosen(arena->rows(outputs, config.width, ElementType::kFloat32)) {
  const std::int64_t width = config.width;
  const Rows shared = arena->rows(rows, shared_columns(config), types.activations);
  query = {shared.data, types.activations, rows, width, width, nullptr};
  key_value = {shared.at(0, rows * width), types.activations, rows, 2 * width, 2 * width, nullptr};
  hidden = {shared.data,      product_type(types), rows,
            config.mlp_width, config.mlp_width,    product.scales};
}

std::int64_t TransformerScratch::bytes(std::int64_t rows, std::int64_t outputs,
                                       const TransformerConfig& config) {
  return 4 * (rows * (2 * config.width + shared_columns(config)) + outputs * config.width);
}

TransformerBlock::TransformerBlock(Loader* loader, const std::string& scope,
                                   const TransformerConfig& config)
    : norm_1_(loader, scope + ".norm_1", config.norm_epsilon),
      query_(load_query(loader, scope + ".attention.query", config.heads, norm_1_)),
      key_value_(load_key_value(loader, scope + ".attention", norm_1_)),
      output_(Linear::load(loader, scope + ".attention.output", Epilogue::kAdd)),
      norm_2_(loader, scope + ".norm_2", config.norm_epsilon),
      up_(load_up(loader, scope + ".mlp.up", epilogue_of(config.activation), norm_2_)),
      down_(Linear::load(loader, scope + ".mlp.down", Epilogue::kAdd)) {}

Transformer::Transformer(Loader* loader, const std::string& tower, const TransformerConfig& config)
    : heads_(config.heads) {
  for (std::int64_t i = 0; i < config.layers; ++i) {
    blocks_.emplace_back(loader, fmt::format("{}.blocks.{}", tower, i), config);
  }
}

Rows Transformer::operator()(const Rows& x, const Attend& attend_all,
                             const std::vector<std::int32_t>& wanted, const AttendedRows& last,
                             const TransformerScratch& scratch) const {
  const auto outputs = static_cast<std::int64_t>(wanted.size());
  const Rows chosen = scratch.chosen.rows(0, outputs);
  if (blocks_.empty()) gather_rows(x, wanted, chosen);

  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const TransformerBlock& block = blocks_[i];
    const bool is_last = i + 1 == blocks_.size();

    // x = x + attention(norm_1(x))
    const Rows normed = scratch.normed.rows(0, x.count);
    const Rows key_value = scratch.key_value.rows(0, x.count);
    const Rows keys = key_value.columns(0, x.width), values = key_value.columns(x.width, x.width);
    normalize(block.norm_1_, x, normed);
    block.key_value_(normed, key_value);
    Rows stream = x, asking = normed;
    if (is_last) {  // from here on the wanted rows only
      stream = chosen;
      asking = scratch.product.rows(0, outputs);
      gather_rows(x, wanted, stream);
      gather_rows(normed, wanted, asking);
    }
    const Rows query = scratch.query.rows(0, stream.count);
    block.query_(asking, query);
    const Rows mixed = scratch.mixed.rows(0, stream.count);
    if (is_last) {
      attend(last, heads_, query, keys, values, mixed);
    } else {
      attend_all(query, keys, values, mixed);
    }
    block.output_(as_input(mixed, scratch.product), stream);

    // x = x + mlp(norm_2(x))
    const Rows normed_2 = scratch.normed.rows(0, stream.count);
    const Rows hidden = scratch.hidden.rows(0, stream.count);
    normalize(block.norm_2_, stream, normed_2);
    block.up_(normed_2, hidden);
    block.down_(hidden, stream);
  }
  return chosen;
}

}  // namespace clip
