// The one symbol that the module shows to the library. Both are built together, so that plain C++
// types pass between them.
#pragma once

#include <string>

#include "postgres/connection.h"

namespace clip {

constexpr const char* kPostgresEntry = "clip_postgres_entry";
// As connect_postgres(); the caller owns the connection.
using PostgresEntry = PostgresConnection* (*)(const std::string& address, const CancelToken* stop);

}  // namespace clip
