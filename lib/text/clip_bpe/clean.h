// The cleaning that OpenAI's tokenizer does before it splits a text: repair (fix_text), resolve
// HTML references twice, collapse white space, lower the case.
#pragma once

#include <string>
#include <string_view>

namespace clip {

// Takes any bytes; gives UTF-8 without white space at the ends and single spaces inside.
std::string clean(std::string_view text);

}  // namespace clip
