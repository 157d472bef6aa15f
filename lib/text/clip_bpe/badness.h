// Whether a text looks as if it had been decoded with the wrong encoding: ftfy's judgement, by
// neighbours that hardly ever stand together but for that mistake, such as a small accented letter
// and a currency sign.
//
// Source of the categories of characters and of the rules: ftfy 6.3, ftfy/badness.py, by Robyn
// Speer (Apache-2.0).
#pragma once

#include <string_view>

namespace clip {

bool looks_wrongly_decoded(std::u32string_view text);

}  // namespace clip
