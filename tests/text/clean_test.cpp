#include "text/clip_bpe/clean.h"

#include <doctest/doctest.h>

using clip::clean;

TEST_CASE("white space collapses, case falls") {
  CHECK(clean("  A  Photo\tof\r\na\fCat \n") == "a photo of a cat");
  CHECK(clean("\u00a0A\u3000B\u2003") == "a b");
  CHECK(clean("") == "");
  CHECK(clean(" \t\n") == "");
}

TEST_CASE("lower case is Unicode's, final sigma included") {
  CHECK(clean("ΑΣ ΣΑΣ") == "ας σας");
  CHECK(clean("İ") == "i\u0307");
  CHECK(clean("ẞ") == "ß");
}

TEST_CASE("quotes, ligatures, widths and line breaks are made plain") {
  CHECK(clean("\u2018x\u2019 \u201cy\u201d") == "'x' \"y\"");
  CHECK(clean("o\ufb03ce \u01c9") == "office lj");
  CHECK(clean("\u0149a") == "'na");
  CHECK(clean("\uff21\uff42\uff13") == "ab3");
  CHECK(clean("a\u2028b") == "a b");
  CHECK(clean("e\u0301") == "é");
}

TEST_CASE("terminal escapes and control characters go; those of Windows-1252 are what they meant") {
  CHECK(clean("\x1b[31;1mred\x1b[0m") == "red");
  CHECK(clean("a\x01\x7f\ufeff"
              "b") == "ab");
  CHECK(clean("wait\u0085") == "wait…");
  CHECK(clean("\u0093q\u0094") == "\"q\"");
}

TEST_CASE("character references are resolved, in a text with < as HTML does alone") {
  CHECK(clean("&lt;b&gt; &amp;amp;") == "<b> &");
  CHECK(clean("&EACUTE;") == "é");
  CHECK(clean("x < y &EACUTE;") == "x < y &eacute;");
  CHECK(clean("&notit;") == "¬it;");
  CHECK(clean("&#x1F600; &#128; &#0;") == "😀 € \ufffd");
}
