// A target for each format of images, with image_seeds() and, where the environment variable
// CLIP_FUZZ_IMAGES names a folder, with its files.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/strings.h"
#include "clip/image.h"
#include "image/formats/formats.h"
#include "image_seeds.h"
#include "targets.h"

namespace clip_fuzz {
namespace {

std::string bytes_of(std::string_view digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

// Little-endian, as in bitmaps and TGAs.
std::string number(std::uint32_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i);
  return text;
}

std::string bitmap(std::uint32_t bits, std::uint32_t compression, const std::string& pixels) {
  std::string palette;
  for (std::uint32_t i = 0; bits <= 8 && i < 1U << bits; ++i) palette += number(i * 0x10305, 4);
  std::string fields;
  if (compression == 3) fields = number(0xf800, 4) + number(0x7e0, 4) + number(0x1f, 4);
  const auto start = static_cast<std::uint32_t>(54 + palette.size() + fields.size());
  return "BM" + number(0, 4) + number(0, 4) + number(start, 4) + number(40, 4) + number(8, 4) +
         number(6, 4) + number(1, 2) + number(bits, 2) + number(compression, 4) +
         std::string(20, '\0') + fields + palette + pixels;
}

std::string targa(std::uint32_t kind, std::uint32_t bits, const std::string& pixels) {
  const bool palette = (kind & 7) == 1;
  return number(3, 1) + number(palette ? 1 : 0, 1) + number(kind, 1) + number(0, 2) +
         number(palette ? 4 : 0, 2) + number(palette ? 24 : 0, 1) + number(0, 4) + number(8, 2) +
         number(6, 2) + number(bits, 1) + number(0, 1) + "id." + (palette ? "abcdefghijkl" : "") +
         pixels;
}

// Those that are short to write.
std::vector<std::string> written_seeds(std::string_view format) {
  const std::string pixels(8 * 6 * 4, '\x35');
  if (format == "BMP") {
    const std::string rle("\5\1\0\4\1\2\3\4\0\0\0\2\2\1\4\3\0\0\0\2\0\6\0\1", 24);
    return {bitmap(1, 0, pixels),  bitmap(4, 0, pixels),  bitmap(8, 0, pixels),
            bitmap(16, 0, pixels), bitmap(16, 3, pixels), bitmap(24, 0, pixels),
            bitmap(32, 0, pixels), bitmap(8, 1, rle),     bitmap(4, 2, rle)};
  }
  if (format == "TGA") {
    const std::string packets =
        std::string("\x87") + "abcd" + "\x83" + "efgh" + std::string(200, '\x03');
    return {targa(1, 8, pixels),    targa(2, 16, pixels), targa(2, 24, pixels),
            targa(2, 32, pixels),   targa(3, 8, pixels),  targa(3, 16, pixels),
            targa(3, 1, pixels),    targa(9, 8, packets), targa(10, 24, packets),
            targa(10, 32, packets), targa(11, 8, packets)};
  }
  if (format == "PNM") {
    return {"P1 # bits\n4 3\n0101 1010 0011",
            "P2\n4 3\n15\n1 2 3 4 5 6 7 8 9 10 11 12\n",
            "P3 2 2 1000 1 20 300 1000 5 6 7 8 9 10 11 12",
            "P4 8 6\n" + pixels,
            "P5 8 6 255\n" + pixels,
            "P5 8 6 65535\n" + pixels,
            "P6 8 6 255\n" + pixels,
            "P6\n#a\n4 6 999\n" + pixels};
  }
  return {};
}

std::vector<std::string> folder_seeds(const clip::ImageFormat* format) {
  std::vector<std::string> seeds;
  const char* folder = std::getenv("CLIP_FUZZ_IMAGES");
  if (folder == nullptr) return seeds;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), {}};
    if (clip::format_of(bytes) == format) seeds.push_back(std::move(bytes));
  }
  return seeds;
}

// "JPEG 2000" is the target jpeg2000.
std::string target_name(const char* format) {
  std::string name = clip::lower_ascii(format);
  const std::size_t space = name.find(' ');
  if (space != std::string::npos) name.erase(space, 1);
  return name;
}

std::size_t decode(const std::string& input) {
  clip::DecodeOptions options;
  options.max_pixels = 1'000'000;
  static_cast<void>(clip::decode_bytes(input, "input", options));
  return input.size();
}

}  // namespace

std::vector<Target> targets(const std::string&) {
  static std::vector<std::string> names;
  names.reserve(clip::image_formats().size());  // the targets point into it
  std::vector<Target> all;
  for (const clip::ImageFormat* format : clip::image_formats()) {
    names.push_back(target_name(format->name));
    Target target;
    target.name = names.back().c_str();
    target.seeds = written_seeds(format->name);
    for (const ImageSeed& seed : image_seeds()) {
      if (std::string_view(seed.format) == format->name)
        target.seeds.push_back(bytes_of(seed.digits));
    }
    for (std::string& seed : folder_seeds(format)) target.seeds.push_back(std::move(seed));
    target.words = {std::string(1, '\0'),
                    "\xff",
                    std::string(4, '\0'),
                    "\xff\xff\xff\xff",
                    "\xff\x7f",
                    std::string("\0\x80", 2),
                    "\x7f\xff\xff\xff",
                    std::string("\1\0\0\0", 4),
                    std::string("\0\0\0\1", 4),
                    "#",
                    "\xff\xd8",
                    "\xff\xda",
                    "IDAT",
                    "IEND"};
    target.open = decode;
    if (!target.seeds.empty()) all.push_back(target);
  }
  return all;
}

}  // namespace clip_fuzz
