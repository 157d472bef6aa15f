#include "run/thumbnail.h"

#include "clip/error.h"
#include "clip/image.h"
#include "image/thumbnail.h"
#include "writers/html_report.h"

namespace clip_cli {

std::string thumbnail_of(const std::string& path) {
  try {
    clip::DecodeOptions decode;
    decode.min_side_after_scaling = 2 * kThumbnailSide;  // a large JPEG need not be decoded whole
    return clip::jpeg_thumbnail(clip::decode_file(path, decode), kThumbnailSide);
  } catch (const clip::Error&) {
    return "";
  }
}

}  // namespace clip_cli
