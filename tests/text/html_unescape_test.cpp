#include "text/clip_bpe/html_unescape.h"

#include <doctest/doctest.h>

using clip::html_unescape;
using clip::unescape_certain;

TEST_CASE("HTML references, with and without semicolon") {
  CHECK(html_unescape(U"&amp;&lt&eacute;&eacute") == U"&<éé");
  CHECK(html_unescape(U"&notit; &notin;") == U"¬it; ∉");
  CHECK(html_unescape(U"&bogus; &; & &#; &#x; &#xg") == U"&bogus; &; & &#; &#x; &#xg");
  CHECK(html_unescape(U"&amp;lt;") == U"&lt;");
  CHECK(html_unescape(U"&NotEqualTilde;") == U"\u2242\u0338");
}

TEST_CASE("numbers that are no characters") {
  CHECK(html_unescape(U"&#128;&#x9F;&#129;") == U"\u20ac\u0178\u0081");
  CHECK(html_unescape(U"&#0;&#xD800;&#x110000;&#99999999999999999999;") ==
        U"\ufffd\ufffd\ufffd\ufffd");
  CHECK(html_unescape(U"a&#1;b&#xFFFE;c&#13;") == U"abc\r");
  CHECK(html_unescape(U"&#65&#x42") == U"AB");
}

TEST_CASE("certain references have their semicolon and may be all capitals") {
  CHECK(unescape_certain(U"&eacute &eacute; &EACUTE; &COPY;") == U"&eacute é É ©");
  CHECK(unescape_certain(U"&notit; &#65 &#65; &#x41; &#6z;") == U"&notit; &#65 A A &#6z;");
  CHECK(unescape_certain(U"&amp;amp;lt;") == U"<");
}
