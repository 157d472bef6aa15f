// Tables of facts that are part of the binary: lines of columns with tabs between, and comments
// that begin with #. What is wrong with one is a mistake in the project, and an Error of kind
// kInternal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/embedded_file.h"

namespace clip {

// The rows of the file of that name between `begin` and `end`, each with `columns` columns.
std::vector<std::vector<std::string>> table_rows(const EmbeddedFile* begin, const EmbeddedFile* end,
                                                 std::string_view name, std::size_t columns);

std::int64_t table_number(const std::string& text);

// "3,4,6,3"
std::vector<std::int64_t> table_numbers(const std::string& text);

}  // namespace clip
