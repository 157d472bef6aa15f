// Weights in int8: each output's with a scale of its own, to the nearest of 127 steps.
//
// Processors without VNNI or AMX multiply bytes by an instruction that adds the products of two
// neighbours in 16 bits, and saturates: 2 x 255 x 127 does not fit. There the scale is so large
// that the magnitudes of no two neighbours add up to more than 128, as 255 x 128 does fit. That
// keeps more steps than the usual way out, which is to halve the range of all: the two largest
// weights are seldom neighbours. The demo model loses at most 0.2 points of accuracy with it, and
// 0.5 with the other (train_demo_model.py evaluate --precision int8, on an EPYC with AVX2).
#pragma once

#include <cstdint>

namespace clip {

// Rounds `inputs` weights of one output, all finite: w ~ scale x out. `sum`: of `out`. Where sums
// are not wide, neighbours are 0 and 1, 2 and 3, and so on.
void quantize_weights(const float* weights, std::int64_t inputs, bool wide_sums, std::int8_t* out,
                      float* scale, std::int32_t* sum);

}  // namespace clip
