// Brings an index up to date with its folder: new and changed images are embedded, renamed and
// copied ones are known again by their content, and what is gone is forgotten. Nothing is embedded
// twice for a model.
//
// An archive is known by its file's name: .tar, .tar.gz and so on. It is read when it has changed,
// and its members are files called ARCHIVE/MEMBER.
//
// Results are committed as they come, so a run that ends early, however it ends, is gone on with by
// the next. Folders that cannot be reached now keep their entries: one that cannot be read, a mount
// point where nothing is mounted, a link that leads nowhere, a root with nothing in it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clip/cancel.h"
#include "clip/image_embedder.h"
#include "clip/image_paths.h"
#include "clip/model.h"
#include "index/index.h"

namespace clip {

struct RefreshOptions {
  EmbedOptions embed;
  std::string sub;  // relative to the root: only this folder and what is in it; empty: all
  // Patterns of names that do not count, in gitignore's syntax, kept with the index. None: those
  // that are kept.
  std::optional<std::vector<std::string>> exclude;
  // Whether tar archives in the folder are read, too, kept with the index. None: what is kept.
  std::optional<bool> archives;
  bool prune = false;  // also forget what cannot be reached now, and compact
  CancelToken* stop = nullptr;
};

// What happens meanwhile. Called by the thread that refreshes.
struct RefreshEvents {
  // The folder has been read: how many files are to be looked at. Said again where an archive has
  // more.
  std::function<void(std::uint64_t files)> planned;
  // A file is done: it is in the index, or `error` says why not.
  std::function<void(const std::string& path, const Error* error)> done;
  // More can be found now than before.
  std::function<void()> committed;
};

struct RefreshReport {
  std::uint64_t added = 0, changed = 0, renamed = 0, copied = 0, deleted = 0;  // files
  std::uint64_t embedded = 0;            // images that the model has read
  std::uint64_t failed = 0;              // files, new ones or changed
  std::uint64_t kept = 0;                // entries of files that cannot be reached now
  std::vector<std::string> unreachable;  // the folders that they are in, relative to the root
  LeftOut left_out;                      // files, new ones or changed, of kinds that cannot be read
  bool complete = false;                 // false: it was cancelled
};

// `index` must be open for writing. Throws Error where the root or the index cannot be used, or the
// encoder cannot be opened; what was committed stays.
RefreshReport refresh(Index* index, const std::shared_ptr<const Model>& model,
                      const RefreshOptions& options, const RefreshEvents& events);

}  // namespace clip
