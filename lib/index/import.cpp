#include "index/import.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cmath>
#include <utility>

#include "base/file.h"
#include "base/strings.h"
#include "clip/embeddings.h"
#include "clip/image.h"

namespace clip {
namespace {

// Between commits, each of which waits for the disk.
constexpr std::size_t kCommitFiles = 4096;

double norm_of(const float* vector, std::int64_t dim) {
  double sum = 0;
  for (std::int64_t i = 0; i < dim; ++i) sum += double{vector[i]} * double{vector[i]};
  return std::sqrt(sum);
}

}  // namespace

Importer::Importer(Index* index, const Model& model, std::int64_t dim, std::int64_t made_nsec)
    : index_(index), model_(index->add_model(model, dim)), made_nsec_(made_nsec) {}

std::optional<Error> Importer::add(const std::string& path, const float* vector) {
  const double norm = norm_of(vector, model_.dim);
  if (!usable_norm(norm)) {
    return Error(ErrorCode::kCorrupt, fmt::format("the vector of {} is zero, or not finite", path));
  }
  if (std::abs(norm - 1) > kMaxNormError) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("the vector of {} has the length {:.4g}, not 1: divide by it what a "
                             "model gave",
                             path, norm));
  }
  File file;
  file.name = base_name(path);
  file.folder = path.size() > file.name.size() ? path.substr(0, path.size() - file.name.size() - 1)
                                               : std::string();
  const std::string absolute = joined_path(index_->place().root, path);
  struct stat info = {};
  if (::stat(absolute.c_str(), &info) != 0) {
    if (is_fault(errno)) return file_error("read", absolute, errno);
    ++report_.missing;
    return std::nullopt;
  }
  try {
    if (!has_image_extension(path) && !kind_of_file(absolute).is_image) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("{} is no image", absolute));
    }
    ContentKey key = content_key(absolute);
    file.state = key.state;
    file.key = std::move(key.digest);
  } catch (const Error& error) {
    return error;
  }
  if (file.state.modified_nsec > made_nsec_) {
    ++report_.newer;
    return std::nullopt;
  }
  file.vector.assign(vector, vector + model_.dim);
  waiting_.push_back(std::move(file));
  if (waiting_.size() >= kCommitFiles) commit();
  return std::nullopt;
}

std::int64_t Importer::folder_id(const std::string& path) {
  const auto known = folders_.find(path);
  if (known != folders_.end()) return known->second;
  Database* const database = index_->database();
  std::int64_t id = 0;
  Statement find(database, "SELECT id FROM folders WHERE path = ?");
  find.bind_bytes(1, path);
  if (find.step()) {
    id = find.number(0);
  } else {
    // Whether something is mounted on it the next refresh sees.
    Statement insert(database, "INSERT INTO folders(path, mount) VALUES(?, 0)");
    insert.bind_bytes(1, path).run();
    id = database->last_insert_id();
  }
  folders_.emplace(path, id);
  return id;
}

// Vectors are on the disk before anything says that they are there.
void Importer::commit() {
  if (waiting_.empty()) return;
  Database* const database = index_->database();
  // The contents that lack a vector, and which row each gets.
  struct Content {
    std::int64_t id = 0;    // 0: a new one
    std::int64_t row = -1;  // among the new rows; -1: it has one
  };
  std::unordered_map<std::string, Content> contents;
  std::vector<float> rows;
  std::int64_t count = 0;
  Statement find(database,
                 "SELECT c.id, e.row IS NOT NULL FROM contents c LEFT JOIN embeddings e "
                 "ON e.model = ? AND e.content = c.id WHERE c.key = ? "
                 "ORDER BY e.row IS NULL, c.id DESC");
  for (const File& file : waiting_) {
    if (contents.count(file.key) > 0) continue;
    Content& content = contents[file.key];
    find.bind(1, model_.id).bind_bytes(2, file.key);
    bool has_row = false;
    if (find.step()) {
      content.id = find.number(0);
      has_row = find.number(1) != 0;
    }
    find.reset();
    if (has_row) continue;
    content.row = count++;
    rows.insert(rows.end(), file.vector.begin(), file.vector.end());
  }
  std::vector<std::uint32_t> checksums;
  if (count > 0) {
    VectorWriter writer = index_->vector_writer(model_);
    checksums = writer.write(model_.rows, rows.data(), count);
    writer.sync();
  }

  folders_.clear();  // what a transaction that failed has made is not there
  ImportReport report = report_;
  Transaction transaction(database);
  Statement insert_content(database, "INSERT INTO contents(key) VALUES(?)");
  Statement insert_row(database,
                       "INSERT OR REPLACE INTO embeddings(model, content, row, checksum, error) "
                       "VALUES(?, ?, ?, ?, NULL)");
  Statement find_file(database, "SELECT content FROM files WHERE folder = ? AND name = ?");
  Statement insert_file(
      database,
      "INSERT OR REPLACE INTO files(folder, name, size, modified, content, error) "
      "VALUES(?, ?, ?, ?, ?, NULL)");
  for (const File& file : waiting_) {
    Content& content = contents.at(file.key);
    if (content.id == 0) {
      insert_content.bind_bytes(1, file.key).run();
      content.id = database->last_insert_id();
    }
    bool is_new_row = false;
    if (content.row >= 0) {
      insert_row.bind(1, model_.id).bind(2, content.id).bind(3, model_.rows + content.row);
      insert_row.bind(4, checksums[static_cast<std::size_t>(content.row)]).run();
      content.row = -1;
      is_new_row = true;
    }
    const std::int64_t folder = folder_id(file.folder);
    find_file.bind(1, folder).bind_bytes(2, file.name);
    const std::int64_t old_content = find_file.step() ? find_file.number(0) : 0;
    find_file.reset();
    if (old_content != 0 && old_content != content.id) index_->set_fact(kOrphansFact, "1");
    ++(is_new_row || old_content != content.id ? report.added : report.known);
    insert_file.bind(1, folder).bind_bytes(2, file.name);
    insert_file.bind(3, static_cast<std::int64_t>(file.state.size));
    insert_file.bind(4, may_change_unseen(file.state) ? 0 : file.state.modified_nsec);
    insert_file.bind(5, content.id).run();
  }
  Statement update(database, "UPDATE models SET rows = ? WHERE id = ?");
  update.bind(1, model_.rows + count).bind(2, model_.id).run();
  transaction.commit();
  model_.rows += count;
  report_ = report;
  waiting_.clear();
}

}  // namespace clip
