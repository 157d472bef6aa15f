#include "pipeline/ignore_patterns.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "clip/error.h"

namespace clip {
namespace {

// Without the blanks at its end, but for those behind a backslash.
std::string_view without_trailing_blanks(std::string_view line) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      if (++i == line.size()) return line;
      size = i + 1;
    } else if (line[i] != ' ') {
      size = i + 1;
    }
  }
  return line.substr(0, size);
}

// Whether a byte is in a POSIX class such as "digit", ASCII only. False in `known` for a name that
// is none.
bool in_class(std::string_view name, unsigned char byte, bool* known) {
  const bool upper = byte >= 'A' && byte <= 'Z', lower = byte >= 'a' && byte <= 'z';
  const bool digit = byte >= '0' && byte <= '9', graph = byte > ' ' && byte < 0x7F;
  const bool blank = byte == ' ' || byte == '\t';
  *known = true;
  if (name == "alnum") return upper || lower || digit;
  if (name == "alpha") return upper || lower;
  if (name == "blank") return blank;
  if (name == "cntrl") return byte < ' ' || byte == 0x7F;
  if (name == "digit") return digit;
  if (name == "graph") return graph;
  if (name == "lower") return lower;
  if (name == "print") return graph || byte == ' ';
  if (name == "punct") return graph && !upper && !lower && !digit;
  if (name == "space") return blank || (byte >= '\n' && byte <= '\r');
  if (name == "upper") return upper;
  if (name == "xdigit")
    return digit || (byte >= 'A' && byte <= 'F') || (byte >= 'a' && byte <= 'f');
  *known = false;
  return false;
}

}  // namespace

void IgnorePatterns::add(std::string_view pattern) {
  if (compile(pattern)) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("no file could match the pattern '{}'", pattern));
}

void IgnorePatterns::add_file(std::string_view text) {
  text = without_byte_order_mark(text);
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    // No name holds a NUL byte; git ends the line there.
    line = without_trailing_blanks(line.substr(0, line.find('\0')));
    if (!line.empty() && line[0] != '#') compile(line);
  }
}

IgnorePatterns::Verdict IgnorePatterns::match(std::string_view path, bool is_folder,
                                              bool by_name) const {
  const std::string_view name = base_name(path);
  for (auto each = patterns_.rbegin(); each != patterns_.rend(); ++each) {
    if (each->folders_only && !is_folder) continue;
    if (by_name && each->negated && !each->begins_literally) continue;
    if (matches(*each, each->is_path ? path : name)) {
      return each->negated ? Verdict::kIncluded : Verdict::kExcluded;
    }
  }
  return Verdict::kNone;
}

bool IgnorePatterns::compile(std::string_view text) {
  Pattern pattern;
  if (!text.empty() && text.front() == '!') {
    pattern.negated = true;
    text.remove_prefix(1);
  }
  if (!text.empty() && text.back() == '/') {
    pattern.folders_only = true;
    text.remove_suffix(1);
  }
  pattern.is_path = text.find('/') != std::string_view::npos;
  if (!text.empty() && text.front() == '/') text.remove_prefix(1);
  const std::size_t tokens = tokens_.size(), sets = sets_.size();
  if (!compile_tokens(text, &pattern)) {
    tokens_.resize(tokens, Token{TokenKind::kByte});
    sets_.resize(sets);
    return false;
  }
  patterns_.push_back(pattern);
  return true;
}

bool IgnorePatterns::compile_tokens(std::string_view text, Pattern* pattern) {
  pattern->begin = static_cast<std::uint32_t>(tokens_.size());
  bool is_first = true;  // in its part of the path
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool was_first = is_first;
    is_first = false;
    if (was_first) pattern->begins_literally = false;
    switch (text[i]) {
      case '/':
        // No path has an empty part.
        if (was_first || i + 1 == text.size()) return false;
        tokens_.push_back({TokenKind::kSlash});
        is_first = true;
        break;
      case '?':
        tokens_.push_back({TokenKind::kAnyByte});
        break;
      case '[':
        ++i;
        if (!compile_set(text, &i)) return false;
        break;
      case '*': {
        const std::size_t stars = i;
        while (i + 1 < text.size() && text[i + 1] == '*') ++i;
        const std::string_view rest = text.substr(i + 1);
        if (!pattern->is_path || i == stars || !was_first ||
            !(rest.empty() || rest[0] == '/' || starts_with(rest, "\\/"))) {
          tokens_.push_back({TokenKind::kStar});
        } else if (rest.empty()) {
          tokens_.push_back({TokenKind::kRest});
        } else if (rest[0] == '/') {
          if (rest.size() == 1) return false;
          tokens_.push_back({TokenKind::kFolders});
          is_first = true;
          ++i;
        } else {
          // Git wants at least one part where the slash is escaped.
          tokens_.insert(tokens_.end(),
                         {{TokenKind::kStar}, {TokenKind::kSlash}, {TokenKind::kFolders}});
          is_first = true;
          i += 2;
          if (i + 1 == text.size()) return false;
        }
        break;
      }
      case '\\':
        if (++i == text.size()) return false;
        if (text[i] == '/') {
          if (was_first || i + 1 == text.size()) return false;
          tokens_.push_back({TokenKind::kSlash});
          is_first = true;
          break;
        }
        [[fallthrough]];
      default:
        tokens_.push_back({TokenKind::kByte, static_cast<unsigned char>(text[i])});
        if (was_first) pattern->begins_literally = true;
    }
  }
  pattern->end = static_cast<std::uint32_t>(tokens_.size());
  if (pattern->begin == pattern->end) return false;
  simplify(pattern);
  return true;
}

// The set behind a [, up to its ], at which `at` is left. The rules at the edges are those of git's
// wildmatch: ] is a member where it stands first, - where it has no neighbour to one side.
bool IgnorePatterns::compile_set(std::string_view text, std::size_t* at) {
  std::size_t i = *at;
  const bool negated = i < text.size() && (text[i] == '!' || text[i] == '^');
  if (negated) ++i;
  Set set;
  unsigned previous = 0;  // what a range may begin with
  for (bool is_first = true;; is_first = false, ++i) {
    if (i >= text.size()) return false;
    unsigned byte = static_cast<unsigned char>(text[i]);
    if (byte == ']' && !is_first) break;
    if (byte == '-' && previous != 0 && i + 1 < text.size() && text[i + 1] != ']') {
      if (text[++i] == '\\' && ++i == text.size()) return false;
      byte = static_cast<unsigned char>(text[i]);
      for (unsigned each = previous; each <= byte; ++each) set.set(each);
      previous = 0;
      continue;
    }
    if (byte == '[' && i + 1 < text.size() && text[i + 1] == ':') {
      const std::size_t name = i + 2, close = text.find(']', name);
      if (close == std::string_view::npos) return false;
      if (close > name && text[close - 1] == ':') {
        bool known = false;
        for (unsigned each = 0; each < set.size(); ++each) {
          if (in_class(text.substr(name, close - 1 - name), static_cast<unsigned char>(each),
                       &known)) {
            set.set(each);
          }
        }
        if (!known) return false;
        previous = 0;
        i = close;
        continue;
      }
    }
    if (byte == '\\') {
      if (++i == text.size()) return false;
      byte = static_cast<unsigned char>(text[i]);
    }
    set.set(byte);
    previous = byte;
  }
  *at = i;
  tokens_.push_back({TokenKind::kSet, static_cast<std::uint32_t>(sets_.size())});
  sets_.push_back(negated ? ~set : set);
  return true;
}

// Most patterns are a name, a path, or "*.extension", which are compared as a whole.
void IgnorePatterns::simplify(Pattern* pattern) {
  const auto first = tokens_.begin() + pattern->begin;
  const bool is_suffix = !pattern->is_path && first->kind == TokenKind::kStar;
  const auto is_literal = [](const Token& token) {
    return token.kind == TokenKind::kByte || token.kind == TokenKind::kSlash;
  };
  if (!std::all_of(first + is_suffix, tokens_.end(), is_literal)) return;
  pattern->kind = is_suffix ? PatternKind::kSuffix : PatternKind::kLiteral;
  const auto begin = static_cast<std::uint32_t>(bytes_.size());
  for (auto token = first + is_suffix; token != tokens_.end(); ++token) {
    bytes_ += token->kind == TokenKind::kSlash ? '/' : static_cast<char>(token->value);
  }
  tokens_.resize(pattern->begin, Token{TokenKind::kByte});
  pattern->begin = begin;
  pattern->end = static_cast<std::uint32_t>(bytes_.size());
}

bool IgnorePatterns::matches(const Pattern& pattern, std::string_view text) const {
  if (pattern.kind == PatternKind::kGlob) {
    const Token* begin = tokens_.data() + pattern.begin;
    const Token* end = tokens_.data() + pattern.end;
    return pattern.is_path ? matches_path(begin, end, text) : match_part(begin, end, text) == end;
  }
  const auto bytes = std::string_view(bytes_).substr(pattern.begin, pattern.end - pattern.begin);
  return pattern.kind == PatternKind::kLiteral ? text == bytes : ends_with(text, bytes);
}

// Part by part. "**/" is tried with no part, then one, and so on. Only the last of several has to
// be tried again: where an earlier one took less, that one can take more. So each part of the
// pattern meets each part of the path at most once.
bool IgnorePatterns::matches_path(const Token* token, const Token* end,
                                  std::string_view path) const {
  // Behind the part that begins at `at`; behind the end where that is the last.
  const auto next_part = [&](std::size_t at) {
    const std::size_t slash = path.find('/', at);
    return slash == std::string_view::npos ? path.size() + 1 : slash + 1;
  };
  const Token* retry = nullptr;
  std::size_t at = 0, retry_at = 0;
  for (;;) {
    if (token->kind == TokenKind::kFolders) {
      retry = ++token;
      retry_at = at;
      continue;
    }
    if (at < path.size()) {
      if (token->kind == TokenKind::kRest) return true;
      const std::size_t next = next_part(at);
      token = match_part(token, end, path.substr(at, next - 1 - at));
      at = next;
      const bool is_last = at > path.size();
      if (token == end && is_last) return true;
      if (token != nullptr && token != end && !is_last) {
        ++token;  // the slash
        continue;
      }
    }
    if (retry == nullptr) return false;
    retry_at = next_part(retry_at);
    if (retry_at > path.size()) return false;
    at = retry_at;
    token = retry;
  }
}

// Where the tokens of one part end that match it, null where they do not. As above, only the last
// of several stars has to be tried again.
const IgnorePatterns::Token* IgnorePatterns::match_part(const Token* token, const Token* end,
                                                        std::string_view part) const {
  const Token* retry = nullptr;
  std::size_t at = 0, retry_at = 0;
  for (;;) {
    const bool is_done = token == end || token->kind == TokenKind::kSlash;
    if (is_done && at == part.size()) return token;
    if (!is_done && token->kind == TokenKind::kStar) {
      retry = ++token;
      retry_at = at;
    } else if (!is_done && at < part.size() &&
               matches_byte(*token, static_cast<unsigned char>(part[at]))) {
      ++token;
      ++at;
    } else {
      if (retry == nullptr || retry_at == part.size()) return nullptr;
      at = ++retry_at;
      token = retry;
    }
  }
}

bool IgnorePatterns::matches_byte(const Token& token, unsigned char byte) const {
  switch (token.kind) {
    case TokenKind::kByte:
      return token.value == byte;
    case TokenKind::kSet:
      return sets_[token.value].test(byte);
    default:
      return token.kind == TokenKind::kAnyByte;
  }
}

}  // namespace clip
