#include "text/clip_bpe/unicode.h"

#include <doctest/doctest.h>

TEST_CASE("UTF-8 decodes, and what is not UTF-8 becomes U+FFFD for each maximal part") {
  // Table 3-8 of the Unicode Standard.
  CHECK(clip::decode_utf8("\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64") ==
        U"\x61\ufffd\ufffd\ufffd\x62\ufffd\x63\ufffd\ufffd\x64");
  CHECK(clip::decode_utf8("é日\U0001F600") == U"é日\U0001F600");
  CHECK(clip::decode_utf8("") == U"");
  CHECK(clip::encode_utf8(U"é日\U0001F600") == "é日\U0001F600");
}

TEST_CASE("categories") {
  CHECK(clip::is_letter(U'ª'));
  CHECK(clip::is_number(U'½'));
  CHECK(clip::is_number(U'Ⅷ'));
  CHECK_FALSE(clip::is_letter(0x0301));
  CHECK(clip::is_white_space(0x3000));
  CHECK_FALSE(clip::is_white_space(0x200b));
}
