#include "libtorch/text_tower.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "nn/towers/prompts.h"

namespace clip::libtorch {
namespace {

// Tokens at once, padding included. More gain nothing on a CPU and cost memory.
constexpr std::int64_t kCpuTokens = 2048, kGpuTokens = 32768;

}  // namespace

TextTower::TextTower(WeightReader* reader, const ModelConfig& config, at::Device device)
    : config_(config.text),
      device_(device),
      max_tokens_(device.is_cpu() ? kCpuTokens : kGpuTokens),
      token_embedding_(reader->read_float("text.token_embedding")),
      position_(reader->read_float("text.position_embedding")),
      transformer_(reader, "text", config_),
      norm_final_(LayerNorm::read(reader, "text.norm_final", config_.norm_epsilon)),
      projection_(reader->read_float("text.projection.weight")) {}

at::Tensor TextTower::encode(const std::vector<TokenIds>& prompts, const std::int64_t* which,
                             std::int64_t count, std::int64_t length) const {
  // Zeros behind an end token: no token before them attends to them.
  const at::Tensor ids = at::zeros({count, length}, at::kLong),
                   ends = at::empty({count}, at::kLong);
  for (std::int64_t i = 0; i < count; ++i) {
    const TokenIds& prompt = prompts[static_cast<std::size_t>(which[i])];
    const std::int64_t tokens = length_of(prompt);
    std::copy_n(prompt.begin(), tokens, ids.data_ptr<std::int64_t>() + i * length);
    ends.data_ptr<std::int64_t>()[i] = tokens - 1;
  }
  at::Tensor x = at::embedding(token_embedding_, ids.to(device_));  // [count, length, width]
  x.add_(position_.narrow(0, 0, length));
  const at::Tensor pooled = transformer_(x, ends.to(device_), /*causal=*/true);
  return at::linear(norm_final_(pooled), projection_);
}

at::Tensor TextTower::operator()(const std::vector<TokenIds>& prompts) const {
  check_prompts(prompts, config_);
  const auto total = static_cast<std::int64_t>(prompts.size());
  std::vector<std::int64_t> lengths, order(prompts.size());
  for (const TokenIds& ids : prompts) lengths.push_back(length_of(ids));
  std::iota(order.begin(), order.end(), 0);
  // The longest first, so that what the first batch allocates is enough for all.
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t a, std::int64_t b) { return lengths[a] > lengths[b]; });

  const at::Tensor embeddings =
      at::empty({total, projection_.size(0)}, projection_.options().dtype(at::kFloat));
  for (std::int64_t begin = 0; begin < total;) {
    const std::int64_t length = lengths[order[begin]];
    const std::int64_t count = std::clamp<std::int64_t>(max_tokens_ / length, 1, total - begin);
    const at::Tensor places = at::tensor(
        at::IntArrayRef(order.data() + begin, static_cast<std::size_t>(count)), at::kLong);
    embeddings.index_copy_(0, places.to(device_),
                           encode(prompts, order.data() + begin, count, length));
    begin += count;
  }
  return embeddings;
}

}  // namespace clip::libtorch
