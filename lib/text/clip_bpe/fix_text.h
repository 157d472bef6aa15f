// The repairs that ftfy.fix_text 6 makes with its defaults: character references, wrongly decoded
// text (mojibake.h), terminal escapes, ligatures, widths, quotes, line breaks, control characters,
// and normal form C.
#pragma once

#include <string>

namespace clip {

std::u32string fix_text(const std::u32string& text);

}  // namespace clip
