// A table of a database that is searched instead of a folder.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

namespace clip_cli {

struct DatabaseOptions {
  std::string address;  // --database; empty: no database
  std::string table = "images", column = "embedding", key = "path";

  bool named() const { return !address.empty(); }
};

// `others`: options that are about an index, and exclude --database; they must be there already.
void add_database_options(CLI::App* command, DatabaseOptions* options,
                          const std::vector<const char*>& others);

}  // namespace clip_cli
