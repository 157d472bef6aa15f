#include "index/collection.h"

#include <fmt/format.h>

#include <algorithm>

namespace clip {
namespace {

constexpr const char* kGeneration = "SELECT generation FROM models WHERE id = ?";

std::string names_of(const std::vector<IndexedModel>& models) {
  std::string names;
  for (const IndexedModel& model : models) names += (names.empty() ? "" : ", ") + model.name;
  return names.empty() ? "none" : names;
}

}  // namespace

Collection::Collection(Index* index, const std::string& model_identity,
                       const std::string& model_name, const std::string& sub)
    : index_(index), sub_(sub) {
  // While this statement is open, nobody else can commit: file, rows and files belong together.
  Statement hold(index->database(), "SELECT name FROM facts");
  hold.step();
  const auto found = index->find_model(model_identity);
  // A folder without images has been embedded by every model.
  if (!found && index->models().empty()) return;
  if (!found) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("the index of {} has no vectors of the model {}; it has those of: {}",
                            index->place().root, model_name, names_of(index->models())));
  }
  model_ = *found;
  reader_ = std::make_unique<VectorReader>(index->vectors(model_));
  make_filter();
}

// Where every row has a file, and all folders count, there is nothing to leave out.
void Collection::make_filter() {
  Database* database = index_->database();
  count_ = model_.rows;
  const bool all_used =
      database->number(fmt::format("SELECT EXISTS(SELECT 1 FROM unused_rows WHERE model = {})",
                                   model_.id)) == 0 &&
      index_->fact(kOrphansFact) != "1";
  if (all_used && sub_.empty()) return;
  filter_ = std::make_unique<RowFilter>(model_.rows);
  count_ = 0;
  Statement rows(
      database,
      "SELECT e.row FROM folders d JOIN files f ON f.folder = d.id "
      "JOIN embeddings e ON e.model = ?1 AND e.content = f.content "
      "WHERE e.row IS NOT NULL AND (?2 OR d.path = ?3 OR (d.path >= ?4 AND d.path < ?5))");
  rows.bind(1, model_.id).bind(2, sub_.empty() ? 1 : 0).bind_bytes(3, sub_);
  rows.bind_bytes(4, sub_ + '/').bind_bytes(5, sub_ + '0');
  while (rows.step()) {
    const std::int64_t row = rows.number(0);
    // Rows that were added meanwhile are not in the file that is mapped.
    if (row < 0 || row >= model_.rows || filter_->holds(row)) continue;
    filter_->add(row);
    ++count_;
  }
}

// While the statement is open, nobody else can commit.
bool Collection::is_current(Statement* generation) const {
  if (reader_ == nullptr) return true;
  generation->bind(1, model_.id);
  return generation->step() &&
         static_cast<std::uint64_t>(generation->number(0)) == model_.generation;
}

std::optional<std::vector<std::int64_t>> Collection::shared_rows() const {
  Database* database = index_->database();
  Statement generation(database, kGeneration);
  if (!is_current(&generation)) return std::nullopt;
  Statement rows(
      database,
      "SELECT e.row FROM folders d JOIN files f ON f.folder = d.id "
      "JOIN embeddings e ON e.model = ?1 AND e.content = f.content "
      "WHERE e.row IS NOT NULL AND (?2 OR d.path = ?3 OR (d.path >= ?4 AND d.path < ?5)) "
      "GROUP BY e.row HAVING count(*) > 1");
  rows.bind(1, model_.id).bind(2, sub_.empty() ? 1 : 0).bind_bytes(3, sub_);
  rows.bind_bytes(4, sub_ + '/').bind_bytes(5, sub_ + '0');
  std::vector<std::int64_t> shared;
  while (rows.step()) shared.push_back(rows.number(0));
  return shared;
}

std::optional<std::vector<std::vector<std::string>>> Collection::paths_of(
    const std::vector<std::int64_t>& rows) const {
  Database* database = index_->database();
  std::vector<std::vector<std::string>> paths;
  Statement generation(database, kGeneration);
  if (!is_current(&generation)) return std::nullopt;
  Statement files(database,
                  "SELECT d.path, f.name FROM embeddings e JOIN files f ON f.content = e.content "
                  "JOIN folders d ON d.id = f.folder WHERE e.model = ?1 AND e.row = ?2 AND "
                  "(?3 OR d.path = ?4 OR (d.path >= ?5 AND d.path < ?6))");
  files.bind(1, model_.id).bind(3, sub_.empty() ? 1 : 0).bind_bytes(4, sub_);
  files.bind_bytes(5, sub_ + '/').bind_bytes(6, sub_ + '0');
  for (const std::int64_t row : rows) {
    std::vector<std::string>& of_row = paths.emplace_back();
    files.bind(2, row);
    while (files.step()) {
      const std::string folder(files.bytes(0));
      of_row.push_back(folder.empty() ? std::string(files.bytes(1))
                                      : joined_path(folder, files.bytes(1)));
    }
    std::sort(of_row.begin(), of_row.end());
  }
  return paths;
}

}  // namespace clip
