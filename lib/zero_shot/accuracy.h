// How often the labels that a model gives are the right ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "clip/zero_shot.h"

namespace clip {

class Accuracy {
 public:
  explicit Accuracy(std::size_t classes);

  // One image of the class `truth`. `ranking` holds at least one label, and as many as the largest
  // k that top_k will be asked for.
  void add(std::size_t truth, const std::vector<RankedLabel>& ranking);

  std::uint64_t images() const { return images_; }
  std::uint64_t images(std::size_t of_class) const { return of_class_[of_class]; }

  // The shares of images, of all or of one class, whose class is the first of their ranking, or
  // among its first k. NaN where there are no images.
  double top_k(std::size_t k) const;
  double recall(std::size_t of_class) const;

  // The mean of the recalls of all classes that have images: scikit-learn's balanced accuracy.
  double mean_recall() const;

  // How many images of `truth` have `predicted` first in their ranking.
  std::uint64_t confusion(std::size_t truth, std::size_t predicted) const;

  struct Confused {
    std::size_t truth, predicted;
    std::uint64_t images;
  };
  // All pairs that have images, those of a class with itself among them, by truth and predicted.
  std::vector<Confused> confusion() const;
  // The pairs of different classes with the largest numbers of images, at most `max` of them, the
  // largest first.
  std::vector<Confused> confused_pairs(std::size_t max) const;

 private:
  std::uint64_t images_ = 0;
  std::vector<std::uint64_t> of_class_;                                     // images of each class
  std::map<std::pair<std::size_t, std::size_t>, std::uint64_t> confusion_;  // {truth, predicted}
  std::vector<std::uint64_t> at_rank_;  // images, by the place of their class in the ranking
};

}  // namespace clip
