#include "image/jpeg_decode.h"

#include <fmt/format.h>
#include <jpeglib.h>  // uses FILE and does not say so: fmt has it

#include <csetjmp>
#include <cstdio>

#include "clip/error.h"

namespace clip {
namespace {

// libjpeg reports errors by a call that must not return.
struct ErrorHandler {
  jpeg_error_mgr base;  // first: libjpeg knows only this part
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX];
};

void fail(j_common_ptr info) {
  auto* handler = reinterpret_cast<ErrorHandler*>(info->err);
  info->err->format_message(info, handler->message);
  std::longjmp(handler->back, 1);
}

void ignore_warning(j_common_ptr, int) {}

// Where the pixels go, and what is expected of them.
struct Target {
  std::uint8_t* pixels;
  JDIMENSION width, height;
  int channels;
};

// False, with the handler's message, where it cannot be done. Nothing in here has a destructor:
// errors jump over them.
bool decode_into(std::string_view bytes, int scale, const Target& target, ErrorHandler* handler) {
  jpeg_decompress_struct info = {};
  info.err = jpeg_std_error(&handler->base);
  handler->base.error_exit = fail;
  handler->base.emit_message = ignore_warning;
  if (setjmp(handler->back) != 0) {
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&info, TRUE);
  info.out_color_space = target.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  info.scale_num = 1;
  info.scale_denom = static_cast<unsigned>(scale);
  jpeg_start_decompress(&info);
  const bool expected = info.output_width == target.width && info.output_height == target.height &&
                        info.output_components == target.channels;
  const std::size_t stride = std::size_t{target.width} * static_cast<unsigned>(target.channels);
  while (expected && info.output_scanline < target.height) {
    JSAMPROW row = target.pixels + info.output_scanline * stride;
    jpeg_read_scanlines(&info, &row, 1);
  }
  if (expected) jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  std::snprintf(handler->message, sizeof handler->message, "it has another size than it says");
  return expected;
}

}  // namespace

Image decode_jpeg(std::string_view bytes, const ImageHeader& header, PixelMode mode, int scale,
                  PixelBuffer* buffer) {
  const auto scaled = [scale](std::uint64_t pixels) {
    return (pixels + static_cast<std::uint64_t>(scale) - 1) / static_cast<std::uint64_t>(scale);
  };
  Image image;
  image.mode = mode;
  image.channels = mode == PixelMode::kGray ? 1 : 3;
  image.width = static_cast<std::int64_t>(scaled(header.width));
  image.height = static_cast<std::int64_t>(scaled(header.height));
  image.stride = image.width * image.channels;
  const auto pixels = buffer->take(static_cast<std::size_t>(image.stride * image.height));
  image.data = pixels.get();
  image.owner = pixels;
  ErrorHandler handler;
  const Target target = {pixels.get(), static_cast<JDIMENSION>(image.width),
                         static_cast<JDIMENSION>(image.height), image.channels};
  if (!decode_into(bytes, scale, target, &handler)) {
    throw Error(ErrorCode::kCorrupt,
                fmt::format("it is damaged: its JPEG data cannot be decoded: {}", handler.message));
  }
  return image;
}

}  // namespace clip
