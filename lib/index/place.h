// Where the index of a folder lies, and which folder an index is of.
//
// An index belongs to a root folder and all that is in it. It lies in a folder of the user's data,
// by the root's path, or beside the images, in ROOT/.clip-cli: then it is found again on a disk
// that has moved. Paths inside are relative to the root.
#pragma once

#include <optional>
#include <string>

namespace clip {

constexpr const char* kBesideFolder = ".clip-cli";  // in the root

struct IndexPlace {
  std::string root;     // the absolute path of the folder that it is of, without links
  std::string folder;   // that the index's files lie in
  bool beside = false;  // it lies in the root
};

// The folder that holds indexes by path: $XDG_DATA_HOME/clip-cli/indexes, else
// ~/.local/share/clip-cli/indexes. It need not be there.
std::string index_data_folder();

// The index that covers `folder`, an absolute path without links: its own, or that of the nearest
// folder above. `data`: the folder that holds indexes by path, and need not be there. Nothing where
// there is none.
std::optional<IndexPlace> find_index(const std::string& folder, const std::string& data);

// Where an index of `root` would lie. `beside`: in the root.
IndexPlace place_of(const std::string& root, const std::string& data, bool beside);

// The path of `folder`, which is `root` or below it, relative to `root`; empty for `root` itself.
std::string relative_to(const std::string& root, const std::string& folder);

// The file of the database in the index's folder.
std::string database_path(const IndexPlace& place);

}  // namespace clip
