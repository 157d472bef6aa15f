#include "index/status.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/strings.h"
#include "clip/image_source.h"

namespace clip {

IndexStatus status_of(Index* index) {
  Database* database = index->database();
  const auto count = [&](const std::string& sql) {
    return static_cast<std::uint64_t>(database->number(sql));
  };
  IndexStatus status;
  status.folders = count("SELECT count(*) FROM folders");
  status.images =
      count("SELECT count(*) FROM files WHERE content IS NOT NULL OR error IS NOT NULL");
  status.other_files = count("SELECT count(*) FROM files WHERE content IS NULL AND error IS NULL");
  status.bytes = file_state(database->path()).size;
  status.refreshed = std::strtoll(index->fact(kRefreshedFact).c_str(), nullptr, 10);
  status.archives = index->fact(kArchivesFact) == "1";
  const std::string exclude = index->fact(kExcludeFact);
  Lines lines(exclude);
  for (std::string_view line; lines.next(&line);) status.exclude.emplace_back(line);
  for (const IndexedModel& model : index->models()) {
    ModelStatus& of = status.models.emplace_back();
    of.model = model;
    const std::string files_with = fmt::format(
        "SELECT count(*) FROM files f JOIN embeddings e ON e.model = {} AND e.content = f.content "
        "WHERE e.",
        model.id);
    of.embedded = count(files_with + "row IS NOT NULL");
    of.failed = count(files_with + "error IS NOT NULL");
    of.missing = status.images - of.embedded - of.failed;
    of.bytes = file_state(index->vector_path(model)).size;
  }
  return status;
}

void for_each_failure(Index* index,
                      const std::function<void(const std::string&, const std::string&)>& use) {
  Statement rows(index->database(),
                 "SELECT d.path, f.name, coalesce(f.error, (SELECT e.error FROM embeddings e "
                 "WHERE e.model IN (SELECT id FROM models) AND e.content = f.content AND "
                 "e.error IS NOT NULL)) AS why "
                 "FROM folders d JOIN files f ON f.folder = d.id WHERE why IS NOT NULL "
                 "ORDER BY d.path, f.name");
  while (rows.step()) {
    const std::string folder(rows.bytes(0));
    const std::string path =
        folder.empty() ? std::string(rows.bytes(1)) : joined_path(folder, rows.bytes(1));
    use(path, std::string(rows.bytes(2)));
  }
}

}  // namespace clip
