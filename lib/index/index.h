// An index: the files of a root folder and what is known of them, in a SQLite database, and beside
// it a vector file for each model (vector_file.h). README.md has the tables and the rules by which
// nothing is lost.
//
// One process writes at a time, and holds the index's lock meanwhile; any number read what is
// committed. An Index is for one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "clip/cancel.h"
#include "clip/model.h"
#include "index/place.h"
#include "index/sqlite.h"
#include "index/vector_file.h"

namespace clip {

// A model whose vectors are in the index.
struct IndexedModel {
  std::int64_t id = 0;
  std::string identity;  // Model::identity
  std::string name;      // its published name, or its file's
  std::string path;      // where its file lay when it was last used
  std::int64_t dim = 0;
  std::uint64_t generation = 0;  // of its vector file
  std::int64_t rows = 0;         // of the vector file, that count
};

class Index {
 public:
  // Opens an index for reading. Throws Error (kNotFound) where there is none, and (kCorrupt) for
  // what is none.
  static std::unique_ptr<Index> open(const IndexPlace& place);

  // For writing; makes an index where there is none. `wait`: called once where another process has
  // the lock, before this one waits for it; it may throw. Throws Error (kCancelled) when `stop` is
  // cancelled meanwhile.
  static std::unique_ptr<Index> open_for_writing(const IndexPlace& place, const CancelToken* stop,
                                                 const std::function<void()>& wait);

  ~Index();
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  const IndexPlace& place() const { return place_; }
  Database* database() { return &database_; }

  std::vector<IndexedModel> models();
  std::optional<IndexedModel> find_model(const std::string& identity);
  // The model's, added where it is not there. For writing.
  IndexedModel add_model(const Model& model, std::int64_t dim);
  // Notes under which name and path the model was used. For writing.
  void note_use(const IndexedModel& indexed, const Model& model);

  std::string vector_path(const IndexedModel& model) const;
  VectorFileId vector_id(const IndexedModel& model) const;
  VectorReader vectors(const IndexedModel& model) const;
  VectorWriter vector_writer(const IndexedModel& model) const;

  // A value that is kept with the index, by its name; empty where there is none.
  std::string fact(const char* name);
  void set_fact(const char* name, std::string_view value);

  // The names of files in the index's folder are on the disk when it returns.
  void sync() const;

  // For writing: removes vector files that no model has, which a crash left.
  void remove_strays();

 private:
  Index(IndexPlace place, Descriptor lock, Database::Access access);
  void make_tables();
  void check_tables();

  const IndexPlace place_;
  Descriptor lock_;
  Database database_;
  std::uint64_t id_ = 0;
};

// Names of facts.
constexpr const char* kRootFact = "root";            // the root's path when it was last refreshed
constexpr const char* kExcludeFact = "exclude";      // patterns of names, a line each
constexpr const char* kArchivesFact = "archives";    // "1": tar archives are read, too
constexpr const char* kFormatsFact = "formats";      // image_format_names() of the last refresh
constexpr const char* kOrphansFact = "orphans";      // "1": contents may have no file
constexpr const char* kRefreshedFact = "refreshed";  // when: seconds since 1970

// All indexes that lie in `data` (place.h), sorted by their roots.
std::vector<IndexPlace> indexes_in(const std::string& data);

// Removes an index and its folder. Throws Error where that is not possible, or another process has
// its lock.
void remove_index(const IndexPlace& place);

}  // namespace clip
