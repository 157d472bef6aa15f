// Groups of images that are nearly the same: copies of one, resized, recompressed or cropped a
// little, and copies of a file.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "clip/cancel.h"
#include "index/collection.h"

namespace clip {

// Two images whose cosine is at least this are nearly the same, by measurement on altered copies of
// drawings (README.md).
constexpr double kNearDuplicateCosine = 0.96;

struct DuplicateImage {
  std::size_t collection = 0;  // which of those that were searched
  std::string path;            // relative to the root of its index
  std::uint64_t bytes = 0;
  std::int64_t modified_nsec = 0;
  double cosine = 0;  // with the first of the group
};

struct DuplicateOptions {
  double min_cosine = 0;
  int threads = 0;
  const CancelToken* stop = nullptr;
  std::function<void(double)> progress;  // the share of the work that is done
};

// The groups, those with the most images first, then those with the most bytes; in each the largest
// file first, then by path. Two images are in one group when their cosine is at least `min_cosine`,
// or others lead from one to the other in such steps. Names that are links to one file are one
// image. All collections must be of the same model. Gives nothing where a collection has to be
// opened again (Collection::paths_of). Throws Error (kCancelled).
std::optional<std::vector<std::vector<DuplicateImage>>> find_duplicates(
    const std::vector<const Collection*>& collections, const DuplicateOptions& options);

}  // namespace clip
