// The functions behind a product by their formulas, in double.
#pragma once

#include <algorithm>
#include <cmath>

#include "nn/backend.h"

namespace clip_test {

using clip::Epilogue;

// What becomes of `value` where the output held `before`.
inline double apply(Epilogue epilogue, double value, double before) {
  switch (epilogue) {
    case Epilogue::kNone:
      return value;
    case Epilogue::kQuickGelu:
      return value / (1 + std::exp(-1.702 * value));
    case Epilogue::kGelu:
      return value * 0.5 * (1 + std::erf(value / std::sqrt(2.0)));
    case Epilogue::kGeluTanh:
      return value * 0.5 *
             (1 + std::tanh(std::sqrt(2 / M_PI) * (value + 0.044715 * value * value * value)));
    case Epilogue::kRelu:
      return std::max(value, 0.0);
    case Epilogue::kAdd:
      return value + before;
    case Epilogue::kAddRelu:
      return std::max(value + before, 0.0);
  }
  return 0;
}

}  // namespace clip_test
