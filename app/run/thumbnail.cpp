#include "run/thumbnail.h"

#include "clip/error.h"
#include "clip/image.h"
#include "image/thumbnail.h"
#include "pipeline/archive_member.h"
#include "terminal/hints.h"
#include "terminal/text.h"
#include "writers/html_report.h"

namespace clip_cli {

namespace {

// A large JPEG need not be decoded whole.
clip::Image decoded(const std::string& path, int side) {
  clip::DecodeOptions decode;
  decode.min_side_after_scaling = static_cast<std::uint64_t>(2 * side);
  if (const auto bytes = clip::archive_member(path))
    return clip::decode_bytes(*bytes, path, decode);
  return clip::decode_file(path, decode);
}

}  // namespace

std::string thumbnail_of(const std::string& path) {
  try {
    return clip::jpeg_thumbnail(decoded(path, kThumbnailSide), kThumbnailSide);
  } catch (const clip::Error&) {
    return "";
  }
}

std::string preview_of(const std::string& path, const Preview& preview) {
  try {
    return preview.of(decoded(path, preview.side()));
  } catch (const clip::Error& error) {
    return printable(message_of(error)) + '\n';
  }
}

}  // namespace clip_cli
