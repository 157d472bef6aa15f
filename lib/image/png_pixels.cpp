#include "image/png_pixels.h"

#define ZLIB_CONST  // input is not written to
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "clip/error.h"

namespace clip {
namespace {

[[noreturn]] void damaged(const char* how) {
  throw Error(ErrorCode::kCorrupt, std::string("it is damaged: ") + how);
}

int samples_of(PngColor color) {
  switch (color) {
    case PngColor::kGray:
    case PngColor::kPalette:
      return 1;
    case PngColor::kGrayAlpha:
      return 2;
    case PngColor::kRgb:
      return 3;
    case PngColor::kRgba:
      return 4;
  }
  return 0;
}

PixelMode mode_of(const PngLayout& layout) {
  switch (layout.color) {
    case PngColor::kGray:
      return layout.depth == 1    ? PixelMode::kBilevel
             : layout.depth == 16 ? PixelMode::kInteger
                                  : PixelMode::kGray;
    case PngColor::kPalette:
      return PixelMode::kPalette;
    case PngColor::kGrayAlpha:
      return PixelMode::kGrayAlpha;
    case PngColor::kRgb:
      return PixelMode::kRgb;
    case PngColor::kRgba:
      return PixelMode::kRgba;
  }
  return PixelMode::kRgb;
}

int channels_of(PixelMode mode) {
  switch (mode) {
    case PixelMode::kGrayAlpha:
    case PixelMode::kRgba:
      return 4;
    case PixelMode::kPalette:
    case PixelMode::kRgb:
      return 3;
    default:
      return 1;
  }
}

// Inflates row by row.
class Inflater {
 public:
  explicit Inflater(const std::function<std::string_view()>& next_piece) : next_piece_(next_piece) {
    if (inflateInit(&stream_) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  void read(std::uint8_t* row, std::size_t bytes) {
    stream_.next_out = row;
    stream_.avail_out = static_cast<uInt>(bytes);
    while (stream_.avail_out > 0) {
      if (stream_.avail_in == 0) take_piece();
      const int status = inflate(&stream_, Z_NO_FLUSH);
      ended_ = status == Z_STREAM_END;
      if (ended_ && stream_.avail_out > 0) cut_short();
      if (status < 0 || status == Z_NEED_DICT) damaged("its compressed pixels are broken");
    }
  }

  // Whether the data said with the last row that they end.
  bool ended() const { return ended_; }

 private:
  [[noreturn]] static void cut_short() {
    throw Error(ErrorCode::kCorrupt, "it is cut short: its pixels end early");
  }

  void take_piece() {
    const std::string_view piece = next_piece_();
    if (piece.empty()) cut_short();
    stream_.next_in = reinterpret_cast<const Bytef*>(piece.data());
    stream_.avail_in = static_cast<uInt>(piece.size());
  }

  const std::function<std::string_view()>& next_piece_;
  z_stream stream_ = {};
  bool ended_ = false;
};

// PNG, section 9: filters work on bytes; kPixel is how many a pixel has, at least one. The pixels
// to the left stay in registers.
template <std::size_t kPixel>
void undo_sub(std::uint8_t* row, std::size_t bytes) {
  std::uint8_t left[kPixel] = {};
  for (std::size_t i = 0; i + kPixel <= bytes; i += kPixel) {
    for (std::size_t k = 0; k < kPixel; ++k) {
      row[i + k] = left[k] = static_cast<std::uint8_t>(row[i + k] + left[k]);
    }
  }
}

void undo_up(std::uint8_t* row, const std::uint8_t* above, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) row[i] = static_cast<std::uint8_t>(row[i] + above[i]);
}

template <std::size_t kPixel>
void undo_average(std::uint8_t* row, const std::uint8_t* above, std::size_t bytes) {
  std::uint8_t left[kPixel] = {};
  for (std::size_t i = 0; i + kPixel <= bytes; i += kPixel) {
    for (std::size_t k = 0; k < kPixel; ++k) {
      row[i + k] = left[k] = static_cast<std::uint8_t>(row[i + k] + (left[k] + above[i + k]) / 2);
    }
  }
}

template <std::size_t kPixel>
void undo_paeth(std::uint8_t* row, const std::uint8_t* above, std::size_t bytes) {
  int left[kPixel] = {}, corner[kPixel] = {};
  for (std::size_t i = 0; i + kPixel <= bytes; i += kPixel) {
    for (std::size_t k = 0; k < kPixel; ++k) {
      const int a = left[k], b = above[i + k], c = corner[k];
      const int to_a = std::abs(b - c), to_b = std::abs(a - c), to_c = std::abs(a + b - 2 * c);
      int nearest = to_b <= to_c ? b : c;
      nearest = to_a <= std::min(to_b, to_c) ? a : nearest;
      corner[k] = b;
      left[k] = (row[i + k] + nearest) & 0xff;
      row[i + k] = static_cast<std::uint8_t>(left[k]);
    }
  }
}

template <std::size_t kPixel>
void undo_filter(int filter, std::uint8_t* row, const std::uint8_t* above, std::size_t bytes) {
  switch (filter) {
    case 0:
      return;
    case 1:
      return undo_sub<kPixel>(row, bytes);
    case 2:
      return undo_up(row, above, bytes);
    case 3:
      return undo_average<kPixel>(row, above, bytes);
    case 4:
      return undo_paeth<kPixel>(row, above, bytes);
    default:
      damaged("a row has a filter that PNG has not");
  }
}

using UndoFilter = void (*)(int filter, std::uint8_t* row, const std::uint8_t* above,
                            std::size_t bytes);

UndoFilter undo_filter_of(std::size_t pixel) {
  switch (pixel) {
    case 2:
      return undo_filter<2>;
    case 3:
      return undo_filter<3>;
    case 4:
      return undo_filter<4>;
    case 6:
      return undo_filter<6>;
    case 8:
      return undo_filter<8>;
    default:
      return undo_filter<1>;
  }
}

// Every step-th pixel of a row of the image, from the samples of a PNG's.
class Unpacker {
 public:
  explicit Unpacker(const PngLayout& layout) : layout_(layout) {}

  void operator()(const std::uint8_t* in, std::size_t count, std::uint8_t* out,
                  std::size_t step) const {
    // Samples of 16 bits become 8 by their upper byte, as in Pillow; but for gray.
    const int sample = layout_.depth / 8;
    switch (layout_.color) {
      case PngColor::kGray:
        if (layout_.depth < 8) return unpack_small(in, count, out, step);
        if (layout_.depth == 16) return unpack_integers(in, count, out, step);
        if (step == 1) return copy(in, count, out);
        return unpack<1, 1>(in, count, out, step, sample);
      case PngColor::kPalette:
        return unpack_small(in, count, out, step);
      case PngColor::kGrayAlpha:
        return unpack<2, 4>(in, count, out, step, sample);
      case PngColor::kRgb:
        if (step == 1 && sample == 1) return copy(in, 3 * count, out);
        return unpack<3, 3>(in, count, out, step, sample);
      case PngColor::kRgba:
        if (step == 1 && sample == 1) return copy(in, 4 * count, out);
        return unpack<4, 4>(in, count, out, step, sample);
    }
  }

 private:
  static void copy(const std::uint8_t* in, std::size_t bytes, std::uint8_t* out) {
    std::memcpy(out, in, bytes);
  }

  // kIn samples a pixel become kOut; gray with alpha becomes colours with alpha.
  template <std::size_t kIn, std::size_t kOut>
  static void unpack(const std::uint8_t* in, std::size_t count, std::uint8_t* out, std::size_t step,
                     int sample) {
    for (std::size_t i = 0; i < count; ++i, in += kIn * static_cast<std::size_t>(sample)) {
      for (std::size_t k = 0; k < kOut; ++k) {
        const std::size_t from = kIn == kOut ? k : k / (kOut - 1);
        out[k] = in[from * static_cast<std::size_t>(sample)];
      }
      out += kOut * step;
    }
  }

  static void unpack_integers(const std::uint8_t* in, std::size_t count, std::uint8_t* out,
                              std::size_t step) {
    for (std::size_t i = 0; i < count; ++i, in += 2, out += 2 * step) {
      const auto value = static_cast<std::uint16_t>(in[0] << 8 | in[1]);
      std::memcpy(out, &value, sizeof value);
    }
  }

  // Gray of less than 8 bits, and palettes.
  void unpack_small(const std::uint8_t* in, std::size_t count, std::uint8_t* out,
                    std::size_t step) const {
    switch (layout_.depth) {
      case 1:
        return unpack_bits<1>(in, count, out, step);
      case 2:
        return unpack_bits<2>(in, count, out, step);
      case 4:
        return unpack_bits<4>(in, count, out, step);
      default:
        return unpack_bits<8>(in, count, out, step);
    }
  }

  template <int kBits>
  void unpack_bits(const std::uint8_t* in, std::size_t count, std::uint8_t* out,
                   std::size_t step) const {
    constexpr int kMax = (1 << kBits) - 1, kPerByte = 8 / kBits;
    const bool is_gray = layout_.color == PngColor::kGray;
    for (std::size_t i = 0; i < count; ++i) {
      const int shift = 8 - kBits - kBits * static_cast<int>(i % kPerByte);
      const int value = in[i / kPerByte] >> shift & kMax;
      if (is_gray) {
        *out = static_cast<std::uint8_t>(value * (255 / kMax));
        out += step;
      } else {
        std::memcpy(out, layout_.palette[static_cast<std::size_t>(value)].data(), 3);
        out += 3 * step;
      }
    }
  }

  const PngLayout& layout_;
};

// A part of the image whose rows stand one after the other in the data: all of it, or one of
// Adam7's seven.
struct Pass {
  std::uint64_t left, top, column_step, row_step;
};

constexpr Pass kWhole = {0, 0, 1, 1};
constexpr Pass kAdam7[] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                           {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};

class Decoder {
 public:
  Decoder(const PngLayout& layout, const PngRegion& region, const Image& image,
          std::uint8_t* pixels, const std::function<std::string_view()>& next_piece)
      : region_(region),
        image_(image),
        pixels_(pixels),
        pixel_(pixel_bytes(layout)),
        bits_(static_cast<std::size_t>(samples_of(layout.color) * layout.depth)),
        undo_filter_(undo_filter_of(bits_ / 8)),
        unpack_(layout),
        inflater_(next_piece),
        row_(1 + row_bytes(region.width)),
        above_(row_.size()) {}

  // Gives the first row that it did not get to, for data may say before that they end.
  std::uint64_t run(const Pass& pass) {
    if (pass.left >= region_.width || pass.top >= region_.height || inflater_.ended()) return 0;
    const std::size_t count = (region_.width - pass.left + pass.column_step - 1) / pass.column_step;
    const std::size_t bytes = row_bytes(count);
    std::fill(above_.begin(), above_.end(), std::uint8_t{0});
    std::uint64_t y = pass.top;
    for (; y < region_.height && !inflater_.ended(); y += pass.row_step) {
      inflater_.read(row_.data(), 1 + bytes);
      undo_filter_(row_[0], row_.data() + 1, above_.data() + 1, bytes);
      unpack_(row_.data() + 1, count, pixel_at(region_.left + pass.left, region_.top + y),
              pass.column_step);
      row_.swap(above_);
    }
    return y;
  }

 private:
  std::size_t row_bytes(std::size_t count) const { return (count * bits_ + 7) / 8; }

  std::uint8_t* pixel_at(std::uint64_t x, std::uint64_t y) const {
    return pixels_ + static_cast<std::ptrdiff_t>(y) * image_.stride + x * pixel_;
  }

  const PngRegion region_;
  const Image& image_;
  std::uint8_t* pixels_;
  std::size_t pixel_, bits_;  // bytes of a decoded pixel; bits of one in the data
  UndoFilter undo_filter_;
  Unpacker unpack_;
  Inflater inflater_;
  std::vector<std::uint8_t> row_, above_;  // each with its filter in front
};

// What Pillow has where no data are: black, or the palette's first colour.
void clear(const PngLayout& layout, std::uint64_t first_row, std::uint8_t* pixels) {
  const std::uint64_t first = first_row * layout.width, end = layout.height * layout.width;
  if (layout.color != PngColor::kPalette) {
    const std::uint64_t size = pixel_bytes(layout);
    std::memset(pixels + first * size, 0, (end - first) * size);
    return;
  }
  for (std::uint64_t i = first; i < end; ++i) std::memcpy(pixels + 3 * i, &layout.palette[0], 3);
}

// As Pillow takes it: one that ends at the left edge is none, and interlaced data begin at the
// corner.
PngRegion effective_region(const PngLayout& layout) {
  const PngRegion whole = {0, 0, layout.width, layout.height};
  if (!layout.region || layout.region->left + layout.region->width == 0) return whole;
  PngRegion region = *layout.region;
  if (region.width == 0 || region.height == 0) damaged("its first frame has no pixels");
  if (layout.interlaced) region.left = region.top = 0;
  return region;
}

}  // namespace

bool is_valid(const PngLayout& layout) {
  const int depth = layout.depth;
  switch (layout.color) {
    case PngColor::kGray:
      return depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16;
    case PngColor::kPalette:
      return depth == 1 || depth == 2 || depth == 4 || depth == 8;
    case PngColor::kRgb:
    case PngColor::kGrayAlpha:
    case PngColor::kRgba:
      return depth == 8 || depth == 16;
  }
  return false;
}

std::uint64_t pixel_bytes(const PngLayout& layout) {
  const PixelMode mode = mode_of(layout);
  return mode == PixelMode::kInteger ? 2 : static_cast<std::uint64_t>(channels_of(mode));
}

Image decode_png(const PngLayout& layout, const std::function<std::string_view()>& next_piece,
                 PixelBuffer* buffer) {
  Image image;
  image.mode = mode_of(layout);
  image.channels = channels_of(image.mode);
  image.width = static_cast<std::int64_t>(layout.width);
  image.height = static_cast<std::int64_t>(layout.height);
  image.stride = image.width * static_cast<std::int64_t>(pixel_bytes(layout));
  const PngRegion region = effective_region(layout);
  const auto pixels = buffer->take(static_cast<std::size_t>(image.stride * image.height));
  image.data = pixels.get();
  image.owner = pixels;
  Decoder decoder(layout, region, image, pixels.get(), next_piece);
  if (layout.interlaced || layout.region) clear(layout, 0, pixels.get());
  if (layout.interlaced) {
    for (const Pass& pass : kAdam7) decoder.run(pass);
  } else {
    const std::uint64_t end = decoder.run(kWhole);
    if (!layout.region) clear(layout, end, pixels.get());
  }
  return image;
}

}  // namespace clip
