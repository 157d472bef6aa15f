// Patterns in the syntax of .gitignore, and which files of a folder they exclude: those of one
// file, or those of a list that a user gives. Whoever walks folders asks one list after the other.
//
// The syntax is that of gitignore(5). A line is a pattern; empty lines and lines that begin with #
// are none. `!` in front includes again what an earlier pattern excludes. A slash at the end limits
// a pattern to folders; a link to a folder counts as one. A slash at the beginning or inside
// anchors it to the folder that the list is about; without one it matches the last part of a path,
// at any depth. `*`, `?` and `[a-z]`, `[!a]`, `[[:digit:]]` match within one part of a path; `**`
// between slashes matches any number of parts. A backslash takes the next character as it is, and
// blanks at the end of a line count only behind a backslash. Lines may end in \r\n, and a
// byte-order mark in front of the first is no part of it.
//
// Everything is bytes, case-sensitive: names need not be UTF-8. Matching takes time in proportion
// to the length of the pattern times that of the path, whatever the pattern is.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace clip {

class IgnorePatterns {
 public:
  enum class Verdict { kNone, kExcluded, kIncluded };

  // Adds one pattern as it is: # begins no comment, and blanks at its end count. Throws Error
  // (kInvalidArgument) for one that nothing could match, such as "[a" or "".
  void add(std::string_view pattern);

  // Adds the lines of a file. As in git, lines that nothing could match are passed over.
  void add_file(std::string_view text);

  bool empty() const { return patterns_.empty(); }

  // What the last pattern that matches says of a file or a folder. `path` is relative to the folder
  // that the list is about. `by_name`: of the patterns that include again, only those count whose
  // last part begins with the path's own first character, not with a wildcard: !.name and !.*, but
  // not !*. As in shells, this is how hidden files are meant.
  Verdict match(std::string_view path, bool is_folder, bool by_name = false) const;

 private:
  using Set = std::bitset<256>;

  enum class TokenKind : std::uint8_t {
    kByte,
    kAnyByte,
    kSet,
    kStar,     // any bytes of one part of a path
    kSlash,    // the end of a part
    kFolders,  // "**/": any number of parts, or none
    kRest,     // "**" at the end: at least one part
  };
  struct Token {
    TokenKind kind;
    std::uint32_t value = 0;  // of kByte, and the place of kSet in sets_
  };

  enum class PatternKind : std::uint8_t { kLiteral, kSuffix, kGlob };
  struct Pattern {
    PatternKind kind = PatternKind::kGlob;
    bool negated = false;
    bool folders_only = false;
    bool is_path = false;              // compared with the whole path, not with its last part
    bool begins_literally = false;     // its last part does
    std::uint32_t begin = 0, end = 0;  // in tokens_ or, of kLiteral and kSuffix ("*end"), in bytes_
  };

  bool compile(std::string_view text);  // false: nothing could match it, and nothing is added
  bool compile_tokens(std::string_view text, Pattern* pattern);
  bool compile_set(std::string_view text, std::size_t* at);
  void simplify(Pattern* pattern);

  bool matches(const Pattern& pattern, std::string_view text) const;
  bool matches_path(const Token* token, const Token* end, std::string_view path) const;
  const Token* match_part(const Token* token, const Token* end, std::string_view part) const;
  bool matches_byte(const Token& token, unsigned char byte) const;

  std::vector<Pattern> patterns_;
  std::vector<Token> tokens_;
  std::vector<Set> sets_;
  std::string bytes_;
};

}  // namespace clip
