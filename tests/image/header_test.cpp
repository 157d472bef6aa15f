#include <doctest/doctest.h>
#include <zlib.h>

#include <random>

#include "clip/error.h"
#include "image/exif.h"
#include "image/formats/formats.h"
#include "support.h"

using clip_test::contains;

namespace {

constexpr std::uint64_t kLimit = 500'000'000;

std::string big_endian(std::uint32_t value) {
  return {char(value >> 24), char(value >> 16), char(value >> 8), char(value)};
}

std::string chunk(const std::string& type, const std::string& data) {
  const std::string covered = type + data;
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(covered.data()), uInt(covered.size()));
  return big_endian(std::uint32_t(data.size())) + covered + big_endian(std::uint32_t(crc));
}

std::string png(std::uint32_t width, std::uint32_t height) {
  const std::string size = big_endian(width) + big_endian(height);
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", size + std::string("\x08\x02\x00\x00\x00", 5)) +
         chunk("IDAT", "data") + chunk("IEND", "");
}

clip::ImageHeader read_header(const std::string& bytes, std::uint64_t limit) {
  return clip::read_header(clip::known_format_of(bytes), bytes, limit);
}

std::string header_error(const std::string& bytes, std::uint64_t limit = kLimit) {
  return clip_test::error_of([&] { read_header(bytes, limit); });
}

// An EXIF block with one tag, in either byte order.
std::string exif(bool big, int orientation) {
  const auto put = [&](int value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) {
      text += char(value >> 8 * (big ? bytes - 1 - i : i));
    }
    return text;
  };
  return (big ? "MM" : "II") + put(42, 2) + put(8, 4) + put(1, 2) + put(0x112, 2) + put(3, 2) +
         put(1, 4) + put(orientation, 2) + put(0, 2) + put(0, 4);
}

}  // namespace

TEST_CASE("size and mode come from the header") {
  const auto header = read_header(png(640, 480), kLimit);
  CHECK(clip::format_of(png(640, 480)) == &clip::kPngFormat);
  CHECK(header.width == 640);
  CHECK(header.height == 480);
}

TEST_CASE("what is too large is refused from its header, whatever follows it") {
  CHECK(contains(header_error(png(30000, 30000)), "30000 x 30000"));
  CHECK(contains(header_error(png(30000, 30000)), "the limit is 500"));
  try {
    read_header(png(30000, 30000), kLimit);
  } catch (const clip::Error& error) {
    CHECK(error.code() == clip::ErrorCode::kLimit);
    CHECK(error.hint() == clip::Hint::kRaisePixelLimit);
  }
  CHECK(contains(header_error(png(2000000, 1)), "longest side"));
  CHECK(header_error(png(30000, 30000), 900'000'000) == "");
  CHECK(contains(header_error(png(0, 5)), "no pixels"));
  const std::string jpeg("\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03", 12);
  CHECK(contains(header_error(jpeg + std::string(9, '\1') + "\xff\xda" + std::string("\0\3\3", 3)),
                 "65535 x 65535"));
  CHECK(contains(header_error("P6 99999999999999999999 99999999999 255 "), "longest side"));
  CHECK(contains(header_error("P6 60000 60000 255 "), "the limit is 500"));
}

TEST_CASE("damage is told from other files") {
  CHECK(contains(header_error("GIF88a..."), "unsupported image format"));
  CHECK(contains(header_error("GIF89a..."), "cut short"));
  CHECK(contains(header_error("x"), "unsupported image format"));
  CHECK(contains(header_error(png(5, 5).substr(0, 40)), "cut short"));
  std::string changed = png(5, 5);
  changed[changed.find("IHDR") + 5] ^= 1;
  CHECK(contains(header_error(changed), "IHDR fails its checksum"));
  CHECK(contains(header_error("\xff\xd8\xff\xd9"), "no image data"));
}

TEST_CASE("trailing bytes are no damage") {
  CHECK(header_error(png(5, 5) + "garbage") == "");
}

TEST_CASE("EXIF orientation in both byte orders") {
  for (const bool big : {false, true}) {
    for (int orientation = 1; orientation <= 8; ++orientation) {
      CHECK(clip::exif_orientation(exif(big, orientation)) == orientation);
    }
    CHECK(clip::exif_orientation(exif(big, 9)) == 1);
    CHECK(clip::exif_orientation(exif(big, 6).substr(0, 15)) == 1);
  }
  CHECK(clip::exif_orientation("") == 1);
  CHECK(clip::find_exif_orientation(exif(true, 9)) == 1);
  CHECK_FALSE(clip::find_exif_orientation("II*").has_value());
}

TEST_CASE("XMP orientation as an attribute and as an element") {
  CHECK(clip::find_xmp_orientation("<a tiff:Orientation=\"6\"/>") == 6);
  CHECK(clip::find_xmp_orientation("<tiff:Orientation>8</tiff:Orientation>") == 8);
  CHECK(clip::find_xmp_orientation("tiff:Orientation tiff:Orientation=\"3\"") == 3);
  CHECK(clip::find_xmp_orientation("tiff:Orientation=\"9\"") == 1);
  for (const char* none : {"", "tiff:Orientation", "tiff:Orientation=\"", "tiff:Orientation='6'",
                           "Orientation=\"6\"", "tiff:Orientation>"}) {
    CHECK_FALSE(clip::find_xmp_orientation(none).has_value());
  }
}

TEST_CASE(
    "random bytes behind every signature are refused or read, and never more than there are") {
  std::mt19937 random(5);
  const std::string signatures[] = {std::string("\xff\xd8\xff", 3),
                                    std::string("\x89PNG\r\n\x1a\n", 8),
                                    "RIFF\x40\1\1\1WEBP",
                                    "GIF89a",
                                    "GIF87a\1\1\1\1\1",
                                    std::string("II\x2a\0", 4),
                                    std::string("MM\0\x2a", 4),
                                    std::string("BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0", 18),
                                    std::string("\0\0\1\0\1\0", 6),
                                    std::string("\0\0\2\0\1\0", 6),
                                    std::string("\0\0\x0a\0\0\0\0\0", 8),
                                    "P1 ",
                                    "P5\n",
                                    "P6 "};
  for (const std::string& signature : signatures) {
    for (int i = 0; i < 3000; ++i) {
      std::string bytes = signature;
      const std::size_t size = random() % 400;
      // Small numbers are likelier to be taken for counts and offsets that fit.
      for (std::size_t j = 0; j < size; ++j) {
        bytes += static_cast<char>(random() % 3 != 0 ? random() % 12 : random());
      }
      header_error(bytes);
    }
  }
}

TEST_CASE("signatures") {
  CHECK(clip::format_of("\xff\xd8\xff\xe0") == &clip::kJpegFormat);
  CHECK(clip::format_of(std::string("BM\0\0\0\0\0\0\0\0\0\0\0\0\x0c\0\0\0\2\0\2\0\1\0\x18\0"
                                    "\0\0\0\0",
                                    30)) == &clip::kBmpFormat);
  CHECK(clip::format_of("BMW is a make of cars") == nullptr);
  CHECK(clip::format_of("P1") == nullptr);
  CHECK(clip::format_of("P6 2 2") == &clip::kPnmFormat);
  CHECK(clip::format_of("GIF87a") == &clip::kGifFormat);
  CHECK(clip::format_of("GIF89a") == &clip::kGifFormat);
  CHECK(clip::format_of("") == nullptr);
  // A TGA has no signature.
  std::string tga("\0\0\2\0\0\0\0\0\0\0\0\0\2\0\2\0\x18\0", 18);
  CHECK(clip::format_of(tga) == &clip::kTgaFormat);
  for (std::size_t at = 0; at < tga.size(); ++at) {
    std::string other = tga;
    other[at] = static_cast<char>(0xc3);
    const bool may_differ = at == 0 || (at >= 8 && at < 16);  // the name's length, place and size
    CHECK((clip::format_of(other) == &clip::kTgaFormat) == may_differ);
  }
  CHECK(clip::format_of(tga.substr(0, 17)) == nullptr);
  CHECK(clip::format_of(std::string(64, '\0')) == nullptr);
}
