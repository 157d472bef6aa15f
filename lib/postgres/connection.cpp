#include "postgres/connection.h"

#include "base/module.h"
#include "postgres/pq_module/entry.h"

extern "C" const clip::EmbeddedFile clip_pq_module[];

namespace clip {
namespace {

PostgresEntry load() {
  const Module module(clip_pq_module[0], "a search in a database needs libpq", "libpq5");
  return module.symbol<PostgresEntry>(kPostgresEntry);
}

// Loaded by the first call; one that fails is tried again by the next.
PostgresEntry loaded() {
  static const PostgresEntry entry = load();
  return entry;
}

}  // namespace

std::unique_ptr<PostgresConnection> connect_postgres(const std::string& address,
                                                     const CancelToken* stop) {
  return std::unique_ptr<PostgresConnection>(loaded()(address, stop));
}

}  // namespace clip
