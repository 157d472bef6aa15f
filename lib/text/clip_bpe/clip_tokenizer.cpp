#include "text/clip_bpe/clip_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <queue>
#include <utility>

#include "base/excerpt.h"
#include "clip/error.h"
#include "text/clip_bpe/clean.h"
#include "text/clip_bpe/split.h"
#include "text/clip_bpe/unicode.h"

namespace clip {
namespace {

constexpr std::string_view kStartText = "<|startoftext|>";
constexpr std::string_view kEndText = "<|endoftext|>";

// Words up to this many bytes merge in arrays on the stack: all that people write.
constexpr std::size_t kShort = 64;

// Merges the pair of lowest rank, leftmost first, until none is left, and appends what remains.
// What each pair would merge into is looked up once and kept; only a merge's neighbours change.
void merge_short(const Merges& merges, std::string_view word, std::vector<std::int32_t>* ids) {
  constexpr std::int32_t kNever = std::numeric_limits<std::int32_t>::max();
  std::array<std::int32_t, kShort> symbols, pairs;  // pairs[i]: of symbols i and i + 1
  std::size_t count = word.size();
  for (std::size_t i = 0; i < count; ++i) {
    symbols[i] = merges.byte_id(static_cast<std::uint8_t>(word[i]), i + 1 == count);
  }
  const auto look_up = [&](std::size_t i) {
    const std::int32_t merged = merges.merged(symbols[i], symbols[i + 1]);
    pairs[i] = merged == Merges::kNone ? kNever : merged;
  };
  for (std::size_t i = 0; i + 1 < count; ++i) look_up(i);
  while (count > 1) {
    const auto* best = std::min_element(pairs.data(), pairs.data() + count - 1);
    if (*best == kNever) break;
    const auto at = static_cast<std::size_t>(best - pairs.data());
    symbols[at] = *best;
    std::copy(symbols.begin() + at + 2, symbols.begin() + count, symbols.begin() + at + 1);
    std::copy(pairs.begin() + at + 1, pairs.begin() + count - 1, pairs.begin() + at);
    --count;
    if (at > 0) look_up(at - 1);
    if (at + 1 < count) look_up(at);
  }
  ids->insert(ids->end(), symbols.begin(), symbols.begin() + count);
}

// The same with a heap of candidate pairs over a linked list: n log n, for words of any length.
void merge_long(const Merges& merges, std::string_view word, std::vector<std::int32_t>* ids) {
  struct Node {
    std::int32_t id;
    std::ptrdiff_t before, after;
  };
  const auto count = static_cast<std::ptrdiff_t>(word.size());
  std::vector<Node> nodes;
  nodes.reserve(word.size());
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    const auto byte = static_cast<std::uint8_t>(word[i]);
    nodes.push_back({merges.byte_id(byte, i + 1 == count), i - 1, i + 1});
  }

  // (merged id, left node): the lowest rank first, and of equal ones the leftmost.
  using Candidate = std::pair<std::int32_t, std::ptrdiff_t>;
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto propose = [&](std::ptrdiff_t left) {
    if (left < 0 || nodes[left].after >= count) return;
    const std::int32_t merged = merges.merged(nodes[left].id, nodes[nodes[left].after].id);
    if (merged != Merges::kNone) candidates.emplace(merged, left);
  };
  for (std::ptrdiff_t i = 0; i < count; ++i) propose(i);

  while (!candidates.empty()) {
    const auto [merged, left] = candidates.top();
    candidates.pop();
    // Out of date when either side has been merged since.
    if (nodes[left].id == Merges::kNone || nodes[left].after >= count) continue;
    const std::ptrdiff_t right = nodes[left].after;
    if (merges.merged(nodes[left].id, nodes[right].id) != merged) continue;
    nodes[left].id = merged;
    nodes[left].after = nodes[right].after;
    if (nodes[right].after < count) nodes[nodes[right].after].before = left;
    nodes[right].id = Merges::kNone;
    propose(nodes[left].before);
    propose(left);
  }
  for (std::ptrdiff_t i = 0; i < count; i = nodes[i].after) ids->push_back(nodes[i].id);
}

}  // namespace

void ClipTokenizer::encode_word(std::string_view word, TokenIds* ids) const {
  if (word == kStartText || word == kEndText) {
    ids->push_back(word == kStartText ? kStartOfText : kEndOfText);
  } else if (word.size() <= kShort) {
    merge_short(merges_, word, ids);
  } else {
    merge_long(merges_, word, ids);
  }
}

TokenIds ClipTokenizer::encode(std::string_view text) const {
  const std::string cleaned = clean(text);
  TokenIds ids;
  ids.reserve(cleaned.size() / 2);
  std::size_t at = 0;
  for (auto word = next_word(cleaned, &at); !word.empty(); word = next_word(cleaned, &at)) {
    encode_word(word, &ids);
  }
  return ids;
}

TokenIds ClipTokenizer::encode_prompt(std::string_view text, std::int64_t context_length,
                                      bool truncate) const {
  TokenIds ids = {kStartOfText};
  const TokenIds words = encode(text);
  ids.insert(ids.end(), words.begin(), words.end());
  ids.push_back(kEndOfText);
  const auto max = static_cast<std::size_t>(context_length);
  if (ids.size() > max) {
    if (!truncate) {
      throw Error(ErrorCode::kLimit,
                  fmt::format("the prompt \"{}\" has {} tokens, start and end included, and the "
                              "model reads at most {}; shorten it",
                              excerpt(text), ids.size(), max),
                  Hint::kTruncatePrompt);
    }
    ids.resize(max);
    ids.back() = kEndOfText;
  }
  return ids;
}

std::string ClipTokenizer::piece(std::int32_t id) const {
  if (id == kStartOfText) return std::string(kStartText);
  if (id == kEndOfText) return std::string(kEndText);
  const std::string bytes = merges_.bytes(id);
  std::string text;
  // A piece may be a part of a character: then its bytes are all there is to show.
  if (decode_utf8(bytes).find(U'\ufffd') == std::u32string::npos) {
    text = bytes;
  } else {
    for (const char byte : bytes) {
      const auto value = static_cast<std::uint8_t>(byte);
      text += value < 0x80 ? std::string(1, byte) : fmt::format("\\x{:02x}", value);
    }
  }
  return merges_.ends_word(id) ? text + "</w>" : text;
}

std::unique_ptr<Tokenizer> make_clip_tokenizer() {
  return std::make_unique<ClipTokenizer>();
}

}  // namespace clip
