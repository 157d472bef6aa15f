#include "nn/towers/text_tower.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "nn/towers/prompts.h"

namespace clip {
namespace {

// Rows encoded at once, unless a single prompt is longer.
constexpr std::int64_t kTypicalRows = 2048;
// Row counts are rounded up to multiples of this, so that few sizes of products are ever built.
constexpr std::int64_t kRowUnit = 16;

std::int64_t rounded_up(std::int64_t count) {
  return (count + kRowUnit - 1) / kRowUnit * kRowUnit;
}

std::int64_t common_prefix(const TokenIds& a, std::int64_t a_length, const TokenIds& b,
                           std::int64_t b_length) {
  const std::int64_t max = std::min(a_length, b_length);
  return std::mismatch(a.begin(), a.begin() + max, b.begin()).first - a.begin();
}

}  // namespace

TextTower::TextTower(Loader* loader, const ModelConfig& config)
    : config_(config.text),
      width_(config.text.width),
      heads_(config.text.heads),
      embedding_dim_(config.embedding_dim),
      max_rows_(rounded_up(std::max(kTypicalRows, config_.context_length))),
      token_embedding_(loader->tensor("text.token_embedding")),
      position_(loader->vector("text.position_embedding")),
      transformer_(loader, "text", config.text),
      norm_final_(loader, "text.norm_final", config.text.norm_epsilon),
      projection_(Linear::load_projection(loader, "text.projection")),
      types_(loader->types()) {
  if (!token_embedding_.contiguous()) strided_tokens_ = loader->vector("text.token_embedding");
}

TextTower::Scratch::Scratch(std::int64_t of_rows, const TransformerConfig& config,
                            std::int64_t embedding_dim, LayerTypes types)
    : rows(of_rows),
      // One block for all: of a small one every page is in use.
      arena(static_cast<std::size_t>(TransformerScratch::bytes(rows, rows, config) +
                                     4 * rows * (2 * config.width + embedding_dim))),
      transformer(rows, rows, config, types, &arena),
      x(arena.rows(rows, config.width, ElementType::kFloat32)),
      pooled(arena.rows(rows, config.width, ElementType::kFloat32)),
      result(arena.rows(rows, embedding_dim, ElementType::kFloat32)) {}

void TextTower::reserve(std::int64_t rows) {
  if (scratch_ != nullptr && scratch_->rows >= rows) return;
  const std::int64_t twice = scratch_ == nullptr ? rows : 2 * scratch_->rows;
  scratch_ = nullptr;  // before there is more
  scratch_ = std::make_unique<Scratch>(std::min(std::max(rows, twice), max_rows_), config_,
                                       embedding_dim_, types_);
}

void TextTower::embed(const Node& node, float* out) const {
  if (strided_tokens_.empty()) {
    convert_to_float(token_embedding_, node.token * width_, width_, out);
  } else {
    std::copy_n(strided_tokens_.data() + node.token * width_, width_, out);
  }
  const float* position = position_.data() + node.position * width_;
  for (std::int64_t i = 0; i < width_; ++i) out[i] += position[i];
}

void TextTower::encode_tree(const Tree& tree, float* embeddings) {
  // x: [rows, width]; the rows that round their number up are zero, and nobody reads them.
  reserve(rounded_up(static_cast<std::int64_t>(std::max(tree.nodes.size(), tree.ends.size()))));
  const Rows x = scratch_->x.rows(0, rounded_up(static_cast<std::int64_t>(tree.nodes.size())));
  std::memset(x.data, 0, static_cast<std::size_t>(x.count * width_) * sizeof(float));
  for (std::size_t i = 0; i < tree.nodes.size(); ++i) {
    embed(tree.nodes[i], x.f32(static_cast<std::int64_t>(i)));
  }

  // The transformer, read at the end tokens.  chosen: [prompts, width], rounded up likewise
  std::vector<std::int32_t> ends = tree.ends;
  ends.resize(static_cast<std::size_t>(rounded_up(static_cast<std::int64_t>(ends.size()))),
              ends.back());
  AttendedRows before_ends;
  for (const std::int32_t end : ends) {
    before_ends.rows.insert(before_ends.rows.end(), tree.above.rows.begin() + tree.above.begin[end],
                            tree.above.rows.begin() + tree.above.begin[end + 1]);
    before_ends.begin.push_back(static_cast<std::int64_t>(before_ends.rows.size()));
  }
  const auto upwards = [&](const Rows& q, const Rows& k, const Rows& v, const Rows& out) {
    attend(tree.above, heads_, q, k, v, out);
  };
  const Rows chosen = transformer_(x, upwards, ends, before_ends, scratch_->transformer);

  // Norm and projection.  result: [prompts, D]
  const Rows pooled = scratch_->pooled.rows(0, chosen.count),
             result = scratch_->result.rows(0, chosen.count);
  norm_final_(chosen, pooled);
  projection_(pooled, result);
  for (std::size_t i = 0; i < tree.prompts.size(); ++i) {
    std::copy_n(result.f32(static_cast<std::int64_t>(i)), embedding_dim_,
                embeddings + static_cast<std::int64_t>(tree.prompts[i]) * embedding_dim_);
  }
}

void TextTower::encode(const std::vector<TokenIds>& prompts, float* embeddings) {
  check_prompts(prompts, config_);
  // Sorted, prompts that begin alike stand together.
  std::vector<std::size_t> order(prompts.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return prompts[a] < prompts[b]; });

  Tree tree;
  std::vector<std::int32_t> path;  // rows from the root to the latest node
  const TokenIds* previous = nullptr;
  std::int64_t previous_length = 0;
  for (const std::size_t index : order) {
    const TokenIds& ids = prompts[index];
    const std::int64_t length = length_of(ids);
    const auto rows = static_cast<std::int64_t>(std::max(tree.nodes.size(), tree.ends.size() + 1));
    if (previous != nullptr && rows + length > max_rows_) {
      encode_tree(tree, embeddings);
      tree = Tree();
      previous = nullptr;
    }
    const std::int64_t shared =
        previous == nullptr ? 0 : common_prefix(*previous, previous_length, ids, length);
    path.resize(static_cast<std::size_t>(shared));
    for (std::int64_t i = shared; i < length; ++i) {
      path.push_back(static_cast<std::int32_t>(tree.nodes.size()));
      tree.nodes.push_back({ids[i], static_cast<std::int32_t>(i)});
      tree.above.rows.insert(tree.above.rows.end(), path.begin(), path.end());
      tree.above.begin.push_back(static_cast<std::int64_t>(tree.above.rows.size()));
    }
    tree.ends.push_back(path.back());
    tree.prompts.push_back(index);
    previous = &ids;
    previous_length = length;
  }
  if (!tree.ends.empty()) encode_tree(tree, embeddings);
}

}  // namespace clip
