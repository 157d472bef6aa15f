// The single-byte encodings that text is most often decoded with by mistake, as ftfy takes them, in
// the order in which it tries them. The tables are ICU's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace clip {

class CodePage {
 public:
  // kLoose: a byte that the encoding leaves unassigned stands for the control character of its
  // number, as in browsers, and 0x1A for U+FFFD, a character that was lost.
  enum class Gaps { kNone, kLoose };

  // `name`: ICU's.
  CodePage(const char* name, Gaps gaps);

  const std::string& name() const { return name_; }
  bool is_loose() const { return gaps_ == Gaps::kLoose; }

  char32_t character(std::uint8_t byte) const { return characters_[byte]; }

  // The bytes of a text; nothing where a character has none.
  std::optional<std::string> encode(std::u32string_view text) const;

 private:
  std::string name_;
  Gaps gaps_;
  std::array<char32_t, 256> characters_;
  std::unordered_map<char32_t, std::uint8_t> bytes_;
};

// Made by the first call.
const std::vector<CodePage>& code_pages();

}  // namespace clip
