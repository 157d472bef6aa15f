#include "probe/products.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

using namespace clip;

namespace {

std::vector<float> some_numbers(std::int64_t count, std::mt19937* random) {
  std::uniform_real_distribution<float> number(-1, 1);
  std::vector<float> numbers;
  for (std::int64_t i = 0; i < count; ++i) numbers.push_back(number(*random));
  return numbers;
}

}  // namespace

TEST_CASE("products are those of the definition, for every layout and size") {
  std::mt19937 random(1);
  for (const std::int64_t rows : {1, 5, 6, 7, 97, 200}) {
    for (const std::int64_t columns : {1, 15, 16, 33, 130}) {
      for (const std::int64_t depth : {1, 3, 256, 300}) {
        const auto a = some_numbers(rows * depth, &random),
                   b = some_numbers(depth * columns, &random);
        const std::int64_t stride = columns + 3;
        for (const bool a_turned : {false, true}) {
          for (const bool b_turned : {false, true}) {
            const MatrixView left =
                a_turned ? MatrixView{a.data(), 1, rows} : MatrixView{a.data(), depth, 1};
            const MatrixView right =
                b_turned ? MatrixView{b.data(), 1, depth} : MatrixView{b.data(), columns, 1};
            std::vector<float> c(static_cast<std::size_t>(rows * stride), 77.0F);
            multiply(left, right, rows, columns, depth, c.data(), stride);
            double worst = 0;
            for (std::int64_t i = 0; i < rows; ++i) {
              for (std::int64_t j = 0; j < stride; ++j) {
                double sum = j < columns ? 0 : 77;  // what lies behind the columns stays
                for (std::int64_t k = 0; j < columns && k < depth; ++k) {
                  sum += double(left.data[i * left.row_stride + k * left.column_stride]) *
                         right.data[k * right.row_stride + j * right.column_stride];
                }
                worst =
                    std::max(worst, std::abs(sum - c[static_cast<std::size_t>(i * stride + j)]));
              }
            }
            CHECK(worst < 2e-5);
          }
        }
      }
    }
  }
}
