// HTML character references back to characters, in the two ways that CLIP's text goes through.
#pragma once

#include <string>

namespace clip {

// As a browser does, and Python's html.unescape: names with or without semicolon, the longest that
// fits ("&notit;" is "¬it;"), decimal and hexadecimal numbers. HTML Living Standard, 13.2.5.72.
std::u32string html_unescape(const std::u32string& text);

// As ftfy does: only what is unmistakable, "&name;" and "&#number;" with their semicolon, and
// all-capital names. What comes out as "&" may begin another reference, which is resolved too.
std::u32string unescape_certain(const std::u32string& text);

}  // namespace clip
