#include "image/formats/jpeg_decode.h"

#include <fmt/format.h>
#include <jerror.h>   // after jpeglib.h, whose names it needs
#include <jpeglib.h>  // uses FILE and does not say so: fmt has it

#include <algorithm>
#include <csetjmp>
#include <cstdio>

#include "clip/error.h"

namespace clip {
namespace {

// Progressive images have ten or so; each makes a decoder go over all pixels.
constexpr int kMaxScans = 1000;

// libjpeg reports errors by a call that must not return.
struct ErrorHandler {
  jpeg_error_mgr base;  // first: libjpeg knows only this part
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX];
  bool too_many_scans;
};

void fail(j_common_ptr info) {
  auto* handler = reinterpret_cast<ErrorHandler*>(info->err);
  info->err->format_message(info, handler->message);
  std::longjmp(handler->back, 1);
}

void ignore_warning(j_common_ptr, int) {}

void limit_scans(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMaxScans) return;
  auto* handler = reinterpret_cast<ErrorHandler*>(info->err);
  handler->too_many_scans = true;
  std::longjmp(handler->back, 1);
}

// A data source that holds all there is, and never claims that there is more: the decoder then
// stops where data are missing ("suspends") instead of filling the rest with gray.
void start_source(j_decompress_ptr) {}
boolean fill_from_nothing(j_decompress_ptr) {
  return FALSE;
}
void skip_input(j_decompress_ptr info, long count) {
  if (count <= 0) return;
  jpeg_source_mgr* source = info->src;
  const std::size_t skipped = std::min(source->bytes_in_buffer, static_cast<std::size_t>(count));
  source->next_input_byte += skipped;
  source->bytes_in_buffer -= skipped;
}

// Where the pixels go, and what is expected of them.
struct Target {
  std::uint8_t* pixels;
  JDIMENSION width, height;  // of the whole image
  int channels;
  JDIMENSION left, columns;  // decoded of each row; on iMCU boundaries but for the image's end
  JDIMENSION top, rows;      // decoded rows
};

enum class Outcome { kDecoded, kCutShort, kFailed, kUnexpected };

// Block smoothing guesses what scans that never came would have said, from blocks farther away than
// the margin around a region.
bool smooths_blocks(const jpeg_decompress_struct& info) {
  if (!info.progressive_mode || info.coef_bits == nullptr) return false;
  for (int component = 0; component < info.num_components; ++component) {
    const int* bits = info.coef_bits[component];
    // Not 0: bits of the coefficient are missing.
    if (std::any_of(bits, bits + DCTSIZE2, [](int missing) { return missing != 0; })) return true;
  }
  return false;
}

// Whether the next marker behind the decoder's position ends the image, so that nothing that
// follows can be an error.
bool ends_after_scan(const jpeg_decompress_struct& info) {
  if (info.unread_marker != 0) return info.unread_marker == JPEG_EOI;
  const auto* at = reinterpret_cast<const char*>(info.src->next_input_byte);
  const std::string_view rest(at, info.src->bytes_in_buffer);
  for (std::size_t found = 0;; ++found) {
    found = rest.find('\xff', found);
    if (found == std::string_view::npos || found + 1 >= rest.size()) return false;
    const auto next = static_cast<std::uint8_t>(rest[found + 1]);
    if (next == JPEG_EOI) return true;
    const bool is_restart = next >= JPEG_RST0 && next <= JPEG_RST0 + 7;
    if (next != 0 && next != 0xff && !is_restart) return false;
  }
}

// Rows [from, to) into `pixels`. False where the data end early.
bool read_rows(jpeg_decompress_struct* info, JDIMENSION to, std::uint8_t* pixels,
               std::size_t stride) {
  while (info->output_scanline < to) {
    JSAMPROW row = pixels;
    if (jpeg_read_scanlines(info, &row, 1) != 1) return false;
    pixels += stride;
  }
  return true;
}

// The rows below those wanted are of no use, but Pillow refuses a file that lacks them. In one scan
// they are there where an end marker is.
bool finish(jpeg_decompress_struct* info, std::uint8_t* scratch_row) {
  if (info->output_scanline < info->output_height) {
    if (jpeg_has_multiple_scans(info) || ends_after_scan(*info)) return true;
    if (!read_rows(info, info->output_height, scratch_row, 0)) return false;
  }
  // Where the end marker alone is missing, all pixels are there.
  static_cast<void>(jpeg_finish_decompress(info));
  return true;
}

// As Pillow: Huffman tables may come in streams of their own before the image.
bool read_header(jpeg_decompress_struct* info) {
  int read;
  do {
    read = jpeg_read_header(info, FALSE);
  } while (read == JPEG_HEADER_TABLES_ONLY);
  return read == JPEG_HEADER_OK;
}

Outcome decode_rows(jpeg_decompress_struct* info, const Target& target, std::uint8_t* scratch_row) {
  if (info->output_width != target.width || info->output_height != target.height ||
      info->output_components != target.channels) {
    return Outcome::kUnexpected;
  }
  const bool whole_rows = target.columns == target.width;
  JDIMENSION top = target.top;
  std::size_t stride = std::size_t{target.columns} * static_cast<unsigned>(target.channels);
  std::uint8_t* pixels = target.pixels;
  if (!whole_rows || top > 0) {
    if (smooths_blocks(*info)) return Outcome::kUnexpected;
    JDIMENSION left = target.left, columns = target.columns;
    if (!whole_rows) jpeg_crop_scanline(info, &left, &columns);
    if (left != target.left || columns != target.columns) return Outcome::kUnexpected;
    if (top > 0) jpeg_skip_scanlines(info, top);
    if (info->output_scanline != top) return Outcome::kCutShort;
  }
  if (!read_rows(info, top + target.rows, pixels, stride)) return Outcome::kCutShort;
  return finish(info, scratch_row) ? Outcome::kDecoded : Outcome::kCutShort;
}

// `scratch_row`: room for a row. Nothing in here has a destructor: errors jump over it.
Outcome decode_into(std::string_view bytes, int scale, const Target& target,
                    std::uint8_t* scratch_row, ErrorHandler* handler) {
  jpeg_decompress_struct info = {};
  jpeg_source_mgr source = {};
  jpeg_progress_mgr progress = {};
  info.err = jpeg_std_error(&handler->base);
  handler->base.error_exit = fail;
  handler->base.emit_message = ignore_warning;
  if (setjmp(handler->back) != 0) {
    jpeg_destroy_decompress(&info);
    return Outcome::kFailed;
  }
  jpeg_create_decompress(&info);
  source.next_input_byte = reinterpret_cast<const JOCTET*>(bytes.data());
  source.bytes_in_buffer = bytes.size();
  source.init_source = source.term_source = start_source;
  source.fill_input_buffer = fill_from_nothing;
  source.skip_input_data = skip_input;
  source.resync_to_restart = jpeg_resync_to_restart;
  info.src = &source;
  progress.progress_monitor = limit_scans;
  info.progress = &progress;
  Outcome outcome = Outcome::kCutShort;
  if (read_header(&info)) {
    info.out_color_space = target.channels == 1   ? JCS_GRAYSCALE
                           : target.channels == 3 ? JCS_RGB
                                                  : JCS_CMYK;
    info.scale_num = 1;
    info.scale_denom = static_cast<unsigned>(scale);
    if (jpeg_start_decompress(&info)) outcome = decode_rows(&info, target, scratch_row);
  }
  jpeg_destroy_decompress(&info);
  return outcome;
}

[[noreturn]] void throw_cut_short() {
  throw Error(ErrorCode::kCorrupt, "it is cut short: the image's data do not end");
}

[[noreturn]] void throw_failure(const ErrorHandler& handler) {
  if (handler.too_many_scans) {
    throw Error(ErrorCode::kUnsupported, "it has more scans than any image needs");
  }
  switch (handler.base.msg_code) {
    case JERR_CANT_SUSPEND:  // of arithmetic coding, which wants more bytes than there are
      throw_cut_short();
    case JERR_OUT_OF_MEMORY:
      throw Error(ErrorCode::kIo, "there is not enough memory to decode it");
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CCIR601_NOTIMPL:
    case JERR_COMPONENT_COUNT:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_IMAGE_TOO_BIG:
    case JERR_NOT_COMPILED:
    case JERR_SOF_UNSUPPORTED:
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("this kind of JPEG cannot be decoded: {}", handler.message));
    default:
      throw Error(
          ErrorCode::kCorrupt,
          fmt::format("it is damaged: its JPEG data cannot be decoded: {}", handler.message));
  }
}

// One axis of what is decoded for a region: from a multiple of an iMCU's side, with margins.
struct Span {
  std::int64_t first = 0, count = 0;
};

// Upsampling mixes each pixel with its neighbours, which are missing where decoding begins and
// ends: an iMCU more on both sides holds them.
Span columns_for(const Region& region, std::int64_t width, std::int64_t mcu) {
  Span span;
  span.first = std::max<std::int64_t>(region.left / mcu - 1, 0) * mcu;
  span.count = std::min(width, region.left + region.width + mcu) - span.first;
  // Very narrow images are upsampled in another way.
  return span.count < 4 * mcu ? Span{0, width} : span;
}

// At the lower end the decoder goes on as if all rows were wanted.
Span rows_for(const Region& region, std::int64_t mcu) {
  Span span;
  span.first = std::max<std::int64_t>(region.top / mcu - 1, 0) * mcu;
  span.count = region.top + region.height - span.first;
  return span;
}

Region within(const Region& region, std::int64_t width, std::int64_t height) {
  Region part;
  part.left = std::clamp<std::int64_t>(region.left, 0, width);
  part.top = std::clamp<std::int64_t>(region.top, 0, height);
  part.width = std::clamp<std::int64_t>(region.left + region.width, 0, width) - part.left;
  part.height = std::clamp<std::int64_t>(region.top + region.height, 0, height) - part.top;
  return part.empty() ? Region{0, 0, width, height} : part;
}

// Pillow's conversion.
void cmyk_to_rgb(const std::uint8_t* pixels, std::size_t count, std::uint8_t* rgb) {
  for (std::size_t i = 0; i < count; ++i, pixels += 4) {
    const int light = 255 - pixels[3];
    for (int channel = 0; channel < 3; ++channel) {
      const int product = pixels[channel] * light + 128;
      *rgb++ = static_cast<std::uint8_t>(light - (((product >> 8) + product) >> 8));
    }
  }
}

PixelMode mode_of(int components) {
  return components == 1 ? PixelMode::kGray : components == 3 ? PixelMode::kRgb : PixelMode::kBands;
}

}  // namespace

Image decode_jpeg(std::string_view bytes, const JpegFrame& frame, int scale, const Region& region,
                  PixelBuffer* buffer) {
  Image image;
  image.mode = mode_of(frame.components);
  image.channels = frame.components;
  image.width = (frame.width + scale - 1) / scale;
  image.height = (frame.height + scale - 1) / scale;
  image.region = within(scale == 1 ? region : Region(), image.width, image.height);
  const Span columns = scale == 1 ? columns_for(image.region, image.width, DCTSIZE * frame.max_h)
                                  : Span{0, image.width};
  const Span rows = rows_for(image.region, DCTSIZE * frame.max_v);
  image.stride = columns.count * image.channels;
  // In front of the pixels there is room for the columns on the left, so that column 0 of the first
  // row has an address; behind them for one row that is thrown away.
  const std::int64_t left = columns.first * image.channels;
  const std::int64_t size = rows.count * image.stride;
  auto pixels = buffer->take(static_cast<std::size_t>(left + size + image.stride));
  Target target = {};
  target.pixels = pixels.get() + left;
  target.width = static_cast<JDIMENSION>(image.width);
  target.height = static_cast<JDIMENSION>(image.height);
  target.channels = image.channels;
  target.left = static_cast<JDIMENSION>(columns.first);
  target.columns = static_cast<JDIMENSION>(columns.count);
  target.top = static_cast<JDIMENSION>(rows.first);
  target.rows = static_cast<JDIMENSION>(rows.count);
  ErrorHandler handler = {};
  switch (decode_into(bytes, scale, target, target.pixels + size, &handler)) {
    case Outcome::kDecoded:
      break;
    case Outcome::kCutShort:
      throw_cut_short();
    case Outcome::kFailed:
      throw_failure(handler);
    case Outcome::kUnexpected:
      if (columns.count == image.width && rows.first == 0) {
        throw Error(ErrorCode::kCorrupt, "it is damaged: it has another size than it says");
      }
      pixels = nullptr;
      return decode_jpeg(bytes, frame, scale, Region(), buffer);
  }
  // Adobe's programs store ink inverted, and all others took to it.
  if (image.mode == PixelMode::kBands) {
    for (std::int64_t i = 0; i < size; ++i) {
      target.pixels[i] = static_cast<std::uint8_t>(255 - target.pixels[i]);
    }
    image.to_rgb = cmyk_to_rgb;
  }
  image.data = pixels.get() + (image.region.top - rows.first) * image.stride;
  image.owner = pixels;
  return image;
}

}  // namespace clip
