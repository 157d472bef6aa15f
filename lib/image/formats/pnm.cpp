// PNM: the formats P1 to P6 of Netpbm, as Pillow reads them.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/byte_reader.h"
#include "image/formats/formats.h"
#include "image/formats/new_image.h"

namespace clip {
namespace {

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Reads the words of a header and of plain samples. A comment runs from "#" to the end of the line,
// also within a word, which goes on behind it.
class Words {
 public:
  Words(std::string_view bytes, std::size_t at) : bytes_(bytes), at_(at) {}

  std::size_t position() const { return at_; }

  // The next character that is of no comment; false at the end.
  bool next(char* c) {
    while (at_ < bytes_.size() && bytes_[at_] == '#') {
      at_ = std::min(bytes_.find_first_of("\r\n", at_), bytes_.size());
      if (at_ < bytes_.size()) ++at_;
    }
    if (at_ >= bytes_.size()) return false;
    *c = bytes_[at_++];
    return true;
  }

  // A number and the one space behind it. What is larger than 2^31 becomes that.
  std::uint64_t number() {
    char c = ' ';
    bool more = true;
    while (more && is_space(c)) more = next(&c);
    if (!more) throw Error(ErrorCode::kCorrupt, "it is cut short");
    std::uint64_t number = 0;
    for (; more && !is_space(c); more = next(&c)) {
      if (c < '0' || c > '9')
        throw Error(ErrorCode::kCorrupt, "it is damaged: a number is missing");
      number = std::min<std::uint64_t>(number * 10 + std::uint64_t(c - '0'), 1U << 31);
    }
    return number;
  }

  // A digit of a plain bitmap; no space is needed between two.
  bool bit() {
    char c = ' ';
    while (is_space(c)) {
      if (!next(&c)) throw Error(ErrorCode::kCorrupt, "it is cut short");
    }
    if (c != '0' && c != '1') {
      throw Error(ErrorCode::kCorrupt, "it is damaged: a bit is neither 0 nor 1");
    }
    return c == '1';
  }

 private:
  std::string_view bytes_;
  std::size_t at_;
};

struct Facts {
  ImageHeader header;
  PixelMode mode = PixelMode::kRgb;
  bool plain = false;      // samples are written as text
  std::uint64_t max = 1;   // the sample that is white
  std::size_t pixels = 0;  // where they begin
};

Facts facts_of(std::string_view bytes) {
  Facts facts;
  const char kind = bytes[1];
  Words words(bytes, 2);
  facts.header.width = words.number();
  facts.header.height = words.number();
  facts.plain = kind <= '3';
  if (kind == '1' || kind == '4') {
    facts.mode = PixelMode::kBilevel;
  } else {
    facts.max = words.number();
    if (facts.max == 0 || facts.max > 65535) {
      throw Error(ErrorCode::kCorrupt, "it is damaged: its largest value is out of range");
    }
    if (kind == '2' || kind == '5') {
      facts.mode = facts.max > 255 ? PixelMode::kInteger : PixelMode::kGray;
    }
  }
  facts.pixels = words.position();
  return facts;
}

// A sample as one of 8 bits, or of 16 in kInteger. Rounds half to even, as Python does.
class Scale {
 public:
  explicit Scale(const Facts& facts)
      : max_(facts.max), white_(facts.mode == PixelMode::kInteger ? 65535 : 255) {
    levels_.resize(max_ + 1);
    for (std::uint64_t i = 0; i <= max_; ++i) {
      const double share = static_cast<double>(i) / static_cast<double>(max_);
      levels_[i] = static_cast<std::uint16_t>(std::nearbyint(share * white_));
    }
  }
  std::uint16_t operator()(std::uint64_t sample) const { return levels_[std::min(sample, max_)]; }

 private:
  std::uint64_t max_;
  double white_;
  std::vector<std::uint16_t> levels_;
};

void store(std::uint8_t* to, PixelMode mode, std::uint64_t at, std::uint16_t level) {
  if (mode == PixelMode::kInteger) {
    std::memcpy(to + 2 * at, &level, 2);
  } else {
    to[at] = static_cast<std::uint8_t>(level);
  }
}

void read_plain(std::string_view bytes, const Facts& facts, std::uint64_t samples,
                std::uint8_t* to) {
  Words words(bytes, facts.pixels);
  const Scale scale(facts);
  for (std::uint64_t i = 0; i < samples; ++i) {
    const std::uint64_t sample = words.number();
    if (sample > facts.max) {
      throw Error(ErrorCode::kCorrupt, "it is damaged: a sample is larger than its largest value");
    }
    store(to, facts.mode, i, scale(sample));
  }
}

void read_raw(std::string_view data, const Facts& facts, std::uint64_t samples, std::uint8_t* to) {
  if (facts.max == 255) {
    std::memcpy(to, data.data(), static_cast<std::size_t>(samples));
    return;
  }
  const Scale scale(facts);
  const auto* from = reinterpret_cast<const std::uint8_t*>(data.data());
  const bool wide = facts.max > 255;
  for (std::uint64_t i = 0; i < samples; ++i, from += wide ? 2 : 1) {
    store(to, facts.mode, i, scale(wide ? from[0] << 8U | from[1] : from[0]));
  }
}

// 1 is black.
void read_bits(std::string_view bytes, const Facts& facts, const NewImage& made) {
  Words words(bytes, facts.pixels);
  const std::uint64_t width = facts.header.width, stride = (width + 7) / 8;
  for (std::uint64_t y = 0; y < facts.header.height; ++y) {
    std::uint8_t* row = made.row(y);
    for (std::uint64_t x = 0; x < width; ++x) {
      const bool black = facts.plain
                             ? words.bit()
                             : (bytes[facts.pixels + y * stride + x / 8] >> (7 - x % 8) & 1) != 0;
      row[x] = black ? 0 : 255;
    }
  }
}

bool matches(std::string_view bytes) {
  return bytes.size() >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' &&
         (bytes[2] == '#' || is_space(bytes[2]));
}

ImageHeader read_header(std::string_view bytes) {
  return facts_of(bytes).header;
}

// Throws unless the file can hold the pixels, before memory is taken for them.
void check_length(std::string_view bytes, const Facts& facts, std::uint64_t samples) {
  std::uint64_t size = samples * (facts.max > 255 ? 2 : 1);
  if (facts.mode == PixelMode::kBilevel) {
    size = facts.plain ? samples : (facts.header.width + 7) / 8 * facts.header.height;
  } else if (facts.plain) {
    size = 2 * samples - 1;  // a digit each, and the spaces between
  }
  ByteReader(bytes).view(facts.pixels, size);
}

Image decode(std::string_view bytes, const ImageHeader& header, const DecodeOptions&,
             PixelBuffer* buffer) {
  const Facts facts = facts_of(bytes);
  const int channels = facts.mode == PixelMode::kRgb ? 3 : 1;
  const std::uint64_t samples = header.width * header.height * static_cast<unsigned>(channels);
  check_length(bytes, facts, samples);
  const NewImage made = new_image(header, facts.mode, channels, buffer);
  if (facts.mode == PixelMode::kBilevel) {
    read_bits(bytes, facts, made);
  } else if (facts.plain) {
    read_plain(bytes, facts, samples, made.pixels);
  } else {
    read_raw(bytes.substr(facts.pixels), facts, samples, made.pixels);
  }
  return made.image;
}

}  // namespace

const ImageFormat kPnmFormat = {"PNM", "pbm pgm ppm pnm", matches, read_header, decode};

}  // namespace clip
