// The module's side of compressed TIFFs, by libtiff 4.5 or later.
//
// Strips and tiles are read as they are, not by libtiff's RGBA interface, which would turn, scale
// and premultiply them in ways of its own. Only YCbCr that is not JPEG goes through it, as in
// Pillow, for its subsampling.
#include <fmt/format.h>
#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "image/modules/entry.h"
#include "image/modules/library_message.h"

namespace clip {
namespace {

// The file in memory, as libtiff reads it, and what it says of it.
struct File {
  std::string_view bytes;
  std::uint64_t at = 0;
  std::string error;  // the first; empty: none
};

File& file_of(thandle_t handle) {
  return *static_cast<File*>(handle);
}

tmsize_t read_file(thandle_t handle, void* to, tmsize_t size) {
  File& file = file_of(handle);
  const std::uint64_t left =
      file.bytes.size() - std::min<std::uint64_t>(file.at, file.bytes.size());
  const std::uint64_t count =
      std::min(left, static_cast<std::uint64_t>(std::max<tmsize_t>(size, 0)));
  if (count > 0) std::memcpy(to, file.bytes.data() + file.at, count);
  file.at += count;
  return static_cast<tmsize_t>(count);
}

tmsize_t write_file(thandle_t, void*, tmsize_t) {
  return 0;
}

toff_t seek_file(thandle_t handle, toff_t offset, int from) {
  File& file = file_of(handle);
  if (from == SEEK_CUR) offset += file.at;
  if (from == SEEK_END) offset += file.bytes.size();
  return file.at = offset;
}

int close_file(thandle_t) {
  return 0;
}

toff_t size_file(thandle_t handle) {
  return file_of(handle).bytes.size();
}

int map_file(thandle_t handle, void** base, toff_t* size) {
  const File& file = file_of(handle);
  *base = const_cast<char*>(file.bytes.data());  // opened for reading only
  *size = file.bytes.size();
  return 1;
}

void unmap_file(thandle_t, void*, toff_t) {}

int keep_error(TIFF*, void* data, const char*, const char* format, va_list arguments) {
  File& file = *static_cast<File*>(data);
  if (file.error.empty()) {
    char text[200];
    std::vsnprintf(text, sizeof text, format, arguments);
    file.error = text;
  }
  return 1;  // the global handler is not called
}

int drop_warning(TIFF*, void*, const char*, const char*, va_list) {
  return 1;
}

// Few parts of libtiff still know the global handlers only, which print.
void silence_global_handlers() {
  static const bool silenced = [] {
    TIFFSetErrorHandler(nullptr);
    TIFFSetWarningHandler(nullptr);
    return true;
  }();
  static_cast<void>(silenced);
}

[[noreturn]] void damaged(const File& file) {
  throw Error(ErrorCode::kCorrupt,
              fmt::format("it is damaged: libtiff says: {}", library_message(file.error)));
}

[[noreturn]] void differs() {
  throw Error(ErrorCode::kCorrupt, "it is damaged: its fields contradict each other");
}

struct Close {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
using Tiff = std::unique_ptr<TIFF, Close>;

Tiff open(File* file, const TiffLayout& layout) {
  silence_global_handlers();
  struct Free {
    void operator()(TIFFOpenOptions* options) const { TIFFOpenOptionsFree(options); }
  };
  const std::unique_ptr<TIFFOpenOptions, Free> options(TIFFOpenOptionsAlloc());
  if (options == nullptr) throw std::bad_alloc();
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), keep_error, file);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), drop_warning, nullptr);
  // Against fields that ask for more than the image has.
  constexpr std::uint64_t kSpare = 64 << 20;
  const std::uint64_t most =
      kSpare + 4 * layout.width * layout.height + layout.row_bytes() * layout.part_height;
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), static_cast<tmsize_t>(most));
  Tiff tiff(TIFFClientOpenExt("TIFF", "r", file, read_file, write_file, seek_file, close_file,
                              size_file, map_file, unmap_file, options.get()));
  if (tiff == nullptr) damaged(*file);
  return tiff;
}

template <typename Number>
Number field(TIFF* tiff, std::uint32_t tag) {
  Number value = 0;
  TIFFGetFieldDefaulted(tiff, tag, &value);
  return value;
}

// libtiff must have read the same.
void check(TIFF* tiff, const TiffLayout& layout) {
  if (field<std::uint32_t>(tiff, TIFFTAG_IMAGEWIDTH) != layout.width ||
      field<std::uint32_t>(tiff, TIFFTAG_IMAGELENGTH) != layout.height ||
      field<std::uint16_t>(tiff, TIFFTAG_BITSPERSAMPLE) != layout.bits ||
      field<std::uint16_t>(tiff, TIFFTAG_SAMPLESPERPIXEL) != layout.samples ||
      field<std::uint16_t>(tiff, TIFFTAG_COMPRESSION) != layout.compression ||
      (TIFFIsTiled(tiff) != 0) != layout.tiled) {
    differs();
  }
  const bool planar = field<std::uint16_t>(tiff, TIFFTAG_PLANARCONFIG) == PLANARCONFIG_SEPARATE;
  if ((planar && layout.samples > 1) != layout.planar) differs();
  if (layout.tiled && (field<std::uint32_t>(tiff, TIFFTAG_TILEWIDTH) != layout.part_width ||
                       field<std::uint32_t>(tiff, TIFFTAG_TILELENGTH) != layout.part_height)) {
    differs();
  }
}

// The parts as they are stored.
class Parts {
 public:
  Parts(TIFF* tiff, const File& file, const TiffLayout& layout)
      : tiff_(tiff), file_(file), layout_(layout) {
    part_.samples = layout.planar ? 1 : layout.samples;
    part_.stride = layout.row_bytes();
    const tmsize_t row = layout.tiled ? TIFFTileRowSize(tiff) : TIFFScanlineSize(tiff);
    const tmsize_t size = layout.tiled ? TIFFTileSize(tiff) : TIFFStripSize(tiff);
    if (row < 0 || static_cast<std::uint64_t>(row) != part_.stride || size < 0 ||
        static_cast<std::uint64_t>(size) != part_.stride * layout.part_height) {
      differs();
    }
    data_.resize(static_cast<std::size_t>(size));
    part_.data = data_.data();
  }

  void read(const std::function<void(const TiffPart&)>& put) {
    for (std::uint64_t y = 0; y < layout_.height; y += layout_.part_height) {
      for (std::uint32_t plane = 0; plane < layout_.planes(); ++plane) {
        for (std::uint64_t x = 0; x < layout_.width; x += layout_.part_width) {
          part_.x = x;
          part_.y = y;
          part_.plane = plane;
          part_.columns = std::min(layout_.part_width, layout_.width - x);
          part_.rows = std::min(layout_.part_height, layout_.height - y);
          if (read_part() < 0) damaged(file_);
          put(part_);
        }
      }
    }
  }

 private:
  tmsize_t read_part() {
    const auto x = static_cast<std::uint32_t>(part_.x), y = static_cast<std::uint32_t>(part_.y);
    const auto plane = static_cast<std::uint16_t>(part_.plane);
    if (layout_.tiled) return TIFFReadTile(tiff_, data_.data(), x, y, 0, plane);
    return TIFFReadEncodedStrip(tiff_, TIFFComputeStrip(tiff_, y, plane), data_.data(),
                                static_cast<tmsize_t>(data_.size()));
  }

  TIFF* tiff_;
  const File& file_;
  const TiffLayout& layout_;
  TiffPart part_;
  std::vector<std::uint8_t> data_;
};

// A row of tiles, or a strip, at a time.
void read_as_rgba(TIFF* tiff, const File& file, const TiffLayout& layout,
                  const std::function<void(const TiffPart&)>& put) {
  char error[1024] = "";
  TIFFRGBAImage image;
  if (TIFFRGBAImageOK(tiff, error) == 0 || TIFFRGBAImageBegin(&image, tiff, 0, error) == 0) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("libtiff does not read it: {}", library_message(error)));
  }
  struct End {
    void operator()(TIFFRGBAImage* begun) const { TIFFRGBAImageEnd(begun); }
  };
  const std::unique_ptr<TIFFRGBAImage, End> end(&image);
  image.orientation = image.req_orientation = ORIENTATION_TOPLEFT;  // turned by ourselves
  const std::uint64_t rows = std::min(layout.part_height, layout.height);
  std::vector<std::uint32_t> raster(layout.width * rows);
  std::vector<std::uint8_t> bytes(raster.size() * 4);
  TiffPart part;
  part.columns = layout.width;
  part.samples = 4;
  part.stride = layout.width * 4;
  part.data = bytes.data();
  for (; part.y < layout.height; part.y += rows) {
    part.rows = std::min(rows, layout.height - part.y);
    image.row_offset = static_cast<int>(part.y);
    if (TIFFRGBAImageGet(&image, raster.data(), static_cast<std::uint32_t>(layout.width),
                         static_cast<std::uint32_t>(part.rows)) == 0) {
      damaged(file);
    }
    for (std::uint64_t i = 0; i < part.columns * part.rows; ++i) {
      bytes[4 * i] = static_cast<std::uint8_t>(TIFFGetR(raster[i]));
      bytes[4 * i + 1] = static_cast<std::uint8_t>(TIFFGetG(raster[i]));
      bytes[4 * i + 2] = static_cast<std::uint8_t>(TIFFGetB(raster[i]));
    }
    put(part);
  }
}

void read(std::string_view bytes, const TiffLayout& layout,
          const std::function<void(const TiffPart&)>& put) {
  if (TIFFIsCODECConfigured(static_cast<std::uint16_t>(layout.compression)) == 0) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("its compression, number {}, is not supported by libtiff; save it with "
                            "another one",
                            layout.compression));
  }
  File file;
  file.bytes = bytes;
  const Tiff tiff = open(&file, layout);
  check(tiff.get(), layout);
  const bool ycbcr = field<std::uint16_t>(tiff.get(), TIFFTAG_PHOTOMETRIC) == PHOTOMETRIC_YCBCR;
  if (ycbcr != (layout.color == TiffColor::kYcbcr)) differs();
  if (ycbcr && (layout.compression != kTiffJpeg || layout.planar)) {
    return read_as_rgba(tiff.get(), file, layout, put);
  }
  // libjpeg converts to RGB then, as it does for JPEG files.
  if (ycbcr) TIFFSetField(tiff.get(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
  Parts(tiff.get(), file, layout).read(put);
}

}  // namespace
}  // namespace clip

extern "C" __attribute__((visibility("default"))) void clip_tiff_entry(
    std::string_view bytes, const clip::TiffLayout& layout,
    const std::function<void(const clip::TiffPart&)>& put) {
  clip::read(bytes, layout, put);
}
