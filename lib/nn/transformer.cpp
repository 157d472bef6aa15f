#include "nn/transformer.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <utility>

namespace clip {
namespace {

// Queries are the first third of in_proj, keys and values the rest.
Linear load_query(Loader* loader, const std::string& scope, std::int64_t heads) {
  const std::int64_t width = loader->weight(scope + ".in_proj_weight").shape[1];
  float* weight = loader->read(scope + ".in_proj_weight");
  std::vector<float> bias = loader->vector(scope + ".in_proj_bias");
  bias.resize(static_cast<std::size_t>(width));
  const float scale = 1 / std::sqrt(static_cast<float>(width / heads));
  for (std::int64_t i = 0; i < width * width; ++i) weight[i] *= scale;
  for (float& value : bias) value *= scale;
  return Linear(loader, weight, std::move(bias), width, width, Epilogue::kNone);
}

Linear load_key_value(Loader* loader, const std::string& scope) {
  const std::int64_t width = loader->weight(scope + ".in_proj_weight").shape[1];
  const float* weight = loader->read(scope + ".in_proj_weight");
  std::vector<float> bias = loader->vector(scope + ".in_proj_bias");
  bias.erase(bias.begin(), bias.begin() + width);
  return Linear(loader, weight + width * width, std::move(bias), 2 * width, width, Epilogue::kNone);
}

Epilogue epilogue_of(Activation activation) {
  return activation == Activation::kGelu ? Epilogue::kGelu : Epilogue::kQuickGelu;
}

void gather_rows(const Rows& from, const std::vector<std::int32_t>& rows, const Rows& to) {
  const auto bytes = static_cast<std::size_t>(from.width * size_of(from.precision));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::memcpy(to.at(static_cast<std::int64_t>(i)), from.at(rows[i]), bytes);
  }
}

}  // namespace

TransformerScratch::TransformerScratch(std::int64_t rows, std::int64_t outputs, std::int64_t width,
                                       Precision precision, Arena* arena)
    : normed(arena->rows(rows, width, precision)),
      mixed(arena->rows(rows, width, precision)),
      hidden(arena->rows(rows, 4 * width, precision)),
      chosen(arena->rows(outputs, width, Precision::kFloat32)) {
  query = {hidden.data, precision, rows, width, width};
  key_value = {hidden.at(0, rows * width), precision, rows, 2 * width, 2 * width};
}

TransformerBlock::TransformerBlock(Loader* loader, const std::string& scope, std::int64_t heads,
                                   Activation activation)
    : ln_1_(loader, scope + ".ln_1"),
      query_(load_query(loader, scope + ".attn", heads)),
      key_value_(load_key_value(loader, scope + ".attn")),
      out_(Linear::load(loader, scope + ".attn.out_proj", Epilogue::kAdd)),
      ln_2_(loader, scope + ".ln_2"),
      c_fc_(Linear::load(loader, scope + ".mlp.c_fc", epilogue_of(activation))),
      c_proj_(Linear::load(loader, scope + ".mlp.c_proj", Epilogue::kAdd)) {}

Transformer::Transformer(Loader* loader, const std::string& scope, std::int64_t layers,
                         std::int64_t heads, Activation activation)
    : heads_(heads) {
  for (std::int64_t i = 0; i < layers; ++i) {
    blocks_.emplace_back(loader, fmt::format("{}.resblocks.{}", scope, i), heads, activation);
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

    // x = x + attention(ln_1(x))
    const Rows normed = scratch.normed.rows(0, x.count);
    const Rows key_value = scratch.key_value.rows(0, x.count);
    const Rows keys = key_value.columns(0, x.width), values = key_value.columns(x.width, x.width);
    block.ln_1_(x, normed);
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
    block.out_(mixed, stream);

    // x = x + mlp(ln_2(x))
    const Rows normed_2 = scratch.normed.rows(0, stream.count);
    const Rows hidden = scratch.hidden.rows(0, stream.count);
    block.ln_2_(stream, normed_2);
    block.c_fc_(normed_2, hidden);
    block.c_proj_(hidden, stream);
  }
  return chosen;
}

}  // namespace clip
