// Rows of 3 or 4 channels with AVX2. A weight of 22 fractional bits does not fit the 16 that
// vpmaddwd multiplies, so it is split: weight = high * 2^11 + low. Both sums are exact in 32 bits:
// |high| <= 2^12 and the weights' absolute values add up to less than 2; low < 2^11, times 255,
// times at most kMaxTapsAvx2 windows' pixels.
#include "image/row_pass.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace clip {
namespace {

constexpr int kLowBits = 11;
constexpr int kGroup = 4;          // pixels that one step mixes
constexpr int kGroupWeights = 16;  // 16-bit lanes: each pair of weights four times, once a channel
constexpr int kRows = 4;           // rows at once, so that weights are loaded a quarter as often
constexpr int kLoad = 16;          // bytes that one step reads, wanted or not

// The weights of all windows, padded with zeros to whole groups, as vpmaddwd wants them.
struct SplitWeights {
  std::vector<std::int16_t> high, low;
  std::vector<std::int64_t> offsets;  // of each window's first group, in lanes
};

std::int64_t groups_of(std::int64_t taps) {
  return (taps + kGroup - 1) / kGroup;
}

SplitWeights split(const RowPass& pass) {
  SplitWeights split;
  std::int64_t lanes = 0;
  for (const auto& window : pass.taps.windows) {
    split.offsets.push_back(lanes);
    lanes += groups_of(window.size) * kGroupWeights;
  }
  split.high.resize(static_cast<std::size_t>(lanes));
  split.low.resize(static_cast<std::size_t>(lanes));
  for (std::size_t i = 0; i < pass.taps.windows.size(); ++i) {
    const auto& window = pass.taps.windows[i];
    for (std::int64_t tap = 0; tap < window.size; ++tap) {
      const std::int32_t weight = pass.weights[window.offset + tap];
      const auto high = static_cast<std::int16_t>(weight >> kLowBits);
      const auto low = static_cast<std::int16_t>(weight & ((1 << kLowBits) - 1));
      // Lanes of a group: pixels 0 and 1 for each of four channels, then pixels 2 and 3.
      const std::int64_t lane =
          split.offsets[i] + tap / kGroup * kGroupWeights + tap % kGroup / 2 * 8 + tap % 2;
      for (int channel = 0; channel < 4; ++channel) {
        split.high[lane + 2 * channel] = high;
        split.low[lane + 2 * channel] = low;
      }
    }
  }
  return split;
}

// Where vpshufb takes each 16-bit lane's low byte from: samples of one channel and two neighbouring
// pixels side by side. -1 gives zero.
template <int channels>
__attribute__((target("avx2"))) __m256i pairing() {
  alignas(32) std::array<std::int8_t, 32> bytes;
  bytes.fill(-1);
  for (int pixel = 0; pixel < kGroup; ++pixel) {
    for (int channel = 0; channel < channels; ++channel) {
      const int lane = pixel / 2 * 8 + channel * 2 + pixel % 2;
      bytes[2 * lane] = static_cast<std::int8_t>(pixel * channels + channel);
    }
  }
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(bytes.data()));
}

// One output pixel of `rows` rows. `in` points at the window's first pixel in each.
template <int rows, int channels>
__attribute__((target("avx2"), always_inline)) inline void mix(
    const std::uint8_t* const* in, std::int64_t groups, const std::int16_t* high,
    const std::int16_t* low, __m256i pairs, std::uint8_t* const* out) {
  __m256i high_sums[rows], low_sums[rows];
  for (int r = 0; r < rows; ++r) high_sums[r] = low_sums[r] = _mm256_setzero_si256();
  std::int64_t at = 0;
  for (std::int64_t group = 0; group < groups; ++group) {
    const __m256i h = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(high));
    const __m256i l = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(low));
    for (int r = 0; r < rows; ++r) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in[r] + at));
      const __m256i pixels = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), pairs);
      high_sums[r] = _mm256_add_epi32(high_sums[r], _mm256_madd_epi16(pixels, h));
      low_sums[r] = _mm256_add_epi32(low_sums[r], _mm256_madd_epi16(pixels, l));
    }
    high += kGroupWeights;
    low += kGroupWeights;
    at += kGroup * channels;
  }
  for (int r = 0; r < rows; ++r) {
    const __m256i sums = _mm256_add_epi32(_mm256_slli_epi32(high_sums[r], kLowBits), low_sums[r]);
    const __m128i sum =
        _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    const __m128i value =
        _mm_srai_epi32(_mm_add_epi32(sum, _mm_set1_epi32(1 << (kWeightBits - 1))), kWeightBits);
    const __m128i words = _mm_packs_epi32(value, value);
    const int packed = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
    std::memcpy(out[r], &packed, static_cast<std::size_t>(channels));
  }
}

template <int rows, int channels>
__attribute__((target("avx2"))) void mix_rows(const RowPass& pass, const SplitWeights& weights,
                                              const std::uint8_t* const* in,
                                              std::uint8_t* const* out) {
  const __m256i pairs = pairing<channels>();
  for (std::size_t i = 0; i < pass.taps.windows.size(); ++i) {
    const auto& window = pass.taps.windows[i];
    const std::uint8_t* from[rows];
    std::uint8_t* to[rows];
    for (int r = 0; r < rows; ++r) {
      from[r] = in[r] + window.start * channels;
      to[r] = out[r] + static_cast<std::int64_t>(i) * channels;
    }
    mix<rows, channels>(from, groups_of(window.size), weights.high.data() + weights.offsets[i],
                        weights.low.data() + weights.offsets[i], pairs, to);
  }
}

// Bytes from a row's start to the end of what is read for it, padding included.
std::int64_t reach(const RowPass& pass) {
  std::int64_t max = 0;
  for (const auto& window : pass.taps.windows) {
    const std::int64_t last_group = window.start + (groups_of(window.size) - 1) * kGroup;
    max = std::max(max, last_group * pass.image.channels + kLoad);
  }
  return max;
}

template <int channels>
void rows_with(const RowPass& pass, std::int64_t first, std::int64_t last, std::uint8_t* out) {
  const Image& image = pass.image;
  const SplitWeights weights = split(pass);
  const Region region = image.decoded_region();
  const std::int64_t row_begin = region.left * channels;
  const std::int64_t row_end = (region.left + region.width) * channels;
  const std::int64_t out_bytes = static_cast<std::int64_t>(pass.taps.windows.size()) * channels;
  const std::int64_t reached = reach(pass);
  // What is read beyond a row is multiplied by zero, but must be memory of the image's: the last
  // rows are copied to where there is room.
  const std::uint8_t* const end = image.row(region.top + region.height - 1) + row_end;
  std::vector<std::uint8_t> copy(static_cast<std::size_t>(std::max(reached, row_end)));

  std::int64_t y = first;
  for (; y + kRows <= last && end - image.row(y + kRows - 1) >= reached; y += kRows) {
    const std::uint8_t* in[kRows];
    std::uint8_t* to[kRows];
    for (int r = 0; r < kRows; ++r) {
      in[r] = image.row(y + r);
      to[r] = out + (y + r - first) * out_bytes;
    }
    mix_rows<kRows, channels>(pass, weights, in, to);
  }
  for (; y < last; ++y) {
    const std::uint8_t* in = image.row(y);
    if (end - in < reached) {
      std::memcpy(copy.data() + row_begin, in + row_begin,
                  static_cast<std::size_t>(row_end - row_begin));
      in = copy.data();
    }
    std::uint8_t* to = out + (y - first) * out_bytes;
    mix_rows<1, channels>(pass, weights, &in, &to);
  }
}

}  // namespace

void rows_avx2(const RowPass& pass, std::int64_t first, std::int64_t last, std::uint8_t* out) {
  if (pass.image.channels == 3) {
    rows_with<3>(pass, first, last, out);
  } else {
    rows_with<4>(pass, first, last, out);
  }
}

}  // namespace clip

#endif
