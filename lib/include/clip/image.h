/// \file
/// Image files to pixels, as Pillow opens them: the same pixels, before and after resizing. The
/// formats are a table (image/formats/formats.h); a file is recognised by its content, not its
/// name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace clip {

class CancelToken;
class MemoryBudget;
class PixelBuffer;

/// A rectangle of an image, in pixels.
struct Region {
  std::int64_t left = 0;    ///< column of its first pixels
  std::int64_t top = 0;     ///< row of its first pixels
  std::int64_t width = 0;   ///< pixels
  std::int64_t height = 0;  ///< pixels

  /// Whether it has no pixel.
  bool empty() const { return width <= 0 || height <= 0; }
};

/// The modes in which Pillow opens images, as far as they differ in how they are resized.
enum class PixelMode {
  kBilevel,    ///< "1": resized by taking the nearest pixel
  kPalette,    ///< "P": the same
  kGray,       ///< "L"
  kGrayAlpha,  ///< "LA": resized with its colours multiplied by alpha
  kRgb,        ///< "RGB"
  kRgba,       ///< "RGBA": as LA
  kBands,      ///< "CMYK", "YCbCr", "LAB", "PA": each band is resized by itself, to_rgb follows
  kInteger,    ///< "I": 16-bit gray, resized in whole numbers and clipped to 255
};

/// Makes `count` pixels of kBands RGB.
using ToRgb = std::function<void(const std::uint8_t* pixels, std::size_t count, std::uint8_t* rgb)>;

/// A decoded image: 8 or 16 bits a sample, channels interleaved. Copies share the pixels, which are
/// never changed.
struct Image {
  std::int64_t width = 0;   ///< pixels of the whole image, whatever is decoded of it
  std::int64_t height = 0;  ///< the same
  /// The pixels that were decoded, in coordinates of the whole image; empty: all of them.
  Region region;
  /// 1: gray; 3: red, green, blue; 4: the same and alpha. Gray with alpha has 4. kBands: any
  /// number.
  int channels = 3;
  /// How it is resized; kInteger has 16-bit samples, others 8-bit.
  PixelMode mode = PixelMode::kRgb;
  const std::uint8_t* data = nullptr;  ///< where the first row of the region has its column 0
  std::ptrdiff_t stride = 0;           ///< bytes from one row to the next
  std::shared_ptr<const void> owner;   ///< of the pixels
  ToRgb to_rgb;                        ///< of kBands, else empty

  /// Column 0 of a row; both the row and the columns that are read must be of the decoded region.
  const std::uint8_t* row(std::int64_t y) const { return data + (y - region.top) * stride; }

  /// `region`, or all of the image where that is empty.
  Region decoded_region() const { return region.empty() ? Region{0, 0, width, height} : region; }
};

/// How images are decoded.
struct DecodeOptions {
  std::uint64_t max_pixels = 500'000'000;  ///< larger images are refused from their header
  bool ignore_exif = false;                ///< leave the image as stored, as OpenAI's code does
  /// JPEG: decode at the smallest of 1/2, 1/4, 1/8 of the size whose shorter side still has as many
  /// pixels. 0: at full size. Such pixels are averages of the whole ones, not Pillow's.
  std::uint64_t min_side_after_scaling = 0;
  /// The region of interest of an upright image of this size: what the caller will look at.
  /// Decoders may leave out the rest, which saves time; Image::region says what they decoded. Its
  /// pixels are those of the whole image. Empty: all. Not used together with
  /// min_side_after_scaling.
  std::function<Region(std::int64_t width, std::int64_t height)> region_of_interest;
  /// Shared by all decoders that may not hold more together than it says; null: no limit. An image
  /// holds its share until its last copy goes. See clip/memory_budget.h.
  std::shared_ptr<MemoryBudget> memory;
  /// Ends a wait for memory with an Error (kCancelled), once the budget is woken; null: nothing
  /// does.
  const CancelToken* cancel = nullptr;
  /// Of decode_file. Ends a wait for the bytes of a pipe with an Error (kCancelled); null: nothing
  /// does. A named pipe is waited for 10 s, where nobody writes into it.
  const CancelToken* stop = nullptr;
  bool only_regular = false;  ///< of decode_file: a pipe is an error
};

/// Throws Error naming the file, for one that cannot be read, is no image, is cut short, damaged,
/// or larger than allowed. What does not begin as an image is not read to its end. `buffer`: where
/// its pixels may go; null: memory of its own.
Image decode_file(const std::string& path, const DecodeOptions& options,
                  PixelBuffer* buffer = nullptr);

/// The same for a file in memory; `name` is for the error.
Image decode_bytes(std::string_view bytes, const std::string& name, const DecodeOptions& options,
                   PixelBuffer* buffer = nullptr);

/// The extensions of the formats that can be read, in lower case and without the dot: "jpg", ...
std::vector<std::string> image_extensions();
std::string image_format_names();                 ///< "JPEG, PNG, ..."
bool has_image_extension(std::string_view path);  ///< in upper or lower case

/// What a file is, by its first bytes, whatever it is called. An SVG may begin with comments.
struct FileKind {
  bool is_image = false;  ///< of a format that can be read
  /// A well-known kind of images that cannot: "PSD", "camera raw".
  const char* unreadable = nullptr;
};

/// As many of a file's first bytes say what it is.
constexpr std::size_t kKindBytes = 1024;

/// `first_bytes`: at least kKindBytes of a file, or all of a smaller one; `path`: its name, by
/// whose extension camera raws are told from TIFFs.
FileKind kind_of_bytes(std::string_view first_bytes, std::string_view path);

/// Of a file that is not there, or that may not be opened: neither. Throws Error where the system
/// fails to read it.
FileKind kind_of_file(const std::string& path);
bool begins_like_an_image(const std::string& path);  ///< its is_image

}  // namespace clip
