// HEIC and AVIF: images in HEIF files, ISO/IEC 23008-12, which libheif decodes, in a module. The
// size of the primary image is read here, from the boxes of ISO/IEC 14496-12.
//
// libheif turns and mirrors the image as the file's properties (irot, imir) say; an EXIF
// orientation repeats them, and is not followed.
#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <map>
#include <vector>

#include "base/byte_reader.h"
#include "base/module.h"
#include "image/formats/formats.h"
#include "image/iso_box.h"
#include "image/modules/entry.h"
#include "image/pixel_buffer.h"

extern "C" const clip::EmbeddedFile clip_heif_module[];

namespace clip {
namespace {

// Loaded by the first call; one that fails is tried again by the next.
HeifEntry libheif() {
  static const auto entry = Module(clip_heif_module[0], "HEIC and AVIF need libheif", "libheif1")
                                .symbol<HeifEntry>(kHeifEntry);
  return entry;
}

bool is_one_of(std::string_view brand, std::string_view brands) {
  return brand.size() == 4 && brands.find(brand) != std::string_view::npos;
}

// Whether the box ftyp, with which the file begins, names one of the brands.
bool has_brand(std::string_view bytes, std::string_view brands) {
  const ByteReader reader(bytes);
  if (!reader.starts_with(4, "ftyp") || bytes.size() < 12) return false;
  if (is_one_of(bytes.substr(8, 4), brands)) return true;
  const std::uint64_t end = std::min<std::uint64_t>(reader.u32(0), bytes.size());
  for (std::uint64_t at = 16; at + 4 <= end; at += 4) {
    if (is_one_of(bytes.substr(at, 4), brands)) return true;
  }
  return false;
}

bool matches_avif(std::string_view bytes) {
  return has_brand(bytes, "avif avis");
}

bool matches_heic(std::string_view bytes) {
  return !matches_avif(bytes) &&
         has_brand(bytes, "heic heix heim heis hevc hevx hevm hevs mif1 msf1");
}

[[noreturn]] void damaged(const char* what) {
  throw Error(ErrorCode::kCorrupt, std::string("it is damaged: ") + what);
}

// Boxes that follow each other. `until`: what follows the first of that type may be anything, such
// as bytes that a transfer has put behind the file.
std::vector<IsoBox> boxes_of(std::string_view bytes, std::string_view until = "") {
  constexpr std::size_t kMaxBoxes = 100'000;
  std::vector<IsoBox> boxes;
  bool found = false;
  for (std::uint64_t at = 0; at + 8 <= bytes.size() && boxes.size() < kMaxBoxes;) {
    const auto box = iso_box_at(bytes, at);
    if (found && (!box || !box->whole)) break;
    if (!box) damaged("a box is shorter than its own header");
    if (!box->whole) throw Error(ErrorCode::kCorrupt, "it is cut short");
    boxes.push_back(*box);
    found = found || box->type == until;
    at += box->length;
  }
  return boxes;
}

// The content of the first of that type; empty where there is none.
std::string_view find(const std::vector<IsoBox>& boxes, std::string_view type) {
  for (const IsoBox& box : boxes) {
    if (box.type == type) return box.content;
  }
  return {};
}

// Numbers one after the other.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : reader_(bytes) {}

  std::uint32_t take(int size) {
    const std::uint32_t value = size == 1   ? reader_.u8(at_)
                                : size == 2 ? reader_.u16(at_)
                                            : reader_.u32(at_);
    at_ += static_cast<std::uint64_t>(size);
    return value;
  }

  // Of 0, 4 or 8 bytes; 0: it is not there.
  std::uint64_t take_sized(int size) {
    if (size != 0 && size != 4 && size != 8) damaged("a field has an impossible size");
    std::uint64_t value = 0;
    for (int i = 0; i < size; i += 4) value = value << 32 | take(4);
    return value;
  }

 private:
  ByteReader reader_;
  std::uint64_t at_ = 0;
};

std::uint32_t primary_item(const std::vector<IsoBox>& meta) {
  Cursor cursor(find(meta, "pitm"));
  const std::uint32_t version = cursor.take(1);
  cursor.take(1), cursor.take(2);  // flags
  return cursor.take(version == 0 ? 2 : 4);
}

// Calls read with each item and the number, from 0, of each property that the boxes ipma give it.
template <typename Read>
void each_property(const std::vector<IsoBox>& properties, const Read& read) {
  for (const IsoBox& box : properties) {
    if (box.type != "ipma") continue;
    Cursor cursor(box.content);
    const std::uint32_t version = cursor.take(1);
    cursor.take(2);
    const bool wide = (cursor.take(1) & 1) != 0;
    const std::uint32_t items = cursor.take(4);
    for (std::uint32_t i = 0; i < items; ++i) {
      const std::uint32_t of = cursor.take(version == 0 ? 2 : 4);
      const std::uint32_t count = cursor.take(1);
      for (std::uint32_t j = 0; j < count; ++j) {
        // The uppermost bit says whether the property is essential; 0 means none.
        const std::uint32_t index = wide ? cursor.take(2) & 0x7fff : cursor.take(1) & 0x7f;
        if (index > 0) read(of, index - 1);
      }
    }
  }
}

// The box iloc says where the data of each item lie; decoders show what they find of them.
void check_data(std::string_view iloc, std::uint64_t file_size) {
  Cursor cursor(iloc);
  const std::uint32_t version = cursor.take(1);
  cursor.take(1), cursor.take(2);
  const std::uint32_t sizes = cursor.take(1), more_sizes = cursor.take(1);
  const int offset_size = sizes >> 4, length_size = sizes & 15, base_size = more_sizes >> 4;
  const int index_size = version == 0 ? 0 : more_sizes & 15;
  const std::uint32_t items = cursor.take(version < 2 ? 2 : 4);
  for (std::uint32_t i = 0; i < items; ++i) {
    cursor.take(version < 2 ? 2 : 4);
    const bool in_file = version == 0 || (cursor.take(2) & 15) == 0;
    const bool here = cursor.take(2) == 0;  // or in another file
    const std::uint64_t base = cursor.take_sized(base_size);
    std::uint32_t extents = cursor.take(2);
    if (index_size + offset_size + length_size == 0) extents = 0;  // they take no bytes
    for (std::uint32_t j = 0; j < extents; ++j) {
      cursor.take_sized(index_size);
      const std::uint64_t offset = cursor.take_sized(offset_size);
      const std::uint64_t length = cursor.take_sized(length_size);
      if (!in_file || !here) continue;
      if (base > file_size || offset > file_size - base || length > file_size - base - offset) {
        throw Error(ErrorCode::kCorrupt, "it is cut short");
      }
    }
  }
}

// Pixels by items, as their properties say.
std::map<std::uint32_t, double> areas_of(const std::vector<IsoBox>& properties,
                                         const std::vector<IsoBox>& stored) {
  std::map<std::uint32_t, double> areas;
  each_property(properties, [&](std::uint32_t item, std::uint32_t index) {
    if (index >= stored.size() || stored[index].type != "ispe") return;
    const ByteReader reader(stored[index].content);
    areas[item] = static_cast<double>(reader.u32(4)) * reader.u32(8);
  });
  return areas;
}

// An image may be made of others, and have another one for its alpha. libheif 1.15 follows such
// references as far as they lead: in a circle until the stack ends, and through a few grids of
// grids for days. What is decoded for the image must come to an end, and to about as much as the
// image.
void check_references(const std::vector<IsoBox>& meta, const std::map<std::uint32_t, double>& areas,
                      std::uint32_t primary) {
  constexpr int kMaxDepth = 16;
  constexpr double kMinArea = 64 * 64;  // what decoding one takes at least, whatever it says
  constexpr double kMaxTimes = 8, kAlways = 1 << 24;
  struct Item {
    std::vector<std::uint32_t> wholes;  // that need it
    std::size_t missing = 0;            // parts that it needs and that are not counted yet
    double pixels = 0;                  // decoded for it
    int depth = 0;
  };
  std::map<std::uint32_t, Item> items;
  const auto add = [&](std::uint32_t whole, std::uint32_t part) {
    items[part].wholes.push_back(whole);
    ++items[whole].missing;
  };
  for (const IsoBox& references : meta) {
    if (references.type != "iref") continue;
    const int id_size = ByteReader(references.content).u8(0) != 0 ? 4 : 2;
    const std::size_t version = std::min<std::size_t>(4, references.content.size());
    for (const IsoBox& box : boxes_of(references.content.substr(version))) {
      if (box.type != "dimg" && box.type != "auxl") continue;
      Cursor cursor(box.content);
      const std::uint32_t from = cursor.take(id_size);
      const std::uint32_t count = cursor.take(2);
      for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t to = cursor.take(id_size);
        box.type == "dimg" ? add(from, to) : add(to, from);  // an alpha names its image
      }
    }
  }

  // Parts before wholes.
  std::vector<std::uint32_t> ready;
  for (const auto& [id, item] : items) {
    if (item.missing == 0) ready.push_back(id);
  }
  for (std::size_t i = 0; i < ready.size(); ++i) {
    Item& item = items[ready[i]];
    const auto area = areas.find(ready[i]);
    item.pixels += std::max(area == areas.end() ? 0 : area->second, kMinArea);
    for (const std::uint32_t id : item.wholes) {
      Item& whole = items[id];
      whole.pixels += item.pixels;
      whole.depth = std::max(whole.depth, item.depth + 1);
      if (--whole.missing == 0) ready.push_back(id);
    }
  }
  if (ready.size() < items.size()) damaged("one of its images is made of itself");
  const auto shown = items.find(primary);
  if (shown == items.end()) return;
  const auto area = areas.find(primary);
  const double most = kMaxTimes * (area == areas.end() ? 0 : area->second) + kAlways;
  if (shown->second.depth > kMaxDepth || shown->second.pixels > most) {
    damaged("its image is made of far more than it shows");
  }
}

ImageHeader read_header(std::string_view bytes) {
  const std::vector<IsoBox> file = boxes_of(bytes, "meta");
  std::string_view meta_box = find(file, "meta");
  if (meta_box.size() < 4) {
    throw Error(ErrorCode::kUnsupported,
                "it holds a film and no image, which is not supported; extract a frame");
  }
  const std::vector<IsoBox> meta = boxes_of(meta_box.substr(4));
  check_data(find(meta, "iloc"), bytes.size());
  const std::vector<IsoBox> properties = boxes_of(find(meta, "iprp"));
  const std::vector<IsoBox> stored = boxes_of(find(properties, "ipco"));
  const std::uint32_t primary = primary_item(meta);
  check_references(meta, areas_of(properties, stored), primary);
  ImageHeader header;
  bool wide = false;
  each_property(properties, [&](std::uint32_t item, std::uint32_t index) {
    if (item != primary) return;
    if (index >= stored.size()) damaged("it lacks a property of its image");
    const ByteReader reader(stored[index].content);
    if (stored[index].type == "ispe" && header.width == 0) {
      header.width = reader.u32(4);
      header.height = reader.u32(8);
    }
    // Bits of each channel, behind their count.
    if (stored[index].type == "pixi" && stored[index].content.size() > 5) {
      wide = wide || reader.u8(5) > 8;
    }
  });
  if (header.width == 0 || header.height == 0) damaged("it does not say how large its image is");
  // The decoder's planes, libheif's, and RGBA, turned.
  header.decode_bytes = header.width * header.height * (wide ? 28 : 16);
  return header;
}

Image decode(std::string_view bytes, const ImageHeader& header, const DecodeOptions&,
             PixelBuffer* buffer) {
  // An image in a grid may be larger than the whole, which it is cropped to.
  constexpr std::uint64_t kMaxTileSide = 2048;
  Image image;
  const auto take = [&](const HeifPixels& pixels) {
    if (pixels.width * pixels.height > header.width * header.height) {
      damaged("its image is larger than it says");
    }
    image.width = static_cast<std::int64_t>(pixels.width);
    image.height = static_cast<std::int64_t>(pixels.height);
    image.channels = pixels.alpha ? 4 : 3;
    image.mode = pixels.alpha ? PixelMode::kRgba : PixelMode::kRgb;
    const std::uint64_t row = pixels.width * (pixels.alpha ? 4 : 3);
    const std::shared_ptr<std::uint8_t> copy = buffer->take(row * pixels.height);
    for (std::uint64_t y = 0; y < pixels.height; ++y) {
      const std::uint8_t* in = pixels.data + y * pixels.stride;
      std::uint8_t* out = copy.get() + y * row;
      if (pixels.bits == 8) {
        std::memcpy(out, in, row);
        continue;
      }
      for (std::uint64_t i = 0; i < row; ++i) {  // the upper eight bits
        out[i] = static_cast<std::uint8_t>((in[2 * i] | in[2 * i + 1] << 8) >> (pixels.bits - 8));
      }
    }
    image.stride = static_cast<std::ptrdiff_t>(row);
    image.data = copy.get();
    image.owner = copy;
  };
  libheif()(bytes, matches_avif(bytes.substr(0, kSignatureBytes)),
            std::max({header.width, header.height, kMaxTileSide}), take);
  return image;
}

}  // namespace

const ImageFormat kHeicFormat = {"HEIC", "heic heif hif", matches_heic, read_header, decode};
const ImageFormat kAvifFormat = {"AVIF", "avif", matches_avif, read_header, decode};

}  // namespace clip
