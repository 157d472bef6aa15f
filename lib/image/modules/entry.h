// The modules for image formats whose libraries are too heavy for every start, and for formats that
// few people have. Each is a shared object with one entry, all else of it hidden; it is opened by
// the first file that needs it (base/module.h), and stays. Module and library are built together,
// so that plain C++ types pass between them, and so do exceptions: an entry throws Error as a
// decoder does (image/formats/format.h). Entries may be called from several threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

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

// OpenJPEG: the components as they are coded, at their own sizes.
struct Jpeg2000Request {
  std::string_view bytes;
  bool boxed = false;                   // a JP2 file, or a codestream without boxes
  bool apply_palette = false;           // else components are left as they are, as Pillow has them
  std::uint64_t width = 0, height = 0;  // what the image must have
};
struct Jpeg2000Component {
  std::uint32_t width = 0, height = 0, dx = 1, dy = 1;  // dx, dy: pixels a sample stands for
  std::uint32_t bits = 8;
  bool is_signed = false;
  const std::int32_t* samples = nullptr;
};
enum class Jpeg2000Colors { kUnspecified, kGray, kSrgb, kSycc, kOther };
using Jpeg2000Take = std::function<void(Jpeg2000Colors colors, const Jpeg2000Component* components,
                                        std::size_t count)>;
constexpr const char* kJpeg2000Entry = "clip_jpeg2000_entry";
using Jpeg2000Entry = void (*)(const Jpeg2000Request& request, const Jpeg2000Take& take);

// libheif: the primary image, turned and cropped as the file says. `max_side`: of any image in the
// file. `rows`: of RGB or RGBA, 8 bits a sample, valid during the call.
struct HeifImage {
  std::uint64_t width = 0, height = 0, stride = 0;
  bool alpha = false;
  std::uint32_t bits = 8;  // above 8: two bytes a sample, the lower first
  const std::uint8_t* data = nullptr;
};
constexpr const char* kHeifEntry = "clip_heif_entry";
using HeifEntry = void (*)(std::string_view bytes, std::uint64_t max_side,
                           const std::function<void(const HeifImage&)>& take);

}  // namespace clip
