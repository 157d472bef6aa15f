// The images of a folder, as an index has them for one model: their vectors, mapped, and the paths
// of the files that have them. For reading, beside a process that writes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "index/index.h"
#include "index/scan.h"

namespace clip {

class Collection {
 public:
  // `sub`: relative to the root, only what is in this folder; empty: all. Throws Error (kNotFound)
  // where the index has no vectors of the model, naming those that it has; one that has none of any
  // model is an empty collection.
  Collection(Index* index, const std::string& model_identity, const std::string& model_name,
             const std::string& sub);

  const std::string& root() const { return index_->place().root; }
  const IndexedModel& model() const { return model_; }
  VectorRows rows() const { return reader_ != nullptr ? reader_->rows() : VectorRows(); }
  // The rows that count; null where all do.
  const RowFilter* filter() const { return filter_.get(); }
  std::int64_t count() const { return count_; }  // of them

  // The paths of the files that have the vector of each of these rows, relative to the root,
  // sorted; none for a row that no file in the folder has now. Nothing where the vector file has
  // been written anew meanwhile, so that rows mean something else: open the collection again.
  std::optional<std::vector<std::vector<std::string>>> paths_of(
      const std::vector<std::int64_t>& rows) const;

  // The rows that several files in the folder have. Nothing, as for paths_of.
  std::optional<std::vector<std::int64_t>> shared_rows() const;

 private:
  bool is_current(Statement* generation) const;
  void make_filter();

  Index* const index_;
  const std::string sub_;
  IndexedModel model_;
  std::unique_ptr<VectorReader> reader_;
  std::unique_ptr<RowFilter> filter_;
  std::int64_t count_ = 0;
};

}  // namespace clip
