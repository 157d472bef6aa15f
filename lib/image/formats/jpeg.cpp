// JPEG: ITU-T T.81. The first image of a file counts, also of an MPO. What lies between the markers
// is passed over as Pillow and libjpeg pass over it.
#include <fmt/format.h>

#include <algorithm>

#include "base/byte_reader.h"
#include "image/exif.h"
#include "image/formats/formats.h"
#include "image/formats/jpeg_decode.h"

namespace clip {
namespace {

constexpr std::uint32_t kFill = 0xff, kScan = 0xda, kApp1 = 0xe1;

bool is_frame(std::uint32_t marker) {  // SOF0 to SOF15, but DHT, JPG and DAC
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

bool is_lossless_or_hierarchical(std::uint32_t frame) {
  return frame % 4 == 3 || frame == 0xc5 || frame == 0xc6 || frame == 0xcd || frame == 0xce;
}

// JPG, RST0 to RST7, SOI, EOI and JPG0 to JPG13 have no segment here; the decoder judges them.
bool stands_alone(std::uint32_t marker) {
  return marker == 0xc8 || (marker >= 0xd0 && marker <= 0xd9) || marker >= 0xf0;
}

struct Facts {
  JpegFrame frame;
  int orientation = 1;
  std::uint64_t decode_bytes = 0;
};

struct Sampling {
  std::uint64_t horizontal = 1, vertical = 1;
};

std::vector<Sampling> samplings_of(const ByteReader& reader, std::uint64_t segment, int count) {
  std::vector<Sampling> samplings;
  for (int i = 0; i < count; ++i) {
    const std::uint32_t factors = reader.u8(segment + 9 + 3 * static_cast<std::uint64_t>(i));
    // A factor outside of 1 to 4 is refused by the decoder.
    samplings.push_back({std::clamp(factors >> 4, 1U, 4U), std::clamp(factors & 15, 1U, 4U)});
  }
  return samplings;
}

// Of all components, padded to whole MCUs: where there are several scans they are kept from one to
// the next.
std::uint64_t coefficient_bytes(const JpegFrame& frame, const std::vector<Sampling>& samplings) {
  constexpr std::uint64_t kBlockBytes = 64 * sizeof(std::int16_t);
  const auto mcus = [](std::int64_t pixels, int factor) {
    return static_cast<std::uint64_t>((pixels + 8 * factor - 1) / (8 * factor));
  };
  std::uint64_t blocks = 0;
  for (const Sampling& sampling : samplings) blocks += sampling.horizontal * sampling.vertical;
  return mcus(frame.width, frame.max_h) * mcus(frame.height, frame.max_v) * blocks * kBlockBytes;
}

// `segment`: where its length stands.
JpegFrame frame_of(const ByteReader& reader, std::uint64_t segment, std::uint32_t marker) {
  const std::uint32_t bits = reader.u8(segment + 2);
  JpegFrame frame;
  frame.height = reader.u16(segment + 3);
  frame.width = reader.u16(segment + 5);
  frame.components = static_cast<int>(reader.u8(segment + 7));
  if (is_lossless_or_hierarchical(marker)) {
    throw Error(ErrorCode::kUnsupported, "lossless and hierarchical JPEG cannot be read");
  }
  if (bits != 8) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("JPEG of {} bits a sample cannot be read, only of 8", bits));
  }
  if (frame.components != 1 && frame.components != 3 && frame.components != 4) {
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("JPEG of {} components cannot be read, only of 1, 3 and 4", frame.components));
  }
  if (frame.height == 0 && frame.width != 0) {
    throw Error(ErrorCode::kUnsupported,
                "JPEG whose height stands behind its data (DNL) cannot be read");
  }
  return frame;
}

// Up to the first scan.
Facts facts_of(std::string_view bytes) {
  const std::string_view exif_prefix("Exif\0", 5);
  const ByteReader reader(bytes);
  Facts facts;
  std::vector<Sampling> samplings;
  bool oriented = false, progressive = false;
  for (std::uint64_t at = 2;;) {
    if (!reader.holds(at, 2)) {
      throw Error(ErrorCode::kCorrupt, "it is cut short: it holds no image data");
    }
    if (reader.u8(at) != kFill) {
      ++at;  // stray bytes between segments
      continue;
    }
    const std::uint32_t marker = reader.u8(at + 1);
    if (marker == kFill) {
      ++at;
      continue;
    }
    at += 2;
    if (marker == 0 || stands_alone(marker)) continue;
    if (marker < 0xc0) throw Error(ErrorCode::kCorrupt, "it is damaged: it has an unknown marker");
    // Shorter than itself is taken for empty.
    const std::uint64_t length = std::max<std::uint64_t>(reader.u16(at), 2);
    const std::string_view content = reader.view(at, length).substr(2);
    if (is_frame(marker)) {
      facts.frame = frame_of(reader, at, marker);
      samplings = samplings_of(reader, at, facts.frame.components);
      for (const Sampling& sampling : samplings) {
        facts.frame.max_h = std::max(facts.frame.max_h, static_cast<int>(sampling.horizontal));
        facts.frame.max_v = std::max(facts.frame.max_v, static_cast<int>(sampling.vertical));
      }
      progressive = marker % 4 == 2;
    } else if (marker == kApp1 && !oriented &&
               content.substr(0, exif_prefix.size()) == exif_prefix) {
      oriented = true;
      facts.orientation = exif_orientation(content);
    } else if (marker == kScan) {
      if (samplings.empty()) {
        throw Error(ErrorCode::kCorrupt, "it is damaged: its data come before its size");
      }
      const auto components = static_cast<std::uint64_t>(facts.frame.components);
      facts.decode_bytes = static_cast<std::uint64_t>(facts.frame.width) *
                           static_cast<std::uint64_t>(facts.frame.height) * components;
      if (progressive || reader.u8(at + 2) < components) {
        facts.decode_bytes += coefficient_bytes(facts.frame, samplings);
      }
      return facts;
    }
    at += length;
  }
}

bool matches(std::string_view bytes) {
  return ByteReader(bytes).starts_with(0, "\xff\xd8\xff");
}

ImageHeader read_header(std::string_view bytes) {
  const Facts facts = facts_of(bytes);
  ImageHeader header;
  header.width = static_cast<std::uint64_t>(facts.frame.width);
  header.height = static_cast<std::uint64_t>(facts.frame.height);
  header.orientation = facts.orientation;
  header.decode_bytes = facts.decode_bytes;
  return header;
}

// By how much a JPEG is to be reduced while it is decoded: 1, 2, 4 or 8.
int reduction(const ImageHeader& header, std::uint64_t min_side_after_scaling) {
  if (min_side_after_scaling == 0) return 1;
  const std::uint64_t shorter = std::min(header.width, header.height);
  int scale = 1;
  while (scale < 8 && shorter / (2 * scale) >= min_side_after_scaling) scale *= 2;
  return scale;
}

Image decode(std::string_view bytes, const ImageHeader& header, const DecodeOptions& options,
             PixelBuffer* buffer) {
  const JpegFrame frame = facts_of(bytes).frame;
  const int scale = reduction(header, options.min_side_after_scaling);
  const bool partial = options.region_of_interest && options.min_side_after_scaling == 0;
  const Region region = partial ? options.region_of_interest(frame.width, frame.height) : Region();
  return decode_jpeg(bytes, frame, scale, region, buffer);
}

}  // namespace

const ImageFormat kJpegFormat = {"JPEG", "jpg jpeg jpe jfif mpo", matches, read_header, decode};

}  // namespace clip
