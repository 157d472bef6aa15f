// WebP: RFC 9649, by libwebp and its demultiplexer. Of an animation the first frame, on the canvas,
// which is black and transparent where the frame is not: the colour of the background is for
// players, and Pillow leaves it alone.
#include <webp/decode.h>
#include <webp/demux.h>

#include <cstring>
#include <memory>

#include "base/byte_reader.h"
#include "image/exif.h"
#include "image/formats/formats.h"
#include "image/pixel_buffer.h"

namespace clip {
namespace {

[[noreturn]] void damaged() {
  throw Error(ErrorCode::kCorrupt, "it is damaged: its WebP data cannot be decoded");
}

// A file's structure: canvas, frames, metadata. Refers to the bytes.
class Demuxer {
 public:
  explicit Demuxer(std::string_view bytes) {
    const std::uint64_t end = 8 + std::uint64_t{ByteReader(bytes, /*big_endian=*/false).u32(4)};
    if (end > bytes.size()) throw Error(ErrorCode::kCorrupt, "it is cut short");
    const WebPData data = {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
    demuxer_.reset(WebPDemux(&data));
    if (demuxer_ == nullptr || !WebPDemuxGetFrame(demuxer_.get(), 1, &frame_)) {
      throw Error(ErrorCode::kCorrupt, "it is damaged: it holds no whole image");
    }
  }
  ~Demuxer() { WebPDemuxReleaseIterator(&frame_); }
  Demuxer(const Demuxer&) = delete;
  Demuxer& operator=(const Demuxer&) = delete;

  std::uint32_t width() const { return WebPDemuxGetI(demuxer_.get(), WEBP_FF_CANVAS_WIDTH); }
  std::uint32_t height() const { return WebPDemuxGetI(demuxer_.get(), WEBP_FF_CANVAS_HEIGHT); }
  const WebPIterator& first_frame() const { return frame_; }

  int orientation() const {
    WebPChunkIterator chunk;
    int orientation = 1;
    if (WebPDemuxGetChunk(demuxer_.get(), "EXIF", 1, &chunk)) {
      orientation =
          exif_orientation({reinterpret_cast<const char*>(chunk.chunk.bytes), chunk.chunk.size});
    }
    WebPDemuxReleaseChunkIterator(&chunk);
    return orientation;
  }

 private:
  struct Delete {
    void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
  };

  std::unique_ptr<WebPDemuxer, Delete> demuxer_;
  WebPIterator frame_ = {};
};

// As the file says of itself; Pillow takes what says nothing that can be read for one with alpha.
bool has_alpha(std::string_view bytes) {
  WebPBitstreamFeatures features;
  return WebPGetFeatures(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(),
                         &features) != VP8_STATUS_OK ||
         features.has_alpha != 0;
}

bool matches(std::string_view bytes) {
  const ByteReader reader(bytes);
  return reader.starts_with(0, "RIFF") && reader.starts_with(8, "WEBP");
}

ImageHeader read_header(std::string_view bytes) {
  const Demuxer demuxer(bytes);
  ImageHeader header;
  header.width = demuxer.width();
  header.height = demuxer.height();
  header.orientation = demuxer.orientation();
  // The pixels, and what libwebp needs at most beside them: an integer each.
  header.decode_bytes = header.width * header.height * (has_alpha(bytes) ? 8 : 7);
  return header;
}

Image decode(std::string_view bytes, const ImageHeader&, const DecodeOptions&,
             PixelBuffer* buffer) {
  const Demuxer demuxer(bytes);
  Image image;
  image.mode = has_alpha(bytes) ? PixelMode::kRgba : PixelMode::kRgb;
  image.channels = image.mode == PixelMode::kRgba ? 4 : 3;
  image.width = demuxer.width();
  image.height = demuxer.height();
  image.stride = image.width * image.channels;
  const auto size = static_cast<std::size_t>(image.stride * image.height);
  const auto pixels = buffer->take(size);
  image.data = pixels.get();
  image.owner = pixels;

  const WebPIterator& frame = demuxer.first_frame();
  const bool covers = frame.width == image.width && frame.height == image.height;
  if (!covers) std::memset(pixels.get(), 0, size);
  if (frame.x_offset < 0 || frame.y_offset < 0 || frame.x_offset + frame.width > image.width ||
      frame.y_offset + frame.height > image.height) {
    damaged();
  }
  const auto offset = static_cast<std::size_t>(frame.y_offset * image.stride +
                                               std::int64_t{frame.x_offset} * image.channels);
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) {
    throw Error(ErrorCode::kInternal, "libwebp is of another version than this was built with");
  }
  config.output.colorspace = image.channels == 4 ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = pixels.get() + offset;
  config.output.u.RGBA.stride = static_cast<int>(image.stride);
  config.output.u.RGBA.size = size - offset;
  const VP8StatusCode status = WebPDecode(frame.fragment.bytes, frame.fragment.size, &config);
  WebPFreeDecBuffer(&config.output);
  if (status == VP8_STATUS_OUT_OF_MEMORY) {  // libwebp 1.5 says so of some damaged files, too
    throw Error(ErrorCode::kCorrupt, "it is damaged, or there is no memory to decode it");
  }
  if (status != VP8_STATUS_OK) damaged();
  return image;
}

}  // namespace

const ImageFormat kWebpFormat = {"WebP", "webp", matches, read_header, decode};

}  // namespace clip
