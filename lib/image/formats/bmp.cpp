// BMP: a file header and a device-independent bitmap, or, as .dib, the bitmap alone.
#include "base/byte_reader.h"
#include "image/formats/dib.h"
#include "image/formats/formats.h"

namespace clip {
namespace {

constexpr std::uint64_t kFileHeader = 14;

bool has_file_header(std::string_view bytes) {
  return bytes.substr(0, 2) == "BM";
}

Dib read(std::string_view bytes) {
  if (!has_file_header(bytes)) return read_dib(bytes, 0, 0);
  return read_dib(bytes, kFileHeader, ByteReader(bytes, /*big_endian=*/false).u32(10));
}

bool matches(std::string_view bytes) {
  // Two letters begin many a text; a bitmap goes on with one of the known headers.
  return is_dib(bytes, has_file_header(bytes) ? kFileHeader : 0);
}

ImageHeader read_header(std::string_view bytes) {
  const Dib dib = read(bytes);
  ImageHeader header;
  header.width = dib.width;
  header.height = dib.height;
  return header;
}

Image decode(std::string_view bytes, const ImageHeader&, const DecodeOptions&,
             PixelBuffer* buffer) {
  return decode_dib(bytes, read(bytes), buffer);
}

}  // namespace

const ImageFormat kBmpFormat = {"BMP", "bmp dib", matches, read_header, decode};

}  // namespace clip
