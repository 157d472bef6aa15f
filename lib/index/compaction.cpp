#include "index/compaction.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

namespace clip {
namespace {

void compact_model(Index* index, const IndexedModel& model) {
  Database* database = index->database();
  IndexedModel next = model;
  ++next.generation;
  const std::string path = index->vector_path(next), part = path + ".part";
  const VectorReader from = index->vectors(model);
  VectorWriter to = VectorWriter::create(part, index->vector_id(next));
  // The numbers of rows only become smaller, so in ascending order none is given twice.
  database->run("DROP TABLE IF EXISTS temp.moved");
  database->run("CREATE TEMP TABLE moved(old INTEGER PRIMARY KEY, new INTEGER, content INTEGER)");
  Statement used(database,
                 "SELECT row, content FROM embeddings WHERE model = ? AND row IS NOT NULL "
                 "ORDER BY row");
  Statement note(database, "INSERT INTO temp.moved VALUES(?, ?, ?)");
  used.bind(1, model.id);
  next.rows = 0;
  while (used.step()) {
    const std::int64_t row = used.number(0);
    if (row < 0 || row >= model.rows) {
      throw Error(ErrorCode::kCorrupt,
                  fmt::format("cannot use the index {}: it names row {} of {} in {}",
                              database->path(), row, model.rows, index->vector_path(model)),
                  Hint::kRebuildIndex);
    }
    to.write_row(next.rows, from.rows().row(row));
    note.bind(1, row).bind(2, next.rows++).bind(3, used.number(1)).run();
  }
  to.sync();
  if (std::rename(part.c_str(), path.c_str()) != 0) throw file_error("write", path, errno);
  index->sync();
  {
    Transaction transaction(database);
    Statement moved(database, "SELECT new, content FROM temp.moved WHERE new <> old ORDER BY old");
    Statement update(database, "UPDATE embeddings SET row = ? WHERE model = ? AND content = ?");
    while (moved.step()) {
      update.bind(1, moved.number(0)).bind(2, model.id).bind(3, moved.number(1)).run();
    }
    Statement(database, "DELETE FROM unused_rows WHERE model = ?").bind(1, model.id).run();
    Statement(database, "UPDATE models SET generation = ?, rows = ? WHERE id = ?")
        .bind(1, static_cast<std::int64_t>(next.generation))
        .bind(2, next.rows)
        .bind(3, model.id)
        .run();
    transaction.commit();
  }
  index->remove_strays();  // the old one
}

}  // namespace

void compact(Index* index, double max_share) {
  for (const IndexedModel& model : index->models()) {
    const std::int64_t unused = index->database()->number(
        fmt::format("SELECT count(*) FROM unused_rows WHERE model = {}", model.id));
    if (unused > 0 && static_cast<double>(unused) > max_share * static_cast<double>(model.rows)) {
      compact_model(index, model);
    }
  }
}

void forget_orphans(Index* index) {
  Database* const database = index->database();
  Transaction transaction(database);
  database->run(
      "CREATE TEMP TABLE orphans AS SELECT id FROM contents c "
      "WHERE NOT EXISTS (SELECT 1 FROM files WHERE content = c.id);"
      "INSERT INTO unused_rows SELECT model, row FROM embeddings WHERE row IS NOT NULL "
      "AND model IN (SELECT id FROM models) AND content IN (SELECT id FROM orphans);"
      "DELETE FROM embeddings WHERE model IN (SELECT id FROM models) "
      "AND content IN (SELECT id FROM orphans);"
      "DELETE FROM contents WHERE id IN (SELECT id FROM orphans);"
      "DROP TABLE orphans");
  index->set_fact(kOrphansFact, "");
  transaction.commit();
}

}  // namespace clip
