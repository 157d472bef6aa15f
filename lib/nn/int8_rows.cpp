#include "nn/int8_rows.h"

#include <algorithm>
#include <cmath>

#include "nn/activations.h"
#include "nn/parallel.h"
#include "nn/simd.h"

namespace clip {
namespace {

// The largest magnitude, as integers: those of NaN and infinity are above all others, and stay.
template <typename F, typename T>
CLIP_INLINE float max_magnitude(const T* row, std::int64_t width) {
  F v;
  UIntOf<F> bits, max = {};
  std::int64_t i = 0;
  for (; i + kLanesOf<F> <= width; i += kLanesOf<F>) {
    load(row + i, &v);
    magnitude_bits(v, &bits);
    max = bits > max ? bits : max;
  }
  std::uint32_t largest = 0;
  for (int lane = 0; lane < kLanesOf<F>; ++lane)
    largest = std::max<std::uint32_t>(largest, max[lane]);
  for (; i < width; ++i) {
    const float value = std::abs(to_float(row[i]));
    std::uint32_t own;
    std::memcpy(&own, &value, sizeof(own));
    largest = std::max(largest, own);
  }
  float result;
  std::memcpy(&result, &largest, sizeof(result));
  return result;
}

template <typename F, typename T>
CLIP_INLINE void quantize(const T* row, std::int64_t width, std::uint8_t* out, float* scale) {
  constexpr std::int64_t kCount = kLanesOf<F>;
  const float max = max_magnitude<F>(row, width);
  const float inverse = inverse_step(max);
  *scale = max / kInt8Steps;
  F v;
  std::int64_t i = 0;
  for (; i + kCount <= width; i += kCount) {
    load(row + i, &v);
    store_int8(out + i, v * inverse);
  }
  if (i == width) return;
  float rest[kCount] = {};
  std::uint8_t narrow[kCount];
  for (std::int64_t j = i; j < width; ++j) rest[j - i] = to_float(row[j]);
  load(rest, &v);
  store_int8(narrow, v * inverse);
  std::copy_n(narrow, width - i, out + i);
}

CLIP_KERNEL(void quantize_f32(const float* row, std::int64_t width, std::uint8_t* out,
                              float* scale),
            quantize<F>(row, width, out, scale);)
CLIP_KERNEL(void quantize_bf16(const std::uint16_t* row, std::int64_t width, std::uint8_t* out,
                               float* scale),
            quantize<F>(row, width, out, scale);)

template <typename F>
CLIP_INLINE void load_sums(const std::int32_t* sums, const std::int32_t* offsets, F* to) {
  IntOf<F> sum, offset;
  std::memcpy(&sum, sums, sizeof(sum));
  std::memcpy(&offset, offsets, sizeof(offset));
  *to = __builtin_convertvector(sum - offset, F);
}

// The columns of a vector.
template <typename F, Epilogue kEpilogue, typename Out>
CLIP_INLINE void finish_some(const std::int32_t* sums, std::int64_t i, float row_scale,
                             const Int8Columns& columns, Out* out) {
  F x, scale, bias, before = {};
  load_sums(sums + i, columns.offsets + i, &x);
  load(columns.scales + i, &scale);
  load(columns.bias + i, &bias);
  x = x * (scale * row_scale) + bias;
  if constexpr (adds_to_output(kEpilogue)) load(out, &before);
  apply_epilogue<kEpilogue>(before, &x);
  store(out, x);
}

template <typename F, Epilogue kEpilogue, typename Out>
CLIP_INLINE void finish(const std::int32_t* sums, std::int64_t width, float row_scale,
                        const Int8Columns& columns, Out* out) {
  constexpr std::int64_t kCount = kLanesOf<F>;
  std::int64_t i = 0;
  for (; i + kCount <= width; i += kCount) {
    finish_some<F, kEpilogue>(sums, i, row_scale, columns, out + i);
  }
  if (i == width) return;
  Out rest[kCount] = {};  // the output has no room for a vector, the sums and the columns have
  std::copy_n(out + i, width - i, rest);
  finish_some<F, kEpilogue>(sums, i, row_scale, columns, rest);
  std::copy_n(rest, width - i, out + i);
}

template <typename F, typename Out>
CLIP_INLINE void finish_any(const std::int32_t* sums, std::int64_t width, float row_scale,
                            const Int8Columns& columns, Epilogue epilogue, Out* out) {
  switch (epilogue) {
    case Epilogue::kNone:
      return finish<F, Epilogue::kNone>(sums, width, row_scale, columns, out);
    case Epilogue::kQuickGelu:
      return finish<F, Epilogue::kQuickGelu>(sums, width, row_scale, columns, out);
    case Epilogue::kGelu:
      return finish<F, Epilogue::kGelu>(sums, width, row_scale, columns, out);
    case Epilogue::kGeluTanh:
      return finish<F, Epilogue::kGeluTanh>(sums, width, row_scale, columns, out);
    case Epilogue::kRelu:
      return finish<F, Epilogue::kRelu>(sums, width, row_scale, columns, out);
    case Epilogue::kAdd:
      return finish<F, Epilogue::kAdd>(sums, width, row_scale, columns, out);
    case Epilogue::kAddRelu:
      return finish<F, Epilogue::kAddRelu>(sums, width, row_scale, columns, out);
  }
}

CLIP_KERNEL(void finish_to_f32(const std::int32_t* sums, std::int64_t width, float row_scale,
                               const Int8Columns& columns, Epilogue epilogue, float* out),
            finish_any<F>(sums, width, row_scale, columns, epilogue, out);)
CLIP_KERNEL(void finish_to_bf16(const std::int32_t* sums, std::int64_t width, float row_scale,
                                const Int8Columns& columns, Epilogue epilogue, std::uint16_t* out),
            finish_any<F>(sums, width, row_scale, columns, epilogue, out);)

}  // namespace

void quantize_row(const float* row, std::int64_t width, std::uint8_t* out, float* scale) {
  quantize_f32(row, width, out, scale);
}

void quantize_rows(const Rows& in, const Rows& out) {
  constexpr std::int64_t kMin = 16;  // rows that are worth another thread
  parallel_ranges(in.count, kMin, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      if (in.type == ElementType::kFloat32) {
        quantize_f32(in.f32(i), in.width, out.u8(i), out.scales + i);
      } else {
        quantize_bf16(in.bf16(i), in.width, out.u8(i), out.scales + i);
      }
    }
  });
}

void finish_row(const std::int32_t* sums, std::int64_t width, float row_scale,
                const Int8Columns& columns, Epilogue epilogue, const Rows& out, float* scratch) {
  switch (out.type) {
    case ElementType::kFloat32:
      return finish_to_f32(sums, width, row_scale, columns, epilogue, out.f32());
    case ElementType::kBFloat16:
      return finish_to_bf16(sums, width, row_scale, columns, epilogue, out.bf16());
    case ElementType::kInt8:
      finish_to_f32(sums, width, row_scale, columns, epilogue, scratch);
      return quantize_f32(scratch, width, out.u8(), out.scales);
  }
}

}  // namespace clip
