// Attention to lists of rows: few queries, few rows, no library call worth its overhead.

#include "nn/attention.h"

#include <algorithm>
#include <limits>

#include "base/half.h"
#include "nn/parallel.h"
#include "nn/simd.h"

namespace clip {
namespace {

CLIP_INLINE void set(float* to, float value) {
  *to = value;
}
CLIP_INLINE void set(std::uint16_t* to, float value) {
  *to = bfloat16_from_float(value);
}

// The sums of 16 vectors as the lanes of one: halves are added, and two vectors become one, until
// one is left; 15 additions where 16 separate sums would take 60.
CLIP_INLINE void sums_of(Float16x* v, Float16x* result) {
  // Groups of 2h numbers, a group a vector: lanes i of the lower and of the upper halves.
  constexpr Int16x kLower8 = {0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23};
  constexpr Int16x kLower4 = {0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27};
  constexpr Int16x kLower2 = {0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29};
  constexpr Int16x kLower1 = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30};
#if defined(__clang__)
  for (int i = 0; i < 16; ++i) (*result)[i] = sum_of(v[i]);
  static_cast<void>(kLower8), static_cast<void>(kLower4), static_cast<void>(kLower2),
      static_cast<void>(kLower1);
#else
  for (int i = 0; i < 8; ++i) {
    v[i] = __builtin_shuffle(v[2 * i], v[2 * i + 1], kLower8) +
           __builtin_shuffle(v[2 * i], v[2 * i + 1], kLower8 + 8);
  }
  for (int i = 0; i < 4; ++i) {
    v[i] = __builtin_shuffle(v[2 * i], v[2 * i + 1], kLower4) +
           __builtin_shuffle(v[2 * i], v[2 * i + 1], kLower4 + 4);
  }
  for (int i = 0; i < 2; ++i) {
    v[i] = __builtin_shuffle(v[2 * i], v[2 * i + 1], kLower2) +
           __builtin_shuffle(v[2 * i], v[2 * i + 1], kLower2 + 2);
  }
  *result = __builtin_shuffle(v[0], v[1], kLower1) + __builtin_shuffle(v[0], v[1], kLower1 + 1);
#endif
}

// Scores of one query with 16 rows. Rows beyond the list repeat its last.
template <typename T>
CLIP_INLINE void score_16(const T* q, const T* const* k, std::int64_t width, float* scores) {
  Float16x sums[16], a, b, result;
  const std::int64_t vectors = width / kLanes * kLanes;
  for (int j = 0; j < 16; ++j) {
    Float16x sum = {};
    for (std::int64_t i = 0; i < vectors; i += kLanes) {
      load(q + i, &a);
      load(k[j] + i, &b);
      sum += a * b;
    }
    sums[j] = sum;
  }
  sums_of(sums, &result);
  for (int j = 0; j < 16; ++j) {
    for (std::int64_t i = vectors; i < width; ++i) result[j] += to_float(q[i]) * to_float(k[j][i]);
  }
  store(scores, result);
}

// Weights of the rows, from scores padded with minus infinity to whole vectors. Gives their sum's
// inverse, by which the result is to be multiplied.
CLIP_INLINE float weigh(float* scores, std::int64_t padded) {
  Float16x v, sum = {};
  float largest = scores[0];
  for (std::int64_t i = 1; i < padded; ++i) largest = std::max(largest, scores[i]);
  for (std::int64_t i = 0; i < padded; i += kLanes) {
    load(scores + i, &v);
    exp_of(v - largest, &v);
    sum += v;
    store(scores + i, v);
  }
  return 1 / sum_of(sum);
}

template <typename T>
CLIP_INLINE void mix(const float* weights, float scale, const T* v, std::int64_t stride,
                     const std::int32_t* rows, std::int64_t count, std::int64_t width, T* out) {
  std::int64_t i = 0;
  for (; i + 4 * kLanes <= width; i += 4 * kLanes) {
    Float16x sums[4] = {}, x;
    for (std::int64_t j = 0; j < count; ++j) {
      const T* row = v + rows[j] * stride + i;
      for (int part = 0; part < 4; ++part) {
        load(row + part * kLanes, &x);
        sums[part] += x * weights[j];
      }
    }
    for (int part = 0; part < 4; ++part) store(out + i + part * kLanes, sums[part] * scale);
  }
  for (; i + kLanes <= width; i += kLanes) {
    Float16x sum = {}, x;
    for (std::int64_t j = 0; j < count; ++j) {
      load(v + rows[j] * stride + i, &x);
      sum += x * weights[j];
    }
    store(out + i, sum * scale);
  }
  for (; i < width; ++i) {
    float sum = 0;
    for (std::int64_t j = 0; j < count; ++j) sum += weights[j] * to_float(v[rows[j] * stride + i]);
    set(out + i, sum * scale);
  }
}

// One query, one head.
template <typename T>
CLIP_INLINE void attend_one(const T* q, const T* k, std::int64_t k_stride, const T* v,
                            std::int64_t v_stride, const std::int32_t* rows, std::int64_t count,
                            std::int64_t width, float* scores, T* out) {
  const std::int64_t padded = (count + kLanes - 1) / kLanes * kLanes;
  for (std::int64_t begin = 0; begin < count; begin += kLanes) {
    const T* keys[16];
    for (std::int64_t j = 0; j < kLanes; ++j) {
      keys[j] = k + rows[std::min(begin + j, count - 1)] * k_stride;
    }
    score_16(q, keys, width, scores + begin);
  }
  for (std::int64_t j = count; j < padded; ++j) {
    scores[j] = -std::numeric_limits<float>::infinity();
  }
  const float scale = weigh(scores, padded);
  mix(scores, scale, v, v_stride, rows, count, width, out);
}

CLIP_CLONES void attend_f32(const float* q, const float* k, std::int64_t k_stride, const float* v,
                            std::int64_t v_stride, const std::int32_t* rows, std::int64_t count,
                            std::int64_t width, float* scores, float* out) {
  attend_one(q, k, k_stride, v, v_stride, rows, count, width, scores, out);
}
CLIP_CLONES void attend_bf16(const std::uint16_t* q, const std::uint16_t* k, std::int64_t k_stride,
                             const std::uint16_t* v, std::int64_t v_stride,
                             const std::int32_t* rows, std::int64_t count, std::int64_t width,
                             float* scores, std::uint16_t* out) {
  attend_one(q, k, k_stride, v, v_stride, rows, count, width, scores, out);
}

// The largest number of a row. Four chains, for a maximum takes longer than a load.
CLIP_INLINE float max_of_all(const float* row, std::int64_t count) {
  Float16x v, max[4];
  for (Float16x& chain : max) chain = Float16x{} + row[0];
  std::int64_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    for (int chain = 0; chain < 4; ++chain) {
      load(row + i + chain * kLanes, &v);
      max[chain] = v > max[chain] ? v : max[chain];
    }
  }
  for (; i + kLanes <= count; i += kLanes) {
    load(row + i, &v);
    max[0] = v > max[0] ? v : max[0];
  }
  max[0] = max[1] > max[0] ? max[1] : max[0];
  max[2] = max[3] > max[2] ? max[3] : max[2];
  max[0] = max[2] > max[0] ? max[2] : max[0];
  float largest = max_of(max[0]);
  for (; i < count; ++i) largest = std::max(largest, row[i]);
  return largest;
}

CLIP_CLONES float exponentials_f32(float* row, std::int64_t count) {
  const float largest = max_of_all(row, count);
  Float16x v, sum = {}, tail = Float16x{} - std::numeric_limits<float>::infinity();
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    load(row + i, &v);
    exp_of(v - largest, &v);
    sum += v;
    store(row + i, v);
  }
  for (std::int64_t lane = 0; i + lane < count; ++lane) tail[lane] = row[i + lane] - largest;
  exp_of(tail, &tail);
  for (std::int64_t lane = 0; i + lane < count; ++lane) row[i + lane] = tail[lane];
  return 1 / sum_of(sum + tail);
}

// As powers of two: e^(x - largest) = 2^(x log2 e - largest log2 e).
CLIP_CLONES float exponentials_bf16(const float* row, std::int64_t count, std::uint16_t* out) {
  constexpr float kLog2e = 1.44269504F;
  const float offset = max_of_all(row, count) * kLog2e;
  Float16x v, sum = {}, tail = Float16x{} - std::numeric_limits<float>::infinity();
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    load(row + i, &v);
    exp2_roughly(v * kLog2e - offset, &v);
    sum += v;
    store_positive(out + i, v);
  }
  for (std::int64_t lane = 0; i + lane < count; ++lane) {
    tail[lane] = row[i + lane] * kLog2e - offset;
  }
  exp2_roughly(tail, &tail);
  for (std::int64_t lane = 0; i + lane < count; ++lane) set(out + i + lane, tail[lane]);
  return 1 / (sum_of(sum + tail) + 0 * offset);  // no number where a score was infinite
}

template <typename Out>
CLIP_INLINE void scale_to(const float* row, std::int64_t count, float scale, Out* out) {
  Float16x v;
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    load(row + i, &v);
    store(out + i, v * scale);
  }
  for (; i < count; ++i) set(out + i, row[i] * scale);
}

CLIP_CLONES void scale_to_f32(const float* row, std::int64_t count, float scale, float* out) {
  scale_to(row, count, scale, out);
}
CLIP_CLONES void scale_to_bf16(const float* row, std::int64_t count, float scale,
                               std::uint16_t* out) {
  scale_to(row, count, scale, out);
}

}  // namespace

float exponentials(float* row, std::int64_t count, std::uint16_t* narrow) {
  return narrow == nullptr ? exponentials_f32(row, count) : exponentials_bf16(row, count, narrow);
}

void scale_row(const float* row, std::int64_t count, float scale, ElementType type, void* out) {
  if (type == ElementType::kFloat32) {
    scale_to_f32(row, count, scale, static_cast<float*>(out));
  } else {
    scale_to_bf16(row, count, scale, static_cast<std::uint16_t*>(out));
  }
}

void attend(const AttendedRows& attended, std::int64_t heads, const Rows& q, const Rows& k,
            const Rows& v, const Rows& out) {
  const std::int64_t width = q.width / heads;
  constexpr std::int64_t kMin = 4;  // queries that are worth another thread
  parallel_ranges(attended.queries(), kMin, [&](std::int64_t first, std::int64_t last) {
    std::vector<float> scores;
    for (std::int64_t i = first; i < last; ++i) {
      const std::int32_t* rows = attended.rows.data() + attended.begin[i];
      const std::int64_t count = attended.begin[i + 1] - attended.begin[i];
      scores.resize(static_cast<std::size_t>(count + kLanes));
      for (std::int64_t head = 0; head < heads; ++head) {
        const std::int64_t column = head * width;
        if (q.type == ElementType::kFloat32) {
          attend_f32(q.f32(i) + column, k.f32() + column, k.stride, v.f32() + column, v.stride,
                     rows, count, width, scores.data(), out.f32(i) + column);
        } else {
          attend_bf16(q.bf16(i) + column, k.bf16() + column, k.stride, v.bf16() + column, v.stride,
                      rows, count, width, scores.data(), out.bf16(i) + column);
        }
      }
    }
  });
}

}  // namespace clip
