// The orientation in EXIF data and in XMP.
#include "image/exif.h"

#include "clip/error.h"
#include "fuzz.h"

void clip_fuzz::read_input(std::string_view input) {
  for (const auto orientation :
       {clip::find_exif_orientation(input), clip::find_xmp_orientation(input)}) {
    require(!orientation || (*orientation >= 1 && *orientation <= 8), "an orientation is 1 to 8");
  }
}
