// Text in the columns of a terminal, where a letter takes one, a Chinese character or an emoji two,
// and an accent none.
#pragma once

#include <string>
#include <string_view>

namespace clip_cli {

// Of the terminal behind a descriptor, in columns; 80 where there is none to ask.
int terminal_width(int descriptor);

// `text` must be printable, as printable() makes it.
int display_width(std::string_view text);

// The text where it fits, else its beginning and an ellipsis; or, by cut_middle, its beginning, an
// ellipsis and its end, as suits a path.
std::string cut_to_width(std::string_view text, int width);
std::string cut_middle(std::string_view text, int width);

// With blanks behind it, up to `width` columns.
std::string padded(std::string text, int width);

}  // namespace clip_cli
