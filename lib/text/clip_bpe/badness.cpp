#include "text/clip_bpe/badness.h"

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "text/clip_bpe/unicode.h"

namespace clip {
namespace {

enum Category : std::uint32_t {
  kCommon = 1 << 0,
  kC1 = 1 << 1,
  kBad = 1 << 2,
  kLaw = 1 << 3,
  kCurrency = 1 << 4,
  kStart = 1 << 5,  // punctuation that begins something
  kEnd = 1 << 6,    // and that ends it
  kNumeric = 1 << 7,
  kKaomoji = 1 << 8,
  kUpperAccented = 1 << 9,
  kLowerAccented = 1 << 10,
  kUpperCommon = 1 << 11,
  kLowerCommon = 1 << 12,
  kBox = 1 << 13,
  kAsciiUpper = 1 << 14,
  kAsciiLower = 1 << 15,
  // Those below are asked of Unicode, for the few rules that need them.
  kSpace = 1 << 16,
  kWord = 1 << 17,
  kAny = 1 << 18,
};
constexpr std::uint32_t kAsciiLetter = kAsciiUpper | kAsciiLower;

struct Range {
  char32_t first, last;
  std::uint32_t category;
};

// clang-format off
constexpr Range kRanges[] = {
    {'A', 'Z', kAsciiUpper}, {'a', 'z', kAsciiLower}, {0x80, 0x9f, kC1},
    {0xd2, 0xd6, kKaomoji}, {0xd9, 0xdc, kKaomoji}, {0xf2, 0xf6, kKaomoji}, {0xf8, 0xfc, kKaomoji},
    {0xc0, 0xd1, kUpperAccented}, {0xe0, 0xf1, kLowerAccented},
    {0x391, 0x3a9, kUpperCommon}, {0x401, 0x42f, kUpperCommon},
    {0x3b1, 0x3c9, kLowerCommon}, {0x430, 0x45f, kLowerCommon},
    {0x2550, 0x256c, kBox},
};

struct Characters {
  std::uint32_t category;
  std::u32string_view characters;
};

constexpr Characters kSingle[] = {
    {kCommon, U"\u00a0\u00ad\u00b7\u00b4\u2013\u2014\u2015\u2026\u2019"},
    {kBad, U"\u00a6\u00a4\u00a8\u00ac\u00af\u00b8\u0192\u02c6\u02c7\u02d8\u02db\u02dc\u2020\u2021"
           U"\u2030\u2310\u25ca\ufffd\u00aa\u00ba"},
    {kLaw, U"\u00b6\u00a7"},
    {kCurrency, U"\u00a2\u00a3\u00a5\u20a7\u20ac"},
    {kStart, U"\u00a1\u00ab\u00bf\u00a9\u0384\u0385\u2018\u201a\u201c\u201e\u2022\u2039\uf8ff"},
    {kEnd, U"\u00ae\u00bb\u02dd\u201d\u203a\u2122"},
    {kNumeric, U"\u00b2\u00b3\u00b9\u00b1\u00bc\u00bd\u00be\u00d7\u00b5\u00f7\u2044\u2202\u2206\u220f"
               U"\u2211\u221a\u221e\u2229\u222b\u2248\u2260\u2261\u2264\u2265\u2116"},
    {kKaomoji, U"\u0150\u014c\u016a\u0172\u00b0"},
    {kUpperAccented, U"\u00d8\u00dc\u00dd\u0102\u0100\u0104\u0106\u010c\u010e\u0110\u0118\u011a\u0112"
                     U"\u0116\u011e\u0122\u0130\u012a\u0136\u0139\u013d\u0141\u013b\u0143\u0147\u0145"
                     U"\u0152\u0158\u015a\u015e\u0160\u0162\u0164\u016e\u0170\u0178\u0179\u017b\u017d"
                     U"\u0490"},
    {kLowerAccented, U"\u00df\u0103\u0105\u0101\u0107\u010d\u010f\u0111\u0119\u011b\u0113\u0117\u011f"
                     U"\u0123\u012f\u012b\u0137\u013a\u013e\u0142\u013c\u0153\u0155\u015b\u015f\u0161"
                     U"\u0165\u00fc\u017a\u017c\u017e\u0491\ufb01\ufb02"},
    {kUpperCommon, U"\u00de\u0386\u0388\u0389\u038a\u038c\u038e\u038f\u03aa\u03ab"},
    {kLowerCommon, U"\u03ac\u03ad\u03ae\u03af\u03b0"},
    {kBox, U"\u2502\u250c\u2510\u2518\u251c\u2524\u252c\u253c\u2580\u2584\u2588\u258c\u2590\u2591"
           U"\u2592\u2593"},
};

// One character of a sequence: of one of the categories, or one of these characters.
struct Place {
  Place(std::uint32_t of, std::u32string_view also = {}) : categories(of), characters(also) {}
  Place(std::u32string_view one_of) : categories(0), characters(one_of) {}
  Place(const char32_t* one_of) : categories(0), characters(one_of) {}

  std::uint32_t categories;
  std::u32string_view characters;
};

struct Rule {
  std::vector<Place> places;
  bool at_start = false;  // of the text
};

// Each is a sequence of neighbours that speaks for a wrong decoding.
const std::vector<Rule>& rules() {
  constexpr std::uint32_t kAccented = kLowerAccented | kUpperAccented;
  constexpr std::uint32_t kNearBad =
      kAccented | kBox | kStart | kEnd | kCurrency | kNumeric | kLaw;
  // Windows-1252 for the second bytes of Arabic letters, which are common by themselves.
  const Place arabic(kCommon | kCurrency | kBad | kNumeric | kStart,
                     U"\u0178\u0160\u00ae\u00b0\u00b5\u00bb");
  static const std::vector<Rule> all = {
      {{kC1}},
      {{kBad | kNearBad, kBad}},
      {{kAsciiLetter, kLowerCommon | kUpperCommon, kBad}},
      {{kBad, kNearBad}},
      {{kLowerAccented | kLowerCommon | kBox | kEnd | kCurrency | kNumeric, kUpperAccented}},
      {{kBox | kEnd | kCurrency | kNumeric, kLowerAccented}},
      {{kLowerAccented | kBox | kEnd, kCurrency}},
      {{kSpace, kUpperAccented, kCurrency}},
      {{kUpperAccented | kBox, kNumeric | kLaw}},
      {{kAccented | kBox | kCurrency | kEnd, kStart, kNumeric}},
      {{kAccented | kCurrency | kNumeric | kBox | kLaw, kEnd, kStart}},
      {{kCurrency | kNumeric | kBox, kStart}},
      {{kAsciiLower, kUpperAccented, kStart | kCurrency}},
      {{kBox, kKaomoji}},
      {{kAccented | kCurrency | kNumeric | kStart | kEnd | kLaw, kBox}},
      {{kBox, kEnd}},
      {{kAccented, kStart | kEnd, kWord}},
      // Degree signs behind capital letters.
      {{kUpperAccented, U"\u00b0"}},
      // Pairs of Windows-1252.
      {{U"\u00c2\u00c3\u00ce\u00d0",
        {kStart | kEnd, U"\u20ac\u0153\u0160\u0161\u00a2\u00a3\u0178\u017e\u00a0\u00ad\u00ae\u00a9\u00b0"
                        U"\u00b7\u00bb\u2013\u2014\u00b4"}}},
      {{U"\u00d7", U"\u00b2\u00b3"}},
      {{U"\u00d8\u00d9", arabic, U"\u00d8\u00d9", arabic}},
      // Windows-1252 for alphabets of South Asia.
      {{U"\u00e0", U"\u00b2\u00b5\u00b9\u00bc\u00bd\u00be"}},
      // MacRoman.
      {{U"\u221a", U"\u00b1\u2202\u2020\u2260\u00ae\u2122\u00b4\u2264\u2265\u00a5\u00b5\u00f8"}},
      {{U"\u2248", U"\u00b0\u00a2"}},
      {{U"\u201a", U"\u00c4",
        U"\u00ec\u00ee\u00ef\u00f2\u00f4\u00fa\u00f9\u00fb\u2020\u00b0\u00a2\u03c0"}},
      {{U"\u201a", U"\u00e2\u00f3", U"\u00e0\u00e4\u00b0\u00ea"}},
      // Windows-1251: punctuation, Latin-1 or Cyrillic, and Latin-1 on top of it.
      {{U"\u0432", U"\u0402"}},
      {{U"\u0412\u0413\u0420\u0421", {kC1 | kBad | kStart | kEnd | kCurrency, U"\u00b0\u00b5"},
        U"\u0412\u0413\u0420\u0421"}},
      {{U"\u0413", U"\u045e", U"\u0412", U"\u0402", U"\u0412", kAny, {kAsciiLetter, U" "}}},
      // Windows-1252 of a with an accent, and of a no-break space.
      {{U"\u00c3", U"\u00a0\u00a1"}},
      {{kAsciiLower, kSpace, U"\u00c3\u00c2", U" "}},
      {{kAsciiLower, U"\u00c3\u00c2", U" "}},
      {{U"\u00c3\u00c2", U" "}, true},
      {{{kAsciiLower | kEnd, U".,?!"}, U"\u00c2", {kStart | kEnd, U" "}}},
      // Windows-1253: punctuation, and Latin-1 or Greek.
      {{U"\u03b2", U"\u20ac", U"\u2122\u00a0\u0386\u00ad\u00ae\u00b0"}},
      {{U"\u0392\u0393\u039e\u039f", {kC1 | kBad | kStart | kEnd | kCurrency, U"\u00b0"},
        U"\u0392\u0393\u039e\u039f"}},
      // Windows-1257: punctuation.
      {{U"\u0101", U"\u20ac"}},
  };
  return all;
}
// clang-format on

// The categories that do not need Unicode, of every character that has any.
class Categories {
 public:
  Categories() : table_(kTable) {
    for (const Range& range : kRanges) {
      for (char32_t c = range.first; c <= range.last; ++c) table_[c] |= range.category;
    }
    for (const Characters& single : kSingle) {
      for (const char32_t c : single.characters) {
        if (c < kTable) table_[c] |= single.category;
      }
    }
  }

  std::uint32_t of(char32_t c) const {
    if (c < kTable) return table_[c];
    switch (c) {
      case 0xfb01:
      case 0xfb02:
        return kLowerAccented;
      case 0xf8ff:
        return kStart;
      case 0xfffd:
        return kBad;
      default:
        return 0;
    }
  }

 private:
  static constexpr char32_t kTable = 0x2600;
  std::vector<std::uint32_t> table_;
};

// As Python's \s and \w.
bool is_space(char32_t c) {
  return (c >= 0x1c && c <= 0x1f) || is_white_space(c);
}
bool is_word(char32_t c) {
  return c == U'_' || is_letter(c) || is_number(c);
}

// A text with the categories of its characters.
class Judge {
 public:
  explicit Judge(std::u32string_view text) : text_(text) {
    static const Categories categories;
    of_.reserve(text.size());
    for (const char32_t c : text) {
      of_.push_back(categories.of(c));
      some_ = some_ || (c >= 0x80 && of_.back() != 0);
    }
  }

  bool finds_something() const {
    if (!some_) return false;
    for (std::size_t at = 0; at < text_.size(); ++at) {
      for (const Rule& rule : rules()) {
        if (begins(rule, at)) return true;
      }
      if (is_lone_ligature(at)) return true;
    }
    return false;
  }

 private:
  bool begins(const Rule& rule, std::size_t at) const {
    if (rule.at_start && at != 0) return false;
    if (rule.places.size() > text_.size() - at) return false;
    for (const Place& place : rule.places) {
      if (!fits(place, at++)) return false;
    }
    return true;
  }

  bool fits(const Place& place, std::size_t at) const {
    const char32_t c = text_[at];
    return (place.categories & of_[at]) != 0 ||
           place.characters.find(c) != std::u32string_view::npos ||
           ((place.categories & kSpace) != 0 && is_space(c)) ||
           ((place.categories & kWord) != 0 && is_word(c)) ||
           ((place.categories & kAny) != 0 && c != U'\n');
  }

  // OE and oe in front of what is no plain letter.
  bool is_lone_ligature(std::size_t at) const {
    return (text_[at] == 0x152 || text_[at] == 0x153) && at + 1 < text_.size() &&
           (of_[at + 1] & kAsciiLetter) == 0;
  }

  std::u32string_view text_;
  std::vector<std::uint32_t> of_;
  bool some_ = false;  // a character that is not ASCII has a category
};

}  // namespace

bool looks_wrongly_decoded(std::u32string_view text) {
  return Judge(text).finds_something();
}

}  // namespace clip
