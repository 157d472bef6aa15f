#include <doctest/doctest.h>
#include <fmt/format.h>
#include <jpeglib.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>

#include "clip/image.h"
#include "clip/preprocessing.h"
#include "image/upright.h"

using clip::Image;
using clip::Region;

namespace {

struct Kind {
  int width = 1, height = 1, components = 3;
  int h = 1, v = 1;                // sampling of the first component; of all others 1
  int second_h = 1, second_v = 1;  // and of the second
  int quality = 90, restart_rows = 0;
  bool progressive = false, arithmetic = false, rgb = false;
  int scans_left_out = 0;  // of a progressive image: its blocks are then smoothed
  int orientation = 1;

  std::string name() const {
    return fmt::format(
        "{} x {}, {} components, {} x {} and {} x {}, quality {}, restart {}{}{}{}{}, "
        "orientation {}",
        width, height, components, h, v, second_h, second_v, quality, restart_rows,
        progressive ? ", progressive" : "", arithmetic ? ", arithmetic" : "", rgb ? ", RGB" : "",
        scans_left_out > 0 ? ", incomplete" : "", orientation);
  }
};

// An APP1 segment's content: EXIF with nothing but the orientation.
std::string exif(int orientation) {
  std::string block("Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", 25);
  block += static_cast<char>(orientation);
  return block + std::string(6, '\0');
}

// Waves with noise, so that neighbours differ and no two places are alike.
std::string jpeg(const Kind& kind, std::mt19937* random) {
  jpeg_compress_struct info = {};
  jpeg_error_mgr errors = {};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;  // NOLINT: libjpeg's type
  jpeg_mem_dest(&info, &bytes, &size);
  info.image_width = static_cast<JDIMENSION>(kind.width);
  info.image_height = static_cast<JDIMENSION>(kind.height);
  info.input_components = kind.components;
  info.in_color_space = kind.components == 1   ? JCS_GRAYSCALE
                        : kind.components == 3 ? JCS_RGB
                                               : JCS_CMYK;
  jpeg_set_defaults(&info);
  if (kind.components == 4) jpeg_set_colorspace(&info, kind.rgb ? JCS_CMYK : JCS_YCCK);
  if (kind.components == 3 && kind.rgb) jpeg_set_colorspace(&info, JCS_RGB);
  jpeg_set_quality(&info, kind.quality, TRUE);
  for (int i = 0; i < kind.components; ++i) {
    info.comp_info[i].h_samp_factor = i == 0 ? kind.h : i == 1 ? kind.second_h : 1;
    info.comp_info[i].v_samp_factor = i == 0 ? kind.v : i == 1 ? kind.second_v : 1;
  }
  if (kind.progressive) {
    jpeg_simple_progression(&info);
    info.num_scans -= kind.scans_left_out;
  }
  info.arith_code = kind.arithmetic ? TRUE : FALSE;
  info.restart_in_rows = kind.restart_rows;
  jpeg_start_compress(&info, TRUE);
  const std::string orientation = exif(kind.orientation);
  jpeg_write_marker(&info, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(orientation.data()),
                    static_cast<unsigned>(orientation.size()));
  std::vector<JSAMPLE> row(static_cast<std::size_t>(kind.width * kind.components));
  for (int y = 0; y < kind.height; ++y) {
    for (int x = 0; x < kind.width * kind.components; ++x) {
      row[static_cast<std::size_t>(x)] =
          static_cast<JSAMPLE>((x * 7 + y * y / 9 + (*random)() % 40 + (x * y) / 50) & 255);
    }
    JSAMPROW pointer = row.data();
    jpeg_write_scanlines(&info, &pointer, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::string file(reinterpret_cast<const char*>(bytes), size);
  std::free(bytes);
  return file;
}

Kind random_kind(std::mt19937* random) {
  const auto below = [random](int limit) { return static_cast<int>((*random)() % limit); };
  Kind kind;
  kind.width = 1 + below(below(4) == 0 ? 60 : 500);
  kind.height = 1 + below(below(4) == 0 ? 60 : 500);
  constexpr int kComponents[] = {3, 3, 3, 1, 4};
  kind.components = kComponents[below(5)];
  constexpr int kSamplings[][2] = {{1, 1}, {2, 1}, {2, 2}, {1, 2}, {4, 1}, {4, 2}, {1, 4}, {2, 2}};
  const auto& sampling = kSamplings[below(8)];
  kind.h = sampling[0];
  kind.v = sampling[1];
  if (below(5) == 0 && kind.h % 2 == 0) kind.second_h = 2;
  if (below(5) == 0 && kind.v % 2 == 0) kind.second_v = 2;
  // At most ten blocks make an MCU (T.81, B.2.3).
  if (kind.h * kind.v + kind.second_h * kind.second_v + kind.components - 2 > 10) {
    kind.second_h = kind.second_v = 1;
    if (kind.h * kind.v > 6) kind.v = 1;
  }
  kind.quality = 20 + below(81);
  kind.restart_rows = below(3) == 0 ? 1 + below(3) : 0;
  kind.progressive = below(2) == 0;
  kind.arithmetic = below(4) == 0;
  kind.rgb = below(4) == 0;
  kind.scans_left_out =
      kind.progressive && kind.components == 3 && below(4) == 0 ? 1 + below(6) : 0;
  kind.orientation = below(2) == 0 ? 1 : 1 + below(8);
  return kind;
}

Region random_region(std::int64_t width, std::int64_t height, std::mt19937* random) {
  const auto up_to = [random](std::int64_t limit) {
    return static_cast<std::int64_t>((*random)() % static_cast<std::uint32_t>(limit));
  };
  Region region;
  region.left = (*random)() % 4 == 0 ? 0 : up_to(width);
  region.top = (*random)() % 4 == 0 ? 0 : up_to(height);
  region.width = 1 + up_to(width - region.left);
  region.height = 1 + up_to(height - region.top);
  return region;
}

bool equal_there(const Image& whole, const Image& part) {
  const Region region = part.decoded_region();
  const auto offset = region.left * part.channels;
  for (std::int64_t y = region.top; y < region.top + region.height; ++y) {
    if (std::memcmp(whole.row(y) + offset, part.row(y) + offset,
                    static_cast<std::size_t>(region.width * part.channels)) != 0) {
      return false;
    }
  }
  return true;
}

bool holds(const Region& outer, const Region& inner) {
  return outer.left <= inner.left && outer.top <= inner.top &&
         outer.left + outer.width >= inner.left + inner.width &&
         outer.top + outer.height >= inner.top + inner.height;
}

}  // namespace

TEST_CASE("a region of a JPEG has the pixels of the whole image") {
  std::mt19937 random(11);
  for (int i = 0; i < 700; ++i) {
    const Kind kind = random_kind(&random);
    const std::string bytes = jpeg(kind, &random);
    const Image whole = clip::decode_bytes(bytes, "whole", {});
    CHECK(whole.region.empty() == false);
    for (int crop = 0; crop < 3; ++crop) {
      Region asked;
      clip::DecodeOptions options;
      options.region_of_interest = [&](std::int64_t width, std::int64_t height) {
        REQUIRE(width == whole.width);
        REQUIRE(height == whole.height);
        return asked = random_region(width, height, &random);
      };
      const Image part = clip::decode_bytes(bytes, "part", options);
      CAPTURE(kind.name());
      CAPTURE(fmt::format("{} x {} at {}, {}", asked.width, asked.height, asked.left, asked.top));
      REQUIRE(part.width == whole.width);
      REQUIRE(part.height == whole.height);
      REQUIRE(holds(part.decoded_region(), asked));
      REQUIRE(equal_there(whole, part));
    }
  }
}

TEST_CASE("an image that is decoded where it is looked at is preprocessed to the same pixels") {
  std::mt19937 random(12);
  for (int i = 0; i < 200; ++i) {
    const Kind kind = random_kind(&random);
    const std::string bytes = jpeg(kind, &random);
    clip::Preprocessing rule;
    rule.image_size = 1 + static_cast<int>(random() % 300);
    constexpr clip::ResizeMode kModes[] = {
        clip::ResizeMode::kShortestSide, clip::ResizeMode::kSquash, clip::ResizeMode::kLongestSide};
    rule.resize = kModes[random() % 6 / 2 % 3];
    if (random() % 2 == 0) rule.interpolation = clip::Interpolation::kBilinear;
    clip::DecodeOptions options;
    options.region_of_interest = [&](std::int64_t width, std::int64_t height) {
      return clip::region_of_interest(width, height, rule);
    };
    CAPTURE(kind.name());
    CHECK(clip::resize_and_crop(clip::decode_bytes(bytes, "whole", {}), rule) ==
          clip::resize_and_crop(clip::decode_bytes(bytes, "part", options), rule));
  }
}

TEST_CASE("a region that lies outside of the image is the whole image") {
  std::mt19937 random(13);
  Kind kind;
  kind.width = 100;
  kind.height = 80;
  const std::string bytes = jpeg(kind, &random);
  for (const Region asked : {Region{200, 0, 10, 10}, Region{0, 0, 0, 0}, Region{-5, -5, 1000, 1000},
                             Region{-10, -10, 5, 5}}) {
    clip::DecodeOptions options;
    options.region_of_interest = [&](std::int64_t, std::int64_t) { return asked; };
    const Image image = clip::decode_bytes(bytes, "image", options);
    CHECK(image.decoded_region().width == 100);
    CHECK(image.decoded_region().height == 80);
  }
}

TEST_CASE("data that end below the region are missed all the same") {
  std::mt19937 random(14);
  Kind kind;
  kind.width = 64;
  kind.height = 400;
  kind.h = kind.v = 2;
  for (const bool progressive : {false, true}) {
    kind.progressive = progressive;
    const std::string bytes = jpeg(kind, &random);
    clip::DecodeOptions options;
    options.region_of_interest = [](std::int64_t width, std::int64_t) {
      return Region{0, 100, width, 64};
    };
    CHECK_NOTHROW(clip::decode_bytes(bytes, "whole", options));
    CHECK_THROWS(clip::decode_bytes(bytes.substr(0, bytes.size() - 300), "cut", options));
  }
}

TEST_CASE("regions of upright images and of stored ones") {
  const Region upright = {1, 2, 3, 4};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const bool turned = clip::is_transposed(orientation);
    const Region stored = clip::stored_region(upright, 20, 30, orientation);
    CHECK(stored.width == (turned ? 4 : 3));
    CHECK(stored.height == (turned ? 3 : 4));
  }
  const Region six = clip::stored_region(upright, 20, 30, 6);
  CHECK(six.left == 2);
  CHECK(six.top == 30 - 1 - 3);
}
