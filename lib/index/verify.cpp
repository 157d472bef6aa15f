#include "index/verify.h"

#include <fmt/format.h>

namespace clip {
namespace {

void check_count(Database* database, const char* sql, const char* what,
                 std::vector<std::string>* problems) {
  const std::int64_t count = database->number(sql);
  if (count != 0) problems->push_back(fmt::format("{} {}", count, what));
}

void check_vectors(Index* index, const IndexedModel& model, std::vector<std::string>* problems) {
  Database* database = index->database();
  const VectorReader reader = index->vectors(model);
  Statement used(database,
                 "SELECT row, checksum FROM embeddings WHERE model = ? AND row IS NOT NULL "
                 "ORDER BY row");
  std::int64_t count = 0, outside = 0, damaged = 0, first_damaged = -1;
  for (used.bind(1, model.id); used.step(); ++count) {
    const std::int64_t row = used.number(0);
    if (row < 0 || row >= model.rows) {
      ++outside;
      continue;
    }
    if (used.number(1) != row_checksum(reader.rows().row(row), model.dim)) {
      if (damaged++ == 0) first_damaged = row;
    }
  }
  if (outside > 0) {
    problems->push_back(fmt::format("{} images of {} have rows that {} does not have", outside,
                                    model.name, index->vector_path(model)));
  }
  if (damaged > 0) {
    problems->push_back(
        fmt::format("{} vectors in {} are not as they were written; the first is in row {}",
                    damaged, index->vector_path(model), first_damaged));
  }
  const std::int64_t unused =
      database->number(fmt::format("SELECT count(*) FROM unused_rows WHERE model = {}", model.id));
  if (count + unused != model.rows) {
    problems->push_back(fmt::format("{} rows of {} are used and {} are not, of {}", count,
                                    index->vector_path(model), unused, model.rows));
  }
}

}  // namespace

std::vector<std::string> verify(Index* index) {
  std::vector<std::string> problems;
  Database* database = index->database();
  Statement check(database, "PRAGMA integrity_check");
  while (check.step()) {
    if (check.bytes(0) != "ok")
      problems.push_back(fmt::format("{}: {}", database->path(), check.bytes(0)));
  }
  if (!problems.empty()) return problems;
  check_count(database, "SELECT count(*) FROM files WHERE folder NOT IN (SELECT id FROM folders)",
              "files are in folders that the index does not have", &problems);
  check_count(database,
              "SELECT count(*) FROM files WHERE content IS NOT NULL AND content NOT IN "
              "(SELECT id FROM contents)",
              "files have contents that the index does not have", &problems);
  check_count(database,
              "SELECT count(*) FROM embeddings WHERE content NOT IN (SELECT id FROM contents) OR "
              "model NOT IN (SELECT id FROM models)",
              "embeddings are of contents or models that the index does not have", &problems);
  check_count(database, "SELECT count(*) FROM embeddings WHERE (row IS NULL) = (error IS NULL)",
              "embeddings have neither a vector nor an error, or both", &problems);
  check_count(database,
              "SELECT count(*) FROM unused_rows u WHERE EXISTS (SELECT 1 FROM embeddings e "
              "WHERE e.model = u.model AND e.row = u.row)",
              "rows are said to be used and unused", &problems);
  check_count(database,
              "SELECT count(*) FROM contents c WHERE NOT EXISTS (SELECT 1 FROM files "
              "WHERE content = c.id) AND NOT EXISTS (SELECT 1 FROM facts WHERE name = 'orphans' "
              "AND value = CAST('1' AS BLOB))",
              "contents have no file", &problems);
  for (const IndexedModel& model : index->models()) {
    try {
      check_vectors(index, model, &problems);
    } catch (const Error& error) {
      problems.push_back(error.what());
    }
  }
  return problems;
}

}  // namespace clip
