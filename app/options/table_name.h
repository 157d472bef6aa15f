// Names in a database, as people give them: `images`, `archive.images`, `"odd.name"`.
#pragma once

#include <string>
#include <vector>

namespace clip_cli {

// The parts of a table's name: its schema, where there is one, and itself. Each is taken as it is,
// in upper and lower case; in double quotes it may hold anything, a quote twice. Throws UsageError
// for what is no name, or one that is longer than PostgreSQL keeps.
std::vector<std::string> table_parts(const std::string& name);

// A name of a column, of which the same is true. Throws UsageError.
void check_column_name(const std::string& name);

// As SQL has it: every part in double quotes.
std::string quoted(const std::string& part);
std::string quoted(const std::vector<std::string>& parts);

}  // namespace clip_cli
