// Which bytes are UTF-8. For what characters mean see text/clip_bpe/unicode.h.
#pragma once

#include <cstddef>
#include <string_view>

namespace clip {

// Bytes of the UTF-8 sequence that begins at text[at], or 0 when none does. Overlong forms,
// surrogates, and what is above U+10FFFF are none (the Unicode Standard, table 3-7).
std::size_t utf8_sequence_length(std::string_view text, std::size_t at);

bool is_utf8(std::string_view text);

}  // namespace clip
