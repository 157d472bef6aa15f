// Which rows of a vector file count: a bit a row. What the database does not know (rows of removed
// files, of other folders, of a run that crashed) is not among them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace clip {

class RowFilter {
 public:
  static constexpr std::int64_t kWordRows = 64;  // rows of one word

  // Of so many rows, none of which counts yet.
  explicit RowFilter(std::int64_t rows)
      : rows_(rows), words_(static_cast<std::size_t>((rows + kWordRows - 1) / kWordRows)) {}

  // A row that is not among them is passed over: false.
  bool add(std::int64_t row) {
    if (row < 0 || row >= rows_) return false;
    words_[static_cast<std::size_t>(row / kWordRows)] |= std::uint64_t{1} << row % kWordRows;
    return true;
  }
  void remove(std::int64_t row) {
    if (row < 0 || row >= rows_) return;
    words_[static_cast<std::size_t>(row / kWordRows)] &= ~(std::uint64_t{1} << row % kWordRows);
  }

  bool holds(std::int64_t row) const {
    return row >= 0 && row < rows_ && (word(row / kWordRows) >> row % kWordRows & 1) != 0;
  }
  std::int64_t rows() const { return rows_; }
  std::int64_t count() const {  // of those that count
    std::int64_t count = 0;
    for (const std::uint64_t word : words_) count += __builtin_popcountll(word);
    return count;
  }

  // Rows [64 i, 64 i + 64), the first in the lowest bit; 0 beyond the last.
  std::uint64_t word(std::int64_t i) const {
    return static_cast<std::size_t>(i) < words_.size() ? words_[static_cast<std::size_t>(i)] : 0;
  }

 private:
  std::int64_t rows_;
  std::vector<std::uint64_t> words_;
};

}  // namespace clip
