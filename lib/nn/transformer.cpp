#include "nn/transformer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace clip {
namespace {

// The queries, scaled by 1 / sqrt(head width).
Linear load_query(Loader* loader, const std::string& scope, std::int64_t heads) {
  const Shape& shape = loader->shape(scope + ".weight");
  std::vector<float> bias = loader->vector(scope + ".bias");
  float* weight = loader->read(scope + ".weight");
  const float scale = 1 / std::sqrt(static_cast<float>(shape[0] / heads));
  for (std::int64_t i = 0; i < shape[0] * shape[1]; ++i) weight[i] *= scale;
  for (float& value : bias) value *= scale;
  return Linear(loader, weight, std::move(bias), shape[0], shape[1], Epilogue::kNone);
}

// Keys and values as one layer: both are products of the same rows.
Linear load_key_value(Loader* loader, const std::string& scope) {
  const Shape& shape = loader->shape(scope + ".key.weight");
  std::vector<float> bias = loader->vector(scope + ".key.bias");
  const std::vector<float> value_bias = loader->vector(scope + ".value.bias");
  bias.insert(bias.end(), value_bias.begin(), value_bias.end());
  const float* weight = loader->read_joined({scope + ".key.weight", scope + ".value.weight"});
  return Linear(loader, weight, std::move(bias), 2 * shape[0], shape[1], Epilogue::kNone);
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

void gather_rows(const Rows& from, const std::vector<std::int32_t>& rows, const Rows& to) {
  const auto bytes = static_cast<std::size_t>(from.width * size_of(from.precision));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::memcpy(to.at(static_cast<std::int64_t>(i)), from.at(rows[i]), bytes);
  }
}

}  // namespace

TransformerScratch::TransformerScratch(std::int64_t rows, std::int64_t outputs,
                                       const TransformerConfig& config, Precision precision,
                                       Arena* arena)
    : normed(arena->rows(rows, config.width, precision)),
      mixed(arena->rows(rows, config.width, precision)),
      chosen(arena->rows(outputs, config.width, Precision::kFloat32)) {
  const std::int64_t width = config.width;
  const Rows shared = arena->rows(rows, shared_columns(config), precision);
  hidden = {shared.data, precision, rows, config.mlp_width, config.mlp_width};
  query = {shared.data, precision, rows, width, width};
  key_value = {shared.at(0, rows * width), precision, rows, 2 * width, 2 * width};
}

std::int64_t TransformerScratch::bytes(std::int64_t rows, std::int64_t outputs,
                                       const TransformerConfig& config) {
  return 4 * (rows * (2 * config.width + shared_columns(config)) + outputs * config.width);
}

TransformerBlock::TransformerBlock(Loader* loader, const std::string& scope,
                                   const TransformerConfig& config)
    : norm_1_(loader, scope + ".norm_1", config.norm_epsilon),
      query_(load_query(loader, scope + ".attention.query", config.heads)),
      key_value_(load_key_value(loader, scope + ".attention")),
      output_(Linear::load(loader, scope + ".attention.output", Epilogue::kAdd)),
      norm_2_(loader, scope + ".norm_2", config.norm_epsilon),
      up_(Linear::load(loader, scope + ".mlp.up", epilogue_of(config.activation))),
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
    block.norm_1_(x, normed);
    block.key_value_(normed, key_value);
    Rows stream = x, asking = normed;
    if (is_last) {  // from here on the wanted rows only
      stream = chosen;
      asking = scratch.mixed.rows(0, outputs);
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
    block.output_(mixed, stream);

    // x = x + mlp(norm_2(x))
    const Rows normed_2 = scratch.normed.rows(0, stream.count);
    const Rows hidden = scratch.hidden.rows(0, stream.count);
    block.norm_2_(stream, normed_2);
    block.up_(normed_2, hidden);
    block.down_(hidden, stream);
  }
  return chosen;
}

}  // namespace clip
