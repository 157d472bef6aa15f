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

TEST_CASE("text that was decoded with the wrong encoding is decoded again") {
  CHECK(clean("sch\u00c3\u00b6n") == "schön");
  CHECK(clean("it\u00e2\u20ac\u2122s") == "it's");
  CHECK(clean("sch\u00c3\u0192\u00c2\u00b6n") == "schön");      // twice
  CHECK(clean("voil\u00c3 le travail") == "voilà le travail");  // a no-break space became a space
  CHECK(clean("\u0420\u0457\u0421\u0402\u0420\u0451\u0420\u0406\u0420\u00b5\u0421\u201a") ==
        "привет");
  CHECK(clean("\u251c\u00a1") == "í");  // code page 437
  // One piece of a text that is right otherwise.
  CHECK(clean("\u732b and caf\u00c3\u00a9") == "猫 and café");
  CHECK(clean("\u00e2\u20ac\u0153quoted\u00e2\u20ac\ufffd") == "\"quoted\ufffd");
}

TEST_CASE("text that only looks strange is left as it is") {
  for (const char* text : {"tschüß", "10 × 20 µm", "привет", "ça va ?", "x² + y²", "猫", "¿qué?",
                           "(ò_ó)", "50 % ± 2", "naïve café", "æøå", "Å", "à la", "ö€"}) {
    CAPTURE(text);
    CHECK(clean(text) == (std::string_view(text) == "Å" ? "å" : text));
  }
}
