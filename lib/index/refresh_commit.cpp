#include "index/refresh_commit.h"

#include <fmt/format.h>

#include "index/content_key.h"

namespace clip {

// A model that has given no embedding yet, and does not say how long they are, has nothing to be
// noted: its images are tried again.
void PendingCommit::add_model(std::optional<IndexedModel>* indexed) {
  std::int64_t dim = model_->config().embedding_dim;
  for (const auto& [tag, finished] : finished_) {
    if (!finished.embedding.empty()) dim = static_cast<std::int64_t>(finished.embedding.size());
  }
  if (!*indexed && dim > 0) *indexed = index_->add_model(*model_, dim);
}

// Vectors are on the disk before anything says that they are there. Gives the rows' checksums. A
// damaged file is told even where there are none.
std::vector<std::uint32_t> PendingCommit::write_vectors(const IndexedModel& indexed) {
  VectorWriter writer = index_->vector_writer(indexed);
  std::vector<float> rows;
  for (const auto& [tag, finished] : finished_) {
    rows.insert(rows.end(), finished.embedding.begin(), finished.embedding.end());
  }
  if (rows.empty()) return {};
  std::vector<std::uint32_t> checksums =
      writer.write(indexed.rows, rows.data(), static_cast<std::int64_t>(rows.size()) / indexed.dim);
  writer.sync();
  return checksums;
}

// The content's id, with its embedding written: its row and the row's checksum, or the error.
std::int64_t PendingCommit::write_content(const FinishedJob& finished, std::int64_t model,
                                          std::int64_t row, std::uint32_t checksum) {
  std::int64_t content = finished.job.content;
  if (content == 0) {
    Statement insert(index_->database(), "INSERT INTO contents(key) VALUES(?)");
    insert.bind_bytes(1, finished.job.key).run();
    content = index_->database()->last_insert_id();
  }
  Statement insert(index_->database(),
                   "INSERT OR REPLACE INTO embeddings(model, content, row, checksum, error) "
                   "VALUES(?, ?, ?, ?, ?)");
  insert.bind(1, model).bind(2, content);
  if (finished.error.empty()) {
    insert.bind(3, row).bind(4, checksum).bind_null(5).run();
  } else {
    insert.bind_null(3).bind_null(4).bind_text(5, finished.error).run();
  }
  return content;
}

void PendingCommit::write_file(const FileEntry& file, std::int64_t content,
                               const std::string& error) {
  Statement insert(index_->database(),
                   "INSERT OR REPLACE INTO files(folder, name, size, modified, content, error) "
                   "VALUES(?, ?, ?, ?, ?, ?)");
  insert.bind(1, file.folder).bind_bytes(2, file.name);
  insert.bind(3, static_cast<std::int64_t>(file.state.size));
  insert.bind(4, may_change_unseen(file.state) ? 0 : file.state.modified_nsec);
  content != 0 ? insert.bind(5, content) : insert.bind_null(5);
  !error.empty() ? insert.bind_text(6, error) : insert.bind_null(6);
  insert.run();
  if (file.old_content != 0 && file.old_content != content) index_->set_fact(kOrphansFact, "1");
}

// Members that the archive does not have any more: how many of them are images.
std::uint64_t PendingCommit::forget_members(const ArchiveWork& archive) {
  Database* database = index_->database();
  std::int64_t images = 0;
  if (!archive.damaged) {
    const std::string gone = fmt::format(
        "files WHERE folder = {0} AND name NOT IN (SELECT name FROM temp.members WHERE "
        "folder = {0})",
        archive.members);
    images = database->number("SELECT count(*) FROM " + gone +
                              " AND (content IS NOT NULL OR error IS NOT NULL)");
    if (images > 0) index_->set_fact(kOrphansFact, "1");
    database->run("DELETE FROM " + gone);
  }
  database->run(fmt::format("DELETE FROM temp.members WHERE folder = {}", archive.members));
  return static_cast<std::uint64_t>(images);
}

std::uint64_t PendingCommit::write(std::optional<IndexedModel>* indexed) {
  add_model(indexed);
  const std::vector<std::uint32_t> checksums =
      *indexed ? write_vectors(**indexed) : std::vector<std::uint32_t>();
  std::int64_t rows = *indexed ? (*indexed)->rows : 0;
  std::uint64_t forgotten = 0;
  auto checksum = checksums.begin();
  Transaction transaction(index_->database());
  for (const auto& [tag, finished] : finished_) {
    if (!*indexed) break;
    const bool has_row = !finished.embedding.empty();
    const std::int64_t content =
        write_content(finished, (*indexed)->id, rows, has_row ? *checksum++ : 0);
    if (has_row) ++rows;
    for (const FileEntry& file : finished.job.files) write_file(file, content, "");
  }
  for (const LinkedFile& linked : linked_) {
    write_file(linked.file, linked.content, linked.error);
    if (linked.read != nullptr) forgotten += forget_members(*linked.read);
  }
  if (*indexed) {
    Statement update(index_->database(), "UPDATE models SET rows = ? WHERE id = ?");
    update.bind(1, rows).bind(2, (*indexed)->id).run();
  }
  transaction.commit();
  if (*indexed) (*indexed)->rows = rows;
  return forgotten;
}

void PendingCommit::clear() {
  finished_.clear();
  linked_.clear();
}

}  // namespace clip
