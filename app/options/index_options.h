// Which folder a command is about, and where its index lies.
#pragma once

#include <string>

#include "index/place.h"

namespace clip_cli {

// A folder that people name, and the index that covers it.
struct IndexedFolder {
  std::string named;       // as it was named
  clip::IndexPlace place;  // of the index that is there, or of the one that would be made
  std::string sub;         // the folder, relative to the index's root; empty: the root itself
  bool is_there = false;   // the index
};

// `here`: an index that is made would lie in the folder itself. Throws clip::Error where there is
// no such folder.
IndexedFolder indexed_folder(const std::string& named, bool here = false);

// As indexed_folder, but the folder itself may be gone, or its disk unmounted: then the index that
// was made of that path.
IndexedFolder known_folder(const std::string& named);

// A path that is relative to the index's root, as people see it from where they are: below the
// folder as they named it. It must be in that folder.
std::string shown_path(const IndexedFolder& folder, const std::string& path);

}  // namespace clip_cli
