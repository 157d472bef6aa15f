// The table of image formats, which is the only list of them: a new format is a file and a row.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "image/formats/format.h"

namespace clip {

extern const ImageFormat kJpegFormat, kPngFormat, kWebpFormat, kTiffFormat, kBmpFormat, kPnmFormat;
extern const ImageFormat kGifFormat;
extern const ImageFormat kIcoFormat, kTgaFormat;
extern const ImageFormat kJpeg2000Format, kHeicFormat, kAvifFormat;

// In the order in which they are asked.
const std::vector<const ImageFormat*>& image_formats();

// The one that the bytes are of, or null.
const ImageFormat* format_of(std::string_view bytes);

// The same, by throwing Error (kUnsupported) that says what the file is, if that is known, or lists
// the formats. `path`: for its extension.
const ImageFormat& known_format_of(std::string_view bytes, std::string_view path = {});

// The format's header, its size checked: throws Error for an image without pixels, and for one of
// more than `max_pixels`.
ImageHeader read_header(const ImageFormat& format, std::string_view bytes,
                        std::uint64_t max_pixels);

}  // namespace clip
