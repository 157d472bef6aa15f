// How often the labels that a model gives are the right ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "zero_shot/ranking.h"

namespace clip {

class Accuracy {
 public:
  explicit Accuracy(std::size_t classes);

  // One picture of the class `truth`; `ranking` holds at least one label, and up to as many as
  // top_k will be asked for.
  void add(std::size_t truth, const std::vector<RankedLabel>& ranking);

  std::uint64_t pictures() const { return pictures_; }
  std::uint64_t pictures(std::size_t of_class) const { return of_class_[of_class]; }

  // The shares of pictures, of all or of one class, whose class is the first of their ranking, or
  // among its first k. NaN where there are no pictures.
  double top_k(std::size_t k) const;
  double recall(std::size_t of_class) const;

  // The mean of the recalls of all classes that have pictures: scikit-learn's balanced accuracy.
  double mean_recall() const;

  // How many pictures of `truth` were taken for `predicted`.
  std::uint64_t confusion(std::size_t truth, std::size_t predicted) const;

  struct Confused {
    std::size_t truth, predicted;
    std::uint64_t pictures;
  };
  // All pairs that have pictures, those of a class with itself among them, sorted by their places.
  std::vector<Confused> confusion() const;
  // The pairs of different classes that were taken for each other most, at most `most` of them.
  std::vector<Confused> most_confused(std::size_t most) const;

 private:
  std::uint64_t pictures_ = 0;
  std::vector<std::uint64_t> of_class_;  // pictures of each class
  std::map<std::pair<std::size_t, std::size_t>, std::uint64_t> confusion_;  // {truth, predicted}
  std::vector<std::uint64_t> at_rank_;  // pictures whose class came at this place of the ranking
};

}  // namespace clip
