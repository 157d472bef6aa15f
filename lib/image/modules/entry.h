// The modules for image formats whose libraries are too heavy for every start, and for formats that
// few people have. Each is a shared object with one entry, all else of it hidden; it is opened by
// the first file that needs it (base/module.h), and stays. Module and library are built together,
// so that plain C++ types pass between them, and so do exceptions: an entry throws Error as a
// decoder does (image/formats/format.h). Entries may be called from several threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "clip/image.h"
#include "image/formats/tiff_layout.h"
#include "image/formats/tiff_pixels.h"

namespace clip {

// libtiff: hands over the decoded strips or tiles of the first image, one after the other, their
// bits in order and 16-bit samples in the order of this machine. YCbCr comes as RGB, in parts of 3
// or 4 samples a pixel.
constexpr const char* kTiffEntry = "clip_tiff_entry";
using TiffEntry = void (*)(std::string_view bytes, const TiffLayout& layout,
                           const std::function<void(const TiffPart&)>& put);

// Little CMS: CIE L*a*b* of 8 bits, a and b shifted by 128, to sRGB, in Pillow's way.
constexpr const char* kLabEntry = "clip_lab_entry";
using LabEntry = void (*)(const std::uint8_t* lab, std::size_t count, std::uint8_t* rgb);

// OpenJPEG: the components as they are coded, each at its own size, valid while `take` runs.
struct Jpeg2000Request {
  std::string_view bytes;
  bool boxed = false;                   // a JP2 file; else a codestream without boxes
  bool apply_palette = false;           // else components are left as they are coded
  std::uint64_t width = 0, height = 0;  // what the codestream must have
};
struct Jpeg2000Component {
  std::uint64_t width = 0, height = 0;
  std::uint64_t dx = 1, dy = 1;  // pixels that a sample stands for
  std::uint32_t bits = 8;
  bool is_signed = false;
  const std::int32_t* samples = nullptr;
};
using Jpeg2000Take = std::function<void(const std::vector<Jpeg2000Component>& components)>;
constexpr const char* kJpeg2000Entry = "clip_jpeg2000_entry";
using Jpeg2000Entry = void (*)(const Jpeg2000Request& request, const Jpeg2000Take& take);

// libheif: the primary image as RGB or RGBA, turned and cropped as the file says; valid while
// `take` runs. `max_side`: of any image in the file.
struct HeifPixels {
  std::uint64_t width = 0, height = 0, stride = 0;
  bool alpha = false;
  std::uint32_t bits = 8;  // above 8: two bytes a sample, the lower first
  const std::uint8_t* data = nullptr;
};
constexpr const char* kHeifEntry = "clip_heif_entry";
using HeifEntry = void (*)(std::string_view bytes, bool av1, std::uint64_t max_side,
                           const std::function<void(const HeifPixels&)>& take);

}  // namespace clip
