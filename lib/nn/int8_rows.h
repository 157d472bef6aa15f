// Rows of activations in int8, each with a scale of its own: 127 steps from 0 to the largest
// magnitude in the row (Rows::u8). Products of int8 leave sums in int32, which are finished here:
// scaled, given bias and activation, and written in float32, bfloat16, or in int8 for the next
// product, in one pass.
#pragma once

#include <cstdint>

#include "nn/backend.h"
#include "nn/rows.h"

namespace clip {

// Rounds rows to int8. `in`: float32 or bfloat16; `out`: as many rows of the same width, in int8.
// The scale of a row that holds NaN is NaN, and with it all that is computed of the row.
void quantize_rows(const Rows& in, const Rows& out);

// One row, by the calling thread.
void quantize_row(const float* row, std::int64_t width, std::uint8_t* out, float* scale);

// What the columns of a product in int8 need beside the sums: with the row's scale s_i,
// y = epilogue(s_i c_j (sum - o_j) + b_j). All [outputs], and then room up to a multiple of 16.
struct Int8Columns {
  const float* scales;          // c
  const std::int32_t* offsets;  // o: 128 times the sum of a column's weights: u8 holds 128 too much
  const float* bias;            // b; zeros where there is none
};

// Finishes one row of `width` sums, of which there is room for a multiple of 16, by the calling
// thread. `out`: one row, of any type; `scratch`: [width], used where that is int8.
void finish_row(const std::int32_t* sums, std::int64_t width, float row_scale,
                const Int8Columns& columns, Epilogue epilogue, const Rows& out, float* scratch);

}  // namespace clip
