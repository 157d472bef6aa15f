// Attention to lists of rows: few queries and few rows, for which no library call is worth its
// overhead.

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

// Scores are made for so many queries at once: their sums fill the registers of AVX2.
constexpr int kMaxQueries = 6;

std::int64_t padded(std::int64_t count) {
  return (count + kLanes - 1) / kLanes * kLanes;
}

// Scratch memory of a thread.
struct Scratch {
  std::vector<float> panels;   // keys by sixteens: [groups of keys, head width, 16]
  std::vector<float> queries;  // [queries, head width]
  std::vector<float> scores;   // [queries, padded keys]

  void reserve(std::int64_t for_queries, std::int64_t keys, std::int64_t width) {
    const std::int64_t whole = padded(keys);
    const std::int64_t at_once = std::min<std::int64_t>(for_queries, kMaxQueries);
    const auto grow = [](std::vector<float>* numbers, std::int64_t size) {
      if (numbers->size() < static_cast<std::size_t>(size)) numbers->resize(size);
    };
    if (for_queries > 1) {
      grow(&panels, whole * width);
      grow(&queries, at_once * width);
    }
    grow(&scores, at_once * whole);
  }
};

// What one head of some queries attends to: query i to the first `count` + i x `growth` rows.
template <typename T>
struct Head {
  const T *k, *v;
  std::int64_t k_stride, v_stride, width;
  const std::int32_t* rows;
  std::int64_t count, growth;  // growth is 0 or 1
};

// Keys by sixteens, so that the scores of 16 keys are a vector. Those beyond the list repeat its
// last.
template <typename T>
CLIP_INLINE void pack_keys(const Head<T>& head, std::int64_t count, float* panels) {
  for (std::int64_t begin = 0; begin < count; begin += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const T* key = head.k + head.rows[std::min(begin + lane, count - 1)] * head.k_stride;
      float* to = panels + begin * head.width + lane;
      for (std::int64_t i = 0; i < head.width; ++i) to[i * kLanes] = to_float(key[i]);
    }
  }
}

// Scores of some queries with 16 keys.
template <typename F, int kQueries>
CLIP_INLINE void score_16(const float* queries, const float* panel, std::int64_t width,
                          float* scores, std::int64_t stride) {
  constexpr int kParts = kLanes / kLanesOf<F>;
  F sums[kQueries][kParts] = {}, keys[kParts];
  for (std::int64_t i = 0; i < width; ++i) {
    for (int part = 0; part < kParts; ++part) {
      load(panel + i * kLanes + part * kLanesOf<F>, &keys[part]);
    }
    for (int query = 0; query < kQueries; ++query) {
      for (int part = 0; part < kParts; ++part) {
        sums[query][part] += keys[part] * queries[query * width + i];
      }
    }
  }
  for (int query = 0; query < kQueries; ++query) {
    for (int part = 0; part < kParts; ++part) {
      store(scores + query * stride + part * kLanesOf<F>, sums[query][part]);
    }
  }
}

// Scores of one query with `count` rows, where packing keys would not pay.
template <typename F, typename T>
CLIP_INLINE void score_rows(const T* q, const Head<T>& head, float* scores) {
  const std::int64_t vectors = head.width / kLanesOf<F> * kLanesOf<F>;
  for (std::int64_t j = 0; j < head.count; ++j) {
    const T* key = head.k + head.rows[j] * head.k_stride;
    F sum = {}, a, b;
    for (std::int64_t i = 0; i < vectors; i += kLanesOf<F>) {
      load(q + i, &a);
      load(key + i, &b);
      sum += a * b;
    }
    scores[j] = sum_of(sum);
    for (std::int64_t i = vectors; i < head.width; ++i) {
      scores[j] += to_float(q[i]) * to_float(key[i]);
    }
  }
}

// Weights of `count` rows, from their scores, of which there is room for whole vectors. Gives their
// sum's inverse, by which the result is to be multiplied.
template <typename F>
CLIP_INLINE float weigh(float* scores, std::int64_t count) {
  const std::int64_t end = padded(count);
  for (std::int64_t j = count; j < end; ++j) scores[j] = -std::numeric_limits<float>::infinity();
  F v, sum = {}, max;
  load(scores, &max);
  for (std::int64_t i = kLanesOf<F>; i < end; i += kLanesOf<F>) {
    load(scores + i, &v);
    max = v > max ? v : max;
  }
  const float largest = max_of(max);
  for (std::int64_t i = 0; i < end; i += kLanesOf<F>) {
    load(scores + i, &v);
    exp_of(v - largest, &v);
    sum += v;
    store(scores + i, v);
  }
  return 1 / sum_of(sum);
}

// Values by their weights, for some queries. Only rows that a query attends to are read for it: one
// that holds no number is nothing to it.
template <typename F, int kQueries, typename T>
CLIP_INLINE void mix(const float* weights, std::int64_t stride, const float* scales,
                     const Head<T>& head, T* out, std::int64_t out_stride) {
  constexpr int kParts = kLanes / kLanesOf<F>;
  std::int64_t i = 0;
  for (; i + kLanes <= head.width; i += kLanes) {
    F sums[kQueries][kParts] = {}, x[kParts];
    const auto load_value = [&](std::int64_t j) {
      const T* value = head.v + head.rows[j] * head.v_stride + i;
      for (int part = 0; part < kParts; ++part) load(value + part * kLanesOf<F>, &x[part]);
    };
    for (std::int64_t j = 0; j < head.count; ++j) {
      load_value(j);
      for (int query = 0; query < kQueries; ++query) {
        for (int part = 0; part < kParts; ++part) {
          sums[query][part] += x[part] * weights[query * stride + j];
        }
      }
    }
    for (int query = 1; query < kQueries; ++query) {
      for (std::int64_t j = head.count; j < head.count + query * head.growth; ++j) {
        load_value(j);
        for (int part = 0; part < kParts; ++part) {
          sums[query][part] += x[part] * weights[query * stride + j];
        }
      }
    }
    for (int query = 0; query < kQueries; ++query) {
      for (int part = 0; part < kParts; ++part) {
        store(out + query * out_stride + i + part * kLanesOf<F>, sums[query][part] * scales[query]);
      }
    }
  }
  for (; i < head.width; ++i) {
    for (int query = 0; query < kQueries; ++query) {
      float sum = 0;
      for (std::int64_t j = 0; j < head.count + query * head.growth; ++j) {
        sum += weights[query * stride + j] * to_float(head.v[head.rows[j] * head.v_stride + i]);
      }
      set(out + query * out_stride + i, sum * scales[query]);
    }
  }
}

// Some queries, whose keys are packed.
template <typename F, int kQueries, typename T>
CLIP_INLINE void attend_some(const T* q, std::int64_t q_stride, const Head<T>& head,
                             Scratch* scratch, T* out, std::int64_t out_stride) {
  const std::int64_t count = head.count + (kQueries - 1) * head.growth, stride = padded(count);
  float *queries = scratch->queries.data(), *scores = scratch->scores.data();
  for (int query = 0; query < kQueries; ++query) {
    for (std::int64_t i = 0; i < head.width; ++i) {
      queries[query * head.width + i] = to_float(q[query * q_stride + i]);
    }
  }
  for (std::int64_t begin = 0; begin < count; begin += kLanes) {
    score_16<F, kQueries>(queries, scratch->panels.data() + begin * head.width, head.width,
                          scores + begin, stride);
  }
  float scales[kQueries];
  for (int query = 0; query < kQueries; ++query) {
    scales[query] = weigh<F>(scores + query * stride, head.count + query * head.growth);
  }
  mix<F, kQueries>(scores, stride, scales, head, out, out_stride);
}

// `queries` of them, one after the other.
template <typename F, typename T>
CLIP_INLINE void attend_run(const T* q, std::int64_t q_stride, std::int64_t queries, Head<T> head,
                            Scratch* scratch, T* out, std::int64_t out_stride) {
  if (queries == 1) {
    float* scores = scratch->scores.data();
    score_rows<F>(q, head, scores);
    const float scale = weigh<F>(scores, head.count);
    return mix<F, 1>(scores, 0, &scale, head, out, out_stride);
  }
  pack_keys(head, head.count + (queries - 1) * head.growth, scratch->panels.data());
  while (queries > 0) {
    int done = 1;
    if (queries >= kMaxQueries) {
      done = kMaxQueries;
      attend_some<F, kMaxQueries>(q, q_stride, head, scratch, out, out_stride);
    } else if (queries >= 3) {
      done = 3;
      attend_some<F, 3>(q, q_stride, head, scratch, out, out_stride);
    } else {
      attend_some<F, 1>(q, q_stride, head, scratch, out, out_stride);
    }
    q += done * q_stride;
    out += done * out_stride;
    head.count += done * head.growth;
    queries -= done;
  }
}

CLIP_KERNEL(void attend_f32(const float* q, std::int64_t q_stride, std::int64_t queries,
                            const Head<float>& head, Scratch* scratch, float* out,
                            std::int64_t out_stride),
            attend_run<F>(q, q_stride, queries, head, scratch, out, out_stride);)
CLIP_KERNEL(void attend_bf16(const std::uint16_t* q, std::int64_t q_stride, std::int64_t queries,
                             const Head<std::uint16_t>& head, Scratch* scratch, std::uint16_t* out,
                             std::int64_t out_stride),
            attend_run<F>(q, q_stride, queries, head, scratch, out, out_stride);)

// Queries that stand one after the other, and attend to the same rows, or each to those of the one
// before it and to one more, as the tokens of a prompt do. They share packed keys.
struct Run {
  std::int64_t first, queries, growth;
};

std::vector<Run> runs_of(const AttendedRows& attended) {
  std::vector<Run> runs;
  const auto count = [&](std::int64_t i) { return attended.begin[i + 1] - attended.begin[i]; };
  const auto rows = [&](std::int64_t i) { return attended.rows.data() + attended.begin[i]; };
  for (std::int64_t i = 0; i < attended.queries(); ++i) {
    if (i > 0) {
      Run& run = runs.back();
      const std::int64_t growth = count(i) - count(i - 1);
      const bool goes_on = (growth == 0 || growth == 1) &&
                           (run.queries == 1 || growth == run.growth) &&
                           std::equal(rows(i - 1), rows(i - 1) + count(i - 1), rows(i));
      if (goes_on) {
        ++run.queries;
        run.growth = growth;
        continue;
      }
    }
    runs.push_back({i, 1, 0});
  }
  return runs;
}

// The largest number of a row. Four chains, for a maximum takes longer than a load.
template <typename F>
CLIP_INLINE float max_of_all(const float* row, std::int64_t count) {
  F v, max[4];
  for (F& chain : max) chain = F{} + row[0];
  std::int64_t i = 0;
  for (; i + 4 * kLanesOf<F> <= count; i += 4 * kLanesOf<F>) {
    for (int chain = 0; chain < 4; ++chain) {
      load(row + i + chain * kLanesOf<F>, &v);
      max[chain] = v > max[chain] ? v : max[chain];
    }
  }
  for (; i + kLanesOf<F> <= count; i += kLanesOf<F>) {
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

template <typename F>
CLIP_INLINE float exponentials_in_place(float* row, std::int64_t count) {
  const float largest = max_of_all<F>(row, count);
  F v, sum = {}, tail = F{} - std::numeric_limits<float>::infinity();
  std::int64_t i = 0;
  for (; i + kLanesOf<F> <= count; i += kLanesOf<F>) {
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
template <typename F>
CLIP_INLINE float exponentials_narrow(const float* row, std::int64_t count, std::uint16_t* out) {
  constexpr float kLog2e = 1.44269504F;
  const float offset = max_of_all<F>(row, count) * kLog2e;
  F v, sum = {}, tail = F{} - std::numeric_limits<float>::infinity();
  std::int64_t i = 0;
  for (; i + kLanesOf<F> <= count; i += kLanesOf<F>) {
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

CLIP_KERNEL(float exponentials_f32(float* row, std::int64_t count),
            return exponentials_in_place<F>(row, count);)
CLIP_KERNEL(float exponentials_bf16(const float* row, std::int64_t count, std::uint16_t* out),
            return exponentials_narrow<F>(row, count, out);)

template <typename F, typename Out>
CLIP_INLINE void scale_to(const float* row, std::int64_t count, float scale, Out* out) {
  F v;
  std::int64_t i = 0;
  for (; i + kLanesOf<F> <= count; i += kLanesOf<F>) {
    load(row + i, &v);
    store(out + i, v * scale);
  }
  for (; i < count; ++i) set(out + i, row[i] * scale);
}

CLIP_KERNEL(void scale_to_f32(const float* row, std::int64_t count, float scale, float* out),
            scale_to<F>(row, count, scale, out);)
CLIP_KERNEL(void scale_to_bf16(const float* row, std::int64_t count, float scale,
                               std::uint16_t* out),
            scale_to<F>(row, count, scale, out);)

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
  const std::vector<Run> runs = runs_of(attended);
  // Heads of runs that are worth another thread: four queries' heads.
  const auto count = static_cast<std::int64_t>(runs.size());
  const std::int64_t min = std::max<std::int64_t>(4 * heads * count / attended.queries(), 1);
  parallel_ranges(count * heads, min, [&](std::int64_t begin, std::int64_t end) {
    Scratch scratch;
    for (std::int64_t i = begin; i < end; ++i) {
      const Run& run = runs[i / heads];
      const std::int64_t first = run.first, last = first + run.queries - 1;
      const std::int64_t column = i % heads * width;
      const std::int32_t* rows = attended.rows.data() + attended.begin[last];  // of all of them
      const std::int64_t of_first = attended.begin[first + 1] - attended.begin[first];
      const std::int64_t of_last = attended.begin[last + 1] - attended.begin[last];
      scratch.reserve(run.queries, of_last, width);
      if (q.type == ElementType::kFloat32) {
        const Head<float> head = {
            k.f32() + column, v.f32() + column, k.stride, v.stride, width, rows,
            of_first,         run.growth};
        attend_f32(q.f32(first) + column, q.stride, run.queries, head, &scratch,
                   out.f32(first) + column, out.stride);
      } else {
        const Head<std::uint16_t> head = {
            k.bf16() + column, v.bf16() + column, k.stride, v.stride, width, rows,
            of_first,          run.growth};
        attend_bf16(q.bf16(first) + column, q.stride, run.queries, head, &scratch,
                    out.bf16(first) + column, out.stride);
      }
    }
  });
}

}  // namespace clip
