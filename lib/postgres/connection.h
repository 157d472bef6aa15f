// One connection with a PostgreSQL server, by libpq: statements with parameters, and their rows as
// texts. For one thread at a time.
//
// Addresses are libpq's: `postgresql://USER@HOST/NAME?option=value`, `host=... dbname=...`, or the
// name of a database; what they leave open comes from PGHOST, PGUSER, PGPASSWORD and so on, a
// service file, and ~/.pgpass. No message ever has the address or a password in it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clip/cancel.h"

namespace clip {

using SqlValue = std::optional<std::string>;  // nothing: NULL
using SqlRows = std::vector<std::vector<SqlValue>>;

class PostgresConnection {
 public:
  virtual ~PostgresConnection() = default;

  // The rows that one statement gives. `parameters`: its $1, $2 and so on. Throws Error, with what
  // the server says, and (kCancelled) when the connection's token is cancelled: the server is then
  // told to end the statement, too.
  virtual SqlRows query(const std::string& statement, const std::vector<SqlValue>& parameters) = 0;

  // A name as SQL has it, in double quotes.
  virtual std::string quoted(const std::string& name) = 0;

  // "images_db on db.example.org", for messages.
  virtual std::string description() const = 0;
};

// `stop`: null, or a token that outlives the connection. Connecting takes at most 10 seconds, or
// what the address or PGCONNECT_TIMEOUT says. Throws Error.
std::unique_ptr<PostgresConnection> connect_postgres(const std::string& address,
                                                     const CancelToken* stop);

}  // namespace clip
