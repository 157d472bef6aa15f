#include "input/brace_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "clip/error.h"

namespace clip_cli {
namespace {

constexpr std::uint64_t kMaxNames = std::uint64_t{1} << 62;
constexpr std::size_t kMaxPattern = 4096;  // bytes, as of the system's paths
constexpr int kMaxDepth = 32;
constexpr std::size_t kMaxDigits = 18;  // of a number: it fits into 64 bits

// Numbers from one to another.
struct Range {
  std::int64_t first = 0, step = 1;
  std::uint64_t count = 1;
  int width = 0;  // digits, with zeros in front, and with a minus sign
};

std::optional<std::int64_t> number_in(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  if (text.size() == (negative ? 1U : 0U) || text.size() > kMaxDigits) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool is_padded(std::string_view text) {
  if (!text.empty() && text.front() == '-') text.remove_prefix(1);
  return text.size() > 1 && text.front() == '0';
}

// "1..9", "00..99", "9..1..2".
std::optional<Range> range_in(std::string_view text) {
  const std::size_t dots = text.find("..");
  if (dots == std::string_view::npos) return std::nullopt;
  const std::string_view from = text.substr(0, dots);
  std::string_view to = text.substr(dots + 2), by = "1";
  if (const std::size_t more = to.find(".."); more != std::string_view::npos) {
    by = to.substr(more + 2);
    to = to.substr(0, more);
  }
  const auto first = number_in(from), last = number_in(to), step = number_in(by);
  if (!first || !last || !step) return std::nullopt;
  Range range;
  range.first = *first;
  range.step = std::max<std::int64_t>(std::abs(*step), 1);
  range.count = static_cast<std::uint64_t>(std::abs(*last - *first) / range.step) + 1;
  if (*last < *first) range.step = -range.step;
  if (is_padded(from) || is_padded(to)) {
    range.width = static_cast<int>(std::max(from.size(), to.size()));
  }
  return range;
}

}  // namespace

// A text, numbers, or one of several sequences.
struct BraceList::Part {
  std::string text;
  std::optional<Range> range;
  std::vector<Sequence> choices;
};

struct BraceList::Sequence {
  std::vector<Part> parts;
  std::uint64_t count = 1;

  std::string at(std::uint64_t place) const;
};

namespace {

[[noreturn]] void too_many() {
  throw clip::Error(clip::ErrorCode::kLimit, "the list in braces has too many names");
}

}  // namespace

class BraceList::Parser {
 public:
  explicit Parser(std::string_view pattern) : text_(pattern) {}

  // Of a part of the pattern.
  Sequence parse(std::size_t begin, std::size_t end, int depth) {
    if (depth > kMaxDepth) {
      throw clip::Error(clip::ErrorCode::kLimit,
                        fmt::format("braces are nested more than {} deep", kMaxDepth));
    }
    Sequence sequence;
    std::string literal;
    const auto add = [&](Part part, std::uint64_t count) {
      Part before;
      before.text = std::exchange(literal, "");
      if (!before.text.empty()) sequence.parts.push_back(std::move(before));
      if (count > kMaxNames / sequence.count) too_many();
      sequence.count *= count;
      sequence.parts.push_back(std::move(part));
    };
    for (std::size_t at = begin; at < end;) {
      if (text_[at] == '\\' && at + 1 < end) {
        literal += text_[at + 1];
        at += 2;
        continue;
      }
      const std::size_t close = text_[at] == '{' && text_.size() <= kMaxPattern
                                    ? closing(at, end)
                                    : std::string_view::npos;
      if (close == std::string_view::npos) {
        literal += text_[at++];
        continue;
      }
      Part part;
      part.range = range_in(text_.substr(at + 1, close - at - 1));
      std::uint64_t count = 0;
      if (part.range) {
        count = part.range->count;
      } else if (next_comma(at + 1, close) == close) {
        // {a} is no list, but may hold one.
        literal += text_[at++];
        continue;
      }
      for (std::size_t from = at + 1; !part.range && from <= close;) {
        const std::size_t comma = next_comma(from, close);
        part.choices.push_back(parse(from, comma, depth + 1));
        count += part.choices.back().count;
        if (count > kMaxNames) too_many();
        from = comma + 1;
      }
      add(std::move(part), count);
      at = close + 1;
    }
    Part last;
    last.text = std::move(literal);
    if (!last.text.empty()) sequence.parts.push_back(std::move(last));
    return sequence;
  }

 private:
  // Where the brace that opens at `at` is closed.
  std::size_t closing(std::size_t at, std::size_t end) const {
    int open = 0;
    for (; at < end; ++at) {
      if (text_[at] == '\\') {
        ++at;
      } else if (text_[at] == '{') {
        ++open;
      } else if (text_[at] == '}' && --open == 0) {
        return at;
      }
    }
    return std::string_view::npos;
  }

  // The next comma that is in no inner braces, or the end.
  std::size_t next_comma(std::size_t at, std::size_t end) const {
    for (int open = 0; at < end; ++at) {
      if (text_[at] == '\\') {
        ++at;
      } else if (text_[at] == '{') {
        ++open;
      } else if (text_[at] == '}') {
        --open;
      } else if (text_[at] == ',' && open == 0) {
        return at;
      }
    }
    return end;
  }

  const std::string_view text_;
};

std::string BraceList::Sequence::at(std::uint64_t place) const {
  // The last part changes first.
  std::vector<std::string> texts(parts.size());
  for (std::size_t i = parts.size(); i-- > 0;) {
    const Part& part = parts[i];
    if (part.range) {
      const Range& range = *part.range;
      const std::uint64_t step = place % range.count;
      place /= range.count;
      const std::int64_t number = range.first + range.step * static_cast<std::int64_t>(step);
      texts[i] = fmt::format("{:0{}}", number, range.width);
    } else if (!part.choices.empty()) {
      std::uint64_t count = 0;
      for (const Sequence& choice : part.choices) count += choice.count;
      std::uint64_t of = place % count;
      place /= count;
      for (const Sequence& choice : part.choices) {
        if (of < choice.count) {
          texts[i] = choice.at(of);
          break;
        }
        of -= choice.count;
      }
    } else {
      texts[i] = part.text;
    }
  }
  std::string all;
  for (const std::string& text : texts) all += text;
  return all;
}

BraceList::BraceList(std::string_view pattern)
    : names_(std::make_unique<const Sequence>(Parser(pattern).parse(0, pattern.size(), 0))) {}

BraceList::~BraceList() = default;
BraceList::BraceList(BraceList&&) noexcept = default;

std::uint64_t BraceList::count() const {
  return names_->count;
}

bool BraceList::has_list() const {
  return std::any_of(names_->parts.begin(), names_->parts.end(), [](const Part& part) {
    return part.range.has_value() || !part.choices.empty();
  });
}

std::string BraceList::at(std::uint64_t place) const {
  return names_->at(place);
}

}  // namespace clip_cli
