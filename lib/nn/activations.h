// The functions that follow a product, on vectors. Include in .cpp files only.
#pragma once

#include "nn/backend.h"
#include "nn/simd.h"

namespace clip {

// 1 / (1 + e^-x), by e^-|x|, which cannot overflow.
template <typename F>
CLIP_INLINE void sigmoid_of(const F& x, F* result) {
  const F zero = {}, one = zero + 1.0F;
  const F negative = x < zero ? x : -x;
  F e;
  exp_of(negative, &e);
  *result = (x < zero ? e : one) / (one + e);
}

// x Phi(x) = x / 2 (1 + erf(x / sqrt(2))), erf by formula 7.1.26 of Abramowitz and Stegun, whose
// error is at most 1.5e-7.
template <typename F>
CLIP_INLINE void gelu_of(const F& x, F* result) {
  const F zero = {}, one = zero + 1.0F;
  const F z = (x < zero ? -x : x) * 0.70710678F;
  const F t = one / (one + z * 0.3275911F);
  F p = t * 1.061405429F - 1.453152027F;
  p = p * t + 1.421413741F;
  p = p * t - 0.284496736F;
  p = p * t + 0.254829592F;
  F e;
  exp_of(-z * z, &e);
  const F tail = p * t * e;  // 1 - erf(z)
  *result = x * 0.5F * (x < zero ? tail : 2.0F - tail);
}

// x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)), which is the formula with tanh.
template <typename F>
CLIP_INLINE void gelu_tanh_of(const F& x, F* result) {
  F s;
  sigmoid_of(1.5957691F * (x + 0.044715F * x * x * x), &s);
  *result = x * s;
}

// What an epilogue makes of products, and of what the output holds where it adds to that.
template <Epilogue kEpilogue, typename F>
CLIP_INLINE void apply_epilogue(const F& before, F* x) {
  const F zero = {};
  F s;
  if constexpr (kEpilogue == Epilogue::kQuickGelu) {
    sigmoid_of(1.702F * *x, &s);
    *x *= s;
  } else if constexpr (kEpilogue == Epilogue::kGelu) {
    gelu_of(*x, &s);
    *x = s;
  } else if constexpr (kEpilogue == Epilogue::kGeluTanh) {
    gelu_tanh_of(*x, &s);
    *x = s;
  } else if constexpr (kEpilogue == Epilogue::kRelu) {
    *x = *x > zero ? *x : zero;
  } else if constexpr (kEpilogue == Epilogue::kAdd) {
    *x += before;
  } else if constexpr (kEpilogue == Epilogue::kAddRelu) {
    *x += before;
    *x = *x > zero ? *x : zero;
  }
}

constexpr bool adds_to_output(Epilogue epilogue) {
  return epilogue == Epilogue::kAdd || epilogue == Epilogue::kAddRelu;
}

}  // namespace clip
