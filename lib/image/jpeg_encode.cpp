#include "image/jpeg_encode.h"

#include <cstdio>
// jpeglib.h uses FILE and does not declare it.
#include <jpeglib.h>

#include <csetjmp>
#include <cstdlib>

#include "clip/error.h"

namespace clip {
namespace {

// libjpeg reports errors by a call that must not return.
struct ErrorHandler {
  jpeg_error_mgr base;  // first: libjpeg knows only this part
  std::jmp_buf back;
};

void fail(j_common_ptr info) {
  std::longjmp(reinterpret_cast<ErrorHandler*>(info->err)->back, 1);
}

// Nothing in here has a destructor: errors jump over them.
bool encode(const Image& image, int quality, unsigned char** file, unsigned long* size) {
  jpeg_compress_struct info = {};
  ErrorHandler handler;
  info.err = jpeg_std_error(&handler.base);
  handler.base.error_exit = fail;
  if (setjmp(handler.back) != 0) {
    jpeg_destroy_compress(&info);
    return false;
  }
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, file, size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = image.channels;
  info.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(image.row(info.next_scanline));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  return true;
}

}  // namespace

std::string encode_jpeg(const Image& image, int quality) {
  unsigned char* file = nullptr;
  unsigned long size = 0;
  const bool done = encode(image, quality, &file, &size);
  std::string bytes;
  if (done) bytes.assign(reinterpret_cast<const char*>(file), size);
  std::free(file);
  if (!done) throw Error(ErrorCode::kInternal, "libjpeg cannot encode it");
  return bytes;
}

}  // namespace clip
