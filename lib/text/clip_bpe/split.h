// Splits cleaned text into the words that byte-pair encoding works on, as CLIP's pattern does:
//   <|startoftext|> | <|endoftext|> | 's | 't | 're | 've | 'm | 'll | 'd
//   | letters | one number | anything else but white space
// matched without regard to case, the first alternative that fits at each place.
#pragma once

#include <cstddef>
#include <string_view>

namespace clip {

// The next word of `text`, which is UTF-8, at or behind byte `*at`, which moves behind it; empty
// when there is none.
std::string_view next_word(std::string_view text, std::size_t* at);

}  // namespace clip
