#include "image/png_encode.h"

#define ZLIB_CONST  // input is not written to
#include <zlib.h>

#include <cstdint>
#include <string_view>

#include "clip/error.h"

namespace clip {
namespace {

std::string big_endian(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::string chunk(std::string_view type, std::string_view content) {
  const std::string covered = std::string(type) + std::string(content);
  const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(covered.data()), covered.size());
  return big_endian(static_cast<std::uint32_t>(content.size())) + covered +
         big_endian(static_cast<std::uint32_t>(crc));
}

// Each row as its difference from the one above (filter type 2), which suits flat areas.
std::string filtered(const Image& image) {
  const std::int64_t row_size = image.width * image.channels;
  std::string rows;
  rows.reserve(static_cast<std::size_t>((row_size + 1) * image.height));
  for (std::int64_t y = 0; y < image.height; ++y) {
    const std::uint8_t* row = image.row(y);
    rows += '\2';
    for (std::int64_t i = 0; i < row_size; ++i) {
      rows += static_cast<char>(row[i] - (y > 0 ? image.row(y - 1)[i] : 0));
    }
  }
  return rows;
}

}  // namespace

std::string encode_png(const Image& image) {
  const std::string rows = filtered(image);
  uLongf size = compressBound(rows.size());
  std::string compressed(size, '\0');
  const int result =
      compress2(reinterpret_cast<Bytef*>(compressed.data()), &size,
                reinterpret_cast<const Bytef*>(rows.data()), rows.size(), Z_DEFAULT_COMPRESSION);
  if (result != Z_OK) throw Error(ErrorCode::kInternal, "zlib cannot compress it");
  compressed.resize(size);
  // 8 bits a sample; gray or RGB; deflate, the five filters, not interlaced.
  const char kind[] = {8, image.channels == 1 ? '\0' : '\2', 0, 0, 0};
  return "\x89PNG\r\n\x1a\n" +
         chunk("IHDR", big_endian(static_cast<std::uint32_t>(image.width)) +
                           big_endian(static_cast<std::uint32_t>(image.height)) +
                           std::string(kind, sizeof kind)) +
         chunk("IDAT", compressed) + chunk("IEND", "");
}

}  // namespace clip
