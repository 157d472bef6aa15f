/// \file
/// The index of a folder's images, for reading: finds those whose embeddings are nearest to a
/// query's, exactly, by comparing it with every vector (lib/index/README.md has the file format).
/// `clip-cli index` makes indexes and brings them up to date, `clip-cli search` reads the same
/// ones.
///
///     const auto index = clip::ImageIndex::open("photos", model);
///     const clip::Embeddings query = clip::TextEmbedder(model, {}).embed({"a red car"});
///     for (const clip::ImageHit& hit : index->search(query.row(0))) { ... }
///
/// Any number of threads may call the same index; the calls run one after the other, each on all
/// threads that its options name. Another process may bring the index up to date meanwhile: each
/// search sees what is committed when it begins.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "clip/model.h"

namespace clip {

/// An image that a search found.
struct ImageHit {
  std::string path;  ///< of the file, absolute
  double score = 0;  ///< 100 x cosine of image and query
};

/// What a search gives.
struct ImageSearchOptions {
  std::size_t top = 10;  ///< the greatest number of hits
  /// 100 x cosine; images with a lower score are left out.
  double min_score = -std::numeric_limits<double>::infinity();
  int threads = 0;  ///< 0: all processors that this process may use
};

/// An index, opened for reading, for one model. For any number of threads.
class ImageIndex {
 public:
  /// `folder`: of images; the index is its own, or that of the nearest folder above, of which only
  /// what lies in `folder` is searched. Throws Error: kNotFound where there is no such folder, no
  /// index that covers it, or no vectors of `model` in it, naming the models that it has;
  /// kInvalidArgument for what is no folder; kCorrupt, kUnsupported and kIo for an index that
  /// cannot be used.
  static std::unique_ptr<ImageIndex> open(const std::string& folder,
                                          const std::shared_ptr<const Model>& model);
  ~ImageIndex();
  ImageIndex(const ImageIndex&) = delete;
  ImageIndex& operator=(const ImageIndex&) = delete;

  /// The absolute path of the folder that the index is of: `folder`, or one above it.
  const std::string& root() const;

  /// Images with different contents that can be found now. Throws Error as `search` does.
  std::int64_t count();

  /// The best images, best first, at most `options.top`; copies of an image come one after the
  /// other, in the order of their paths. `query`: [dim], the model's embedding dimension; it need
  /// not be normalized, so sums of embeddings are queries, too. Throws Error: kInvalidArgument for
  /// a query that is zero or not finite, kCorrupt and kIo where the index cannot be read any more.
  std::vector<ImageHit> search(const float* query, const ImageSearchOptions& options = {});

 private:
  struct Parts;
  explicit ImageIndex(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace clip
