// What a refresh has to look at: the files of the folder that are new, or not as the index knows
// them, and what it has to forget. Memory grows with the folders, never with the number of files:
// the files wait in a temporary table.
//
// An archive that is read is a file, and a folder whose path is the archive's and whose files are
// its members. It is looked at again when the file has changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clip/cancel.h"
#include "clip/error.h"
#include "index/index.h"

namespace clip {

struct PlanOptions {
  std::string sub;  // relative to the root; empty: all
  std::optional<std::vector<std::string>> exclude;
  // Whether tar archives are read as folders of their members; none: as before.
  std::optional<bool> archives;
  bool prune = false;  // forget what cannot be reached
  const CancelToken* stop = nullptr;
};

struct RefreshPlan {
  std::uint64_t files = 0;               // to be looked at
  std::uint64_t deleted = 0, kept = 0;   // entries of images
  std::vector<std::string> unreachable;  // folders whose entries are kept, relative to the root
  std::vector<std::pair<std::string, Error>> errors;  // folders that cannot be read, with why
};

// One of those files.
struct PlannedFile {
  std::int64_t folder = 0;  // its id
  std::string folder_path;  // relative to the root
  std::string name;
  std::int64_t archive = 0;        // the id of the folder of its members; 0: it is no archive
  std::int64_t old_content = 0;    // that it had; 0: none
  bool is_new = false;             // the index did not know it
  bool content_is_sure = false;    // it has not changed; it lacks the model's embedding
  bool state_was_unknown = false;  // the index could not know whether it changes
};

// Reads the folder, forgets what is gone, in one transaction, and leaves the files in a temporary
// table. `model`: whose embeddings the files need; none: one that the index does not know. Throws
// Error where the root cannot be read. When cancelled, nothing is forgotten, and no file planned.
RefreshPlan make_plan(Index* index, const std::optional<IndexedModel>& model,
                      const PlanOptions& options);

// Gives them, in the order of the walk.
class PlanReader {
 public:
  explicit PlanReader(Database* database);
  bool next(PlannedFile* file);

 private:
  Statement rows_;
};

}  // namespace clip
