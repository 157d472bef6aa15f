// PNG: W3C Recommendation, third edition; of an APNG the default image. What is refused and what is
// passed over is as in Pillow, but for damage in chunks that do not make the pixels, which is of no
// consequence here.
#define ZLIB_CONST  // input is not written to
#include <zlib.h>

#include <algorithm>
#include <optional>

#include "base/byte_reader.h"
#include "base/utf8.h"
#include "image/exif.h"
#include "image/formats/formats.h"
#include "image/pixel_buffer.h"
#include "image/png_pixels.h"

namespace clip {
namespace {

constexpr std::uint64_t kSignature = 8;  // bytes

[[noreturn]] void damaged(const std::string& how) {
  throw Error(ErrorCode::kCorrupt, "it is damaged: " + how);
}

struct Chunk {
  std::string_view type;
  std::uint64_t content = 0, length = 0;  // in bytes; no further than the length is checked

  std::uint64_t end() const { return content + length + 4; }  // with the CRC
  bool is_critical() const { return type[0] >= 'A' && type[0] <= 'Z'; }
  bool is_data() const { return type == "IDAT" || type == "DDAT" || type == "fdAT"; }
};

// The one that begins at `at`; nothing where the bytes end, or are no chunk.
std::optional<Chunk> chunk_at(const ByteReader& reader, std::uint64_t at) {
  if (!reader.holds(at, 8)) return std::nullopt;
  const Chunk chunk = {reader.view(at + 4, 4), at + 8, reader.u32(at)};
  for (const char letter : chunk.type) {
    const bool is_letter = (letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z');
    if (!is_letter && letter != '_' && (letter < '0' || letter > '9')) return std::nullopt;
  }
  return chunk;
}

// What has a say in the orientation, of the chunks taken so far.
class Metadata {
 public:
  void take(const Chunk& chunk, std::string_view content) {
    if (chunk.type == "eXIf") exif_ = content;
    if (chunk.type == "tEXt") take_text(content);
    if (chunk.type == "zTXt") take_compressed_text(content);
    if (chunk.type == "iTXt") take_international_text(content);
  }

  int orientation() const {
    std::optional<int> found;
    if (exif_) {
      found = find_exif_orientation(*exif_);
    } else if (raw_profile_) {
      found = find_exif_orientation(bytes_of_raw_profile(*raw_profile_));
    }
    if (!found && xmp_) found = find_xmp_orientation(*xmp_);
    return found.value_or(1);
  }

 private:
  static constexpr std::string_view kRawProfile = "Raw profile type exif";
  static constexpr std::string_view kXmp = "XML:com.adobe.xmp";

  static bool matters(std::string_view key) { return key == kRawProfile || key == kXmp; }

  // Cuts off what stands before a NUL; all of it where there is none.
  static std::string_view take_until_nul(std::string_view* text) {
    const std::string_view head = text->substr(0, text->find('\0'));
    text->remove_prefix(std::min(head.size() + 1, text->size()));
    return head;
  }

  void keep(std::string_view key, std::string text) {
    (key == kXmp ? xmp_ : raw_profile_) = std::move(text);
  }

  void take_text(std::string_view content) {
    const std::string_view key = take_until_nul(&content);
    if (key == "exif") exif_ = content;
    if (matters(key)) keep(key, std::string(content));
  }

  void take_compressed_text(std::string_view content) {
    const std::string_view key = take_until_nul(&content);
    if (!matters(key) || (!content.empty() && content[0] != 0)) return;
    keep(key, inflated(content.substr(std::min<std::size_t>(content.size(), 1))).value_or(""));
  }

  // Those that are no UTF-8 are passed over.
  void take_international_text(std::string_view content) {
    const std::string_view key = take_until_nul(&content);
    if (!matters(key) || content.size() < 2) return;
    const bool compressed = content[0] != 0, by_deflate = content[1] == 0;
    content.remove_prefix(2);
    for (int part = 0; part < 2; ++part) {  // the language, and the key in it
      if (content.find('\0') == std::string_view::npos || !is_utf8(take_until_nul(&content))) {
        return;
      }
    }
    if (compressed && !by_deflate) return;
    const auto text = compressed ? inflated(content) : std::optional(std::string(content));
    if (text && is_utf8(*text)) keep(key, *text);
  }

  // Nothing for damaged data; what is there of data that are cut short. Bounded, in one text and in
  // all, for a kilobyte may be made to give a megabyte.
  std::optional<std::string> inflated(std::string_view data) {
    constexpr std::size_t kMaxText = 1 << 20, kMaxTexts = 64 * kMaxText;
    if (inflated_ >= kMaxTexts) return std::nullopt;
    std::string text(kMaxText, '\0');
    z_stream stream = {};
    if (inflateInit(&stream) != Z_OK) return std::nullopt;
    stream.next_in = reinterpret_cast<const Bytef*>(data.data());
    stream.avail_in = static_cast<uInt>(std::min<std::size_t>(data.size(), 0x7fffffff));
    stream.next_out = reinterpret_cast<Bytef*>(text.data());
    stream.avail_out = static_cast<uInt>(text.size());
    const int status = inflate(&stream, Z_NO_FLUSH);
    const bool whole = status == Z_STREAM_END || stream.avail_in == 0;
    text.resize(text.size() - stream.avail_out);
    inflateEnd(&stream);
    inflated_ += text.size();
    const bool valid = status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR;
    return valid && whole ? std::optional(text) : std::nullopt;
  }

  // ImageMagick's: three lines that say what it is, then pairs of hexadecimal digits, with white
  // space between them. Empty where anything else is among them.
  static std::string bytes_of_raw_profile(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (int line = 0; line < 3; ++line) {
      const std::size_t end = text.find('\n');
      if (end == std::string_view::npos) return "";
      text.remove_prefix(end + 1);
    }
    const auto value = [&](char digit) {
      return kDigits.find(digit >= 'A' && digit <= 'F' ? static_cast<char>(digit + 32) : digit);
    };
    // A line may end within a pair; other white space may not be there.
    std::string digits(text);
    digits.erase(std::remove(digits.begin(), digits.end(), '\n'), digits.end());
    std::string bytes;
    for (std::size_t at = 0; at < digits.size(); ++at) {
      if (digits[at] == ' ' || (digits[at] >= '\t' && digits[at] <= '\r')) continue;
      if (at + 1 == digits.size()) return "";
      const std::size_t high = value(digits[at]), low = value(digits[++at]);
      if (high == std::string_view::npos || low == std::string_view::npos) return "";
      bytes += static_cast<char>(high << 4 | low);
    }
    return bytes;
  }

  std::optional<std::string_view> exif_;
  std::optional<std::string> raw_profile_, xmp_;
  std::size_t inflated_ = 0;  // bytes
};

struct Facts {
  ImageHeader header;
  PngLayout layout;
  std::uint64_t first_data = 0;  // where the first chunk of pixels begins
};

// The chunks before the pixels.
class Head {
 public:
  void take(const Chunk& chunk, std::string_view content) {
    const ByteReader reader(content);
    if (chunk.type == "CgBI") {
      throw Error(ErrorCode::kUnsupported,
                  "it is a PNG of Apple's own kind (CgBI), which is not supported; convert it");
    }
    if (chunk.type == "IHDR") take_header(reader);
    if (chunk.type == "PLTE") palette_ = content;
    if (chunk.type == "acTL" && content.size() >= 8) take_animation(reader.u32(0));
    if (chunk.type == "fcTL" && content.size() >= 26) take_frame(reader);
  }

  bool begun() const { return begun_; }

  // Whether further frames follow the pixels.
  bool is_animated() const {
    const std::uint64_t default_image = region_ ? 0 : 1;
    return frames_ && *frames_ + default_image > 1;
  }

  PngLayout layout() const {
    PngLayout layout = layout_;
    layout.region = region_;
    // Entries that are missing are gray.
    for (std::size_t i = 0; i < 256; ++i) layout.palette[i].fill(static_cast<std::uint8_t>(i));
    if (layout.color != PngColor::kPalette) return layout;
    if (palette_.size() / 3 > 256) damaged("its palette has more than 256 colours");
    for (std::size_t i = 0; i < palette_.size() / 3; ++i) {
      for (std::size_t channel = 0; channel < 3; ++channel) {
        layout.palette[i][channel] = static_cast<std::uint8_t>(palette_[3 * i + channel]);
      }
    }
    return layout;
  }

 private:
  void take_header(const ByteReader& reader) {
    if (reader.size() < 13) damaged("its header is too short");
    begun_ = true;
    layout_.width = reader.u32(0);
    layout_.height = reader.u32(4);
    layout_.depth = static_cast<int>(reader.u8(8));
    layout_.color = static_cast<PngColor>(reader.u8(9));
    layout_.interlaced = reader.u8(12) != 0;
    if (!is_valid(layout_)) damaged("it has a colour type or a depth that PNG has not");
    if (reader.u8(11) != 0) damaged("its filter method is unknown");
  }

  // As in Pillow, a second one unsays the first.
  void take_animation(std::uint32_t frames) {
    if (frames_) {
      frames_.reset();
    } else if (frames > 0 && frames <= 0x80000000) {
      frames_ = frames;
    }
  }

  // The first frame of an APNG, which the pixels are.
  void take_frame(const ByteReader& reader) {
    const std::uint64_t left = reader.u32(12), top = reader.u32(16);
    const std::uint64_t width = reader.u32(4), height = reader.u32(8);
    if (left + width > layout_.width || top + height > layout_.height) return;
    region_ = PngRegion{left, top, width, height};
  }

  bool begun_ = false;
  PngLayout layout_;
  std::string_view palette_;
  std::optional<std::uint64_t> frames_;
  std::optional<PngRegion> region_;
};

// The content of a chunk that has to be there as a whole.
std::string_view content_of(const ByteReader& reader, const Chunk& chunk) {
  return reader.view(chunk.content, chunk.length);
}

// Pillow refuses each wrong CRC in front of the pixels; here what is not needed for them may be
// wrong, and is passed over.
bool has_right_crc(const ByteReader& reader, const Chunk& chunk) {
  const std::string_view covered = reader.view(chunk.content - 4, chunk.length + 4);
  const std::uint32_t crc = reader.u32(chunk.content + chunk.length);
  if (crc32_z(0, reinterpret_cast<const Bytef*>(covered.data()), covered.size()) == crc) {
    return true;
  }
  if (chunk.is_critical()) damaged("its chunk " + std::string(chunk.type) + " fails its checksum");
  return false;
}

Facts facts_of(std::string_view bytes) {
  const ByteReader reader(bytes);
  Head head;
  Metadata metadata;
  std::uint64_t at = kSignature;
  std::optional<Chunk> chunk;
  for (;; at = chunk->end()) {
    reader.view(at, 8);
    chunk = chunk_at(reader, at);
    if (!chunk) damaged("it has bytes where a chunk should begin");
    if (chunk->type == "IDAT" || chunk->type == "fdAT") break;
    if (chunk->type == "IEND") damaged("it holds no image data");
    const std::string_view content = content_of(reader, *chunk);
    if (!has_right_crc(reader, *chunk)) continue;
    head.take(*chunk, content);
    metadata.take(*chunk, content);
  }
  if (!head.begun()) damaged("its data come before its size");
  Facts facts;
  facts.first_data = at;
  facts.layout = head.layout();
  facts.header.width = facts.layout.width;
  facts.header.height = facts.layout.height;
  facts.header.decode_bytes = (facts.header.width * facts.header.height + 4 * facts.header.width) *
                              pixel_bytes(facts.layout);

  // Whether the pixels are all there is found when they are decoded; Pillow does not miss IEND, nor
  // look at any further CRC.
  while (chunk && chunk->is_data()) chunk = chunk_at(reader, chunk->end());
  for (; chunk && chunk->type != "IEND"; chunk = chunk_at(reader, chunk->end())) {
    if (chunk->type == "fcTL" && head.is_animated()) break;
    metadata.take(*chunk, content_of(reader, *chunk));
  }
  facts.header.orientation = metadata.orientation();
  return facts;
}

bool matches(std::string_view bytes) {
  return ByteReader(bytes).starts_with(0, std::string_view("\x89PNG\r\n\x1a\n", kSignature));
}

ImageHeader read_header(std::string_view bytes) {
  return facts_of(bytes).header;
}

// The compressed pixels, piece by piece, as Pillow reads them: whether a file that ends early has
// all of them depends on that.
class Pieces {
 public:
  Pieces(std::string_view bytes, std::uint64_t first) : reader_(bytes), next_(first) {}

  // Empty behind the last one.
  std::string_view next() {
    constexpr std::uint64_t kPiece = 65536;
    while (left_ == 0) {
      const auto chunk = chunk_at(reader_, next_);
      if (!chunk || !chunk->is_data()) return {};
      // The data of further frames of an APNG have a number in front.
      const std::uint64_t number = chunk->type == "fdAT" ? 4 : 0;
      if (chunk->length < number) return {};
      at_ = chunk->content + number;
      left_ = chunk->length - number;
      next_ = chunk->end();
    }
    const std::uint64_t there = at_ < reader_.size() ? reader_.size() - at_ : 0;
    const std::uint64_t size = std::min({kPiece, left_, there});
    const std::string_view piece = size == 0 ? std::string_view() : reader_.view(at_, size);
    at_ += size;
    left_ -= size;
    return piece;
  }

  // Data that follow the pixels are not used, but have to be whole.
  void check_rest() const {
    for (auto chunk = chunk_at(reader_, next_); chunk && chunk->is_data();
         chunk = chunk_at(reader_, chunk->end())) {
      content_of(reader_, *chunk);
    }
  }

 private:
  const ByteReader reader_;
  std::uint64_t next_;               // where the next chunk begins
  std::uint64_t at_ = 0, left_ = 0;  // in the present one
};

Image decode(std::string_view bytes, const ImageHeader&, const DecodeOptions&,
             PixelBuffer* buffer) {
  const Facts facts = facts_of(bytes);
  Pieces pieces(bytes, facts.first_data);
  const auto next = [&pieces] { return pieces.next(); };
  const Image image = decode_png(facts.layout, next, buffer);
  pieces.check_rest();
  return image;
}

}  // namespace

const ImageFormat kPngFormat = {"PNG", "png apng", matches, read_header, decode};

}  // namespace clip
