#include "clip/image_index.h"

#include <fmt/format.h>

#include <cerrno>
#include <mutex>
#include <optional>
#include <utility>

#include "base/file.h"
#include "clip/embeddings.h"
#include "index/collection.h"
#include "index/search.h"

namespace clip {
namespace {

// How often another process may write the vectors anew before this one gives up.
constexpr int kMaxTries = 10;

std::string title_of(const Model& model) {
  return model.config().name.empty() ? model.path() : model.config().name;
}

std::vector<float> normalized(const float* query, std::int64_t dim) {
  std::vector<float> row(query, query + dim);
  if (usable_norm(normalize(row.data(), dim))) return row;
  throw Error(ErrorCode::kInvalidArgument, "the query is zero, or not finite");
}

}  // namespace

struct ImageIndex::Parts {
  // The rows as they are now: looked up again when another process has committed.
  Collection* current() {
    const std::int64_t now = index->database()->number("PRAGMA data_version");
    if (!collection || now != version) {
      collection.reset();
      collection.emplace(index.get(), model->identity(), title_of(*model), sub);
      version = now;
    }
    return &*collection;
  }

  std::shared_ptr<const Model> model;
  std::string sub;  // the folder that was named, relative to the root
  std::mutex mutex;
  std::unique_ptr<Index> index;
  std::optional<Collection> collection;
  std::int64_t version = 0;  // of the database, when the collection was made
};

std::unique_ptr<ImageIndex> ImageIndex::open(const std::string& folder,
                                             const std::shared_ptr<const Model>& model) {
  const std::string real = real_path(folder);
  if (real.empty()) throw file_error("use the folder", folder, errno);
  if (!is_folder(real)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("cannot use {}: it is not a folder", folder));
  }
  const auto place = find_index(real, index_data_folder());
  if (!place) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("there is no index of {}, nor of a folder above it: it has to be made "
                            "first",
                            folder));
  }
  auto parts = std::make_unique<Parts>();
  parts->model = model;
  parts->sub = relative_to(place->root, real);
  parts->index = Index::open(*place);
  parts->current();
  return std::unique_ptr<ImageIndex>(new ImageIndex(std::move(parts)));
}

ImageIndex::ImageIndex(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

ImageIndex::~ImageIndex() = default;

const std::string& ImageIndex::root() const {
  return parts_->index->place().root;
}

std::int64_t ImageIndex::count() {
  const std::lock_guard<std::mutex> lock(parts_->mutex);
  return parts_->current()->count();
}

std::vector<ImageHit> ImageIndex::search(const float* query, const ImageSearchOptions& options) {
  const std::vector<float> row = normalized(query, parts_->model->config().embedding_dim);
  SearchOptions wanted;
  wanted.top = options.top;
  wanted.min_score = options.min_score;
  wanted.threads = options.threads;
  const std::lock_guard<std::mutex> lock(parts_->mutex);
  for (int tries = 0; tries < kMaxTries; ++tries) {
    const Collection& collection = *parts_->current();
    if (options.top == 0 || collection.rows().count == 0) return {};
    if (collection.rows().dim != static_cast<std::int64_t>(row.size())) {
      throw Error(ErrorCode::kCorrupt,
                  fmt::format("cannot use the index of {}: its vectors of {} have {} numbers, and "
                              "the model gives {}",
                              root(), collection.model().name, collection.rows().dim, row.size()),
                  Hint::kRebuildIndex);
    }
    const auto found = clip::search(collection, row, wanted);
    if (!found) {
      parts_->collection.reset();
      continue;
    }
    std::vector<ImageHit> hits;
    for (const SearchHit& hit : *found) {
      hits.push_back({joined_path(root(), hit.path), hit.score});
    }
    return hits;
  }
  throw Error(ErrorCode::kIo,
              fmt::format("another process writes the index of {} anew again and again", root()));
}

}  // namespace clip
