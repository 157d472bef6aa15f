// The repair of mojibake: text that was UTF-8 and has been decoded with another encoding, once or
// several times ("schÃ¶n" for "schön"). As ftfy 6.3's fix_encoding with its defaults.
//
// Source of the rules: ftfy 6.3 (ftfy/__init__.py, fixes.py, chardata.py, bad_codecs), by Robyn
// Speer (Apache-2.0).
#pragma once

#include <string>

namespace clip {

// The text, repaired until nothing looks wrongly decoded or nothing more can be done.
std::u32string fix_encoding(std::u32string text);

}  // namespace clip
