// Strings of bytes: endings, lines, blanks, nearest names. For letters beyond ASCII see text/.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace clip {

bool starts_with(std::string_view text, std::string_view begin);
bool ends_with(std::string_view text, std::string_view end);

// A to Z become a to z; all other bytes stay.
std::string lower_ascii(std::string_view text);

// Without blanks and tabs at both ends.
std::string_view trimmed(std::string_view text);

// The last part of a path: what stands behind the last slash.
std::string_view base_name(std::string_view path);

// Behind the last dot of a path's base name, in lower case; empty where there is none.
std::string extension_of(std::string_view path);

// U+FEFF at the beginning of a UTF-8 text, which is no part of it.
std::string_view without_byte_order_mark(std::string_view text);

// The lines of a text, one after the other: without their ends, which are \n or \r\n, and without a
// byte-order mark in front of the first.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(without_byte_order_mark(text)) {}

  bool next(std::string_view* line);
  std::size_t number() const { return number_; }  // of the line given last, from 1

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

// How many letters have to be changed, put in, taken out or swapped with the next one to make one
// of the other, none of them twice (the optimal string alignment distance).
std::size_t edit_distance(std::string_view a, std::string_view b);

// The name with the smallest edit distance from `wanted`, letters in any case; of equal ones the
// first. Empty where there are no names.
std::string nearest_name(std::string_view wanted, const std::vector<std::string>& names);

// The nearest of those whose distance a slip of the finger explains: one letter, or a third of the
// name's. Empty where there is none.
std::string similar_name(std::string_view wanted, const std::vector<std::string>& names);

// Two lower-case digits a byte, and back; what are no such digits ends it.
std::string hex_of(std::string_view bytes);
std::string bytes_of_hex(std::string_view digits);

}  // namespace clip
