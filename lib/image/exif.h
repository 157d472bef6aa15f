// The orientation that a file's metadata give, as Pillow's ImageOps.exif_transpose follows it: in a
// block of EXIF data, which is a small TIFF file, and in XMP.
#pragma once

#include <optional>
#include <string_view>

namespace clip {

// 1 to 8. Nothing where the block is no EXIF, ends before its orientation, or has none. An
// orientation of which nothing follows, say 9 or a text, is 1: it is there, and XMP is not asked.
// The prefix "Exif\0\0" may be there or not.
std::optional<int> find_exif_orientation(std::string_view exif);

// The same; 1 when there is none: an image is shown as stored then, as by every viewer.
int exif_orientation(std::string_view exif);

// The tiff:Orientation of an XMP packet, as an attribute or an element.
std::optional<int> find_xmp_orientation(std::string_view xmp);

}  // namespace clip
