// Splits cleaned text into the words that byte-pair encoding works on, as CLIP's pattern does:
//   <|startoftext|> | <|endoftext|> | 's | 't | 're | 've | 'm | 'll | 'd
//   | letters | one number | anything else but white space
// matched without regard to case, the first alternative that fits at each place.
#pragma once

#include <functional>
#include <string_view>

namespace clip {

// Calls `use` for each word of `text`, which is UTF-8, in order.
void for_each_word(std::string_view text, const std::function<void(std::string_view)>& use);

}  // namespace clip
