#include "index/plan.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <unordered_set>

#include "archive/archive_kind.h"
#include "base/file.h"
#include "base/strings.h"
#include "clip/image.h"
#include "pipeline/file_state.h"
#include "pipeline/folder_walk.h"

namespace clip {
namespace {

// A file as the index knows it.
struct KnownFile {
  std::string name;
  FileState state;
  std::int64_t content = 0;  // 0: none
  bool unreadable = false;   // when it was last looked at
  bool embedded = false;     // by the model
};

// A folder that is being read.
struct OpenFolder {
  std::int64_t id = 0;
  std::string path;                           // relative to the root
  std::vector<KnownFile> known;               // sorted by name, as the walk is
  std::size_t at = 0;                         // the first that the walk has not come to
  bool is_empty = true;                       // nothing has been found in it
  bool had_mount = false, has_mount = false;  // a file system was, or is, mounted on it
};

bool is_below(const std::string& path, const std::string& folder) {
  return folder.empty() || path == folder || starts_with(path, folder + '/');
}

class Planner {
 public:
  Planner(Index* index, const std::optional<IndexedModel>& model, const PlanOptions& options);

  RefreshPlan run();

 private:
  void walk();
  void enter(const WalkEntry& entry);
  void note(const OpenFolder& folder);
  void leave(const WalkEntry& entry);
  void look_at(const WalkEntry& entry);
  void look_at_archive(const OpenFolder& folder, const std::string& name, const KnownFile* known,
                       const FileState& state);
  void plan_file(OpenFolder* folder, const std::string& name, const KnownFile* known);
  void mark_gone(std::int64_t folder, const KnownFile& file);
  void protect(const std::string& path);
  bool is_protected(const std::string& path) const;
  void find_gone_folders();
  void apply();
  bool all_embedded();

  Index* const index_;
  Database* const database_;
  const std::optional<IndexedModel>& model_;
  const PlanOptions& options_;
  std::vector<std::string> exclude_;
  const bool archives_;
  RefreshPlan plan_;

  std::vector<OpenFolder> open_;
  std::unordered_set<std::int64_t> visited_;
  std::vector<std::string> protected_;  // folders, relative to the root
  std::int64_t next_folder_ = 0;        // the id of the next new one
  bool check_embeddings_ = false;

  Statement find_folder_, list_files_, lacks_vectors_, add_todo_, add_gone_, add_folder_;
  const bool other_formats_;  // what was no image may be one now
};

// Made before the statements that name them are compiled.
Database* with_tables(Database* database) {
  database->run(
      "DROP TABLE IF EXISTS temp.todo; DROP TABLE IF EXISTS temp.gone; "
      "DROP TABLE IF EXISTS temp.new_folders;"
      "CREATE TEMP TABLE todo(id INTEGER PRIMARY KEY, folder INTEGER, path BLOB, name BLOB, "
      "content INTEGER, is_new INTEGER, sure INTEGER, unknown INTEGER, archive INTEGER);"
      "CREATE TEMP TABLE gone(folder INTEGER, name BLOB, has_content INTEGER);"
      "CREATE TEMP TABLE new_folders(id INTEGER, path BLOB, mount INTEGER)");
  return database;
}

Planner::Planner(Index* index, const std::optional<IndexedModel>& model, const PlanOptions& options)
    : index_(index),
      database_(with_tables(index->database())),
      model_(model),
      options_(options),
      archives_(options.archives.value_or(index->fact(kArchivesFact) == "1")),
      find_folder_(database_, "SELECT id, mount FROM folders WHERE path = ?"),
      list_files_(database_,
                  "SELECT f.name, f.size, f.modified, f.content, f.error IS NOT NULL, "
                  "?2 = 0 OR EXISTS(SELECT 1 FROM embeddings e WHERE e.model = ?3 AND "
                  "e.content = f.content) FROM files f WHERE f.folder = ?1 ORDER BY f.name"),
      lacks_vectors_(database_,
                     "SELECT EXISTS(SELECT 1 FROM files f WHERE f.folder = ?1 AND "
                     "f.content IS NOT NULL AND NOT EXISTS(SELECT 1 FROM embeddings e WHERE "
                     "e.model = ?2 AND e.content = f.content))"),
      add_todo_(
          database_,
          "INSERT INTO temp.todo(folder, path, name, content, is_new, sure, unknown, archive) "
          "VALUES(?, ?, ?, ?, ?, ?, ?, ?)"),
      add_gone_(database_, "INSERT INTO temp.gone VALUES(?, ?, ?)"),
      add_folder_(database_, "INSERT INTO temp.new_folders VALUES(?, ?, ?)"),
      other_formats_(index->fact(kFormatsFact) != image_format_names()) {
  if (options.exclude) {
    exclude_ = *options.exclude;
    return;
  }
  const std::string kept = index->fact(kExcludeFact);
  Lines lines(kept);
  for (std::string_view line; lines.next(&line);) exclude_.emplace_back(line);
}

// Whether the model has embedded, or failed on, every content: then no file has to be asked.
bool Planner::all_embedded() {
  if (!model_) return database_->number("SELECT EXISTS(SELECT 1 FROM contents)") == 0;
  return database_->number("SELECT count(*) FROM contents") ==
         database_->number(
             fmt::format("SELECT count(*) FROM embeddings WHERE model = {}", model_->id));
}

void Planner::protect(const std::string& path) {
  if (!is_protected(path)) protected_.push_back(path);
}

bool Planner::is_protected(const std::string& path) const {
  return std::any_of(protected_.begin(), protected_.end(),
                     [&](const std::string& folder) { return is_below(path, folder); });
}

void Planner::mark_gone(std::int64_t folder, const KnownFile& file) {
  add_gone_.bind(1, folder).bind_bytes(2, file.name).bind(3, file.content != 0 ? 1 : 0).run();
  if (file.content != 0 || file.unreadable) ++plan_.deleted;  // others are no images
}

void Planner::enter(const WalkEntry& entry) {
  if (!open_.empty()) open_.back().is_empty = false;
  OpenFolder folder;
  folder.path = entry.relative;
  folder.has_mount = entry.mount_point;
  find_folder_.bind_bytes(1, entry.relative);
  if (find_folder_.step()) {
    folder.id = find_folder_.number(0);
    folder.had_mount = find_folder_.number(1) != 0;
    find_folder_.reset();
    list_files_.bind(1, folder.id).bind(2, check_embeddings_ ? 1 : 0);
    list_files_.bind(3, model_ ? model_->id : -1);
    while (list_files_.step()) {
      KnownFile& file = folder.known.emplace_back();
      file.name = list_files_.bytes(0);
      file.state.size = static_cast<std::uint64_t>(list_files_.number(1));
      file.state.modified_nsec = list_files_.number(2);
      file.content = list_files_.number(3);
      file.unreadable = list_files_.number(4) != 0;
      file.embedded = list_files_.number(5) != 0;
    }
  } else {
    folder.id = next_folder_++;
    folder.had_mount = folder.has_mount;
    note(folder);
  }
  visited_.insert(folder.id);
  open_.push_back(std::move(folder));
}

// To be written: a new folder, or one on which a file system is mounted now, or no more.
void Planner::note(const OpenFolder& folder) {
  add_folder_.bind(1, folder.id).bind_bytes(2, folder.path).bind(3, folder.has_mount ? 1 : 0).run();
}

void Planner::leave(const WalkEntry& entry) {
  OpenFolder& folder = open_.back();
  if (!entry.complete && !options_.prune) protect(folder.path);
  // The root, and what something was mounted on, may be empty because a disk is not there.
  const bool may_be_away =
      folder.is_empty && (folder.path.empty() || (folder.had_mount && !folder.has_mount));
  if (may_be_away && !options_.prune) {
    protect(folder.path);
  } else if (folder.had_mount != folder.has_mount) {
    note(folder);
  }
  if (!is_protected(folder.path)) {
    for (; folder.at < folder.known.size(); ++folder.at) {
      mark_gone(folder.id, folder.known[folder.at]);
    }
  }
  open_.pop_back();
}

void Planner::plan_file(OpenFolder* folder, const std::string& name, const KnownFile* known) {
  add_todo_.bind(1, folder->id).bind_bytes(2, folder->path).bind_bytes(3, name);
  add_todo_.bind(4, known != nullptr ? known->content : 0).bind(5, known == nullptr ? 1 : 0);
  add_todo_.bind(6, 0).bind(7, known != nullptr && known->state.modified_nsec == 0 ? 1 : 0);
  add_todo_.bind(8, 0);
  add_todo_.run();
  ++plan_.files;
}

// An archive that has not changed, and whose members the model knows, is not opened.
void Planner::look_at_archive(const OpenFolder& folder, const std::string& name,
                              const KnownFile* known, const FileState& state) {
  OpenFolder members;
  members.path = folder.path.empty() ? name : joined_path(folder.path, name);
  find_folder_.bind_bytes(1, members.path);
  const bool was_read = find_folder_.step();
  members.id = was_read ? find_folder_.number(0) : next_folder_++;
  find_folder_.reset();
  if (!was_read) note(members);
  visited_.insert(members.id);
  const bool same = was_read && known != nullptr && known->state.size == state.size &&
                    known->state.modified_nsec == state.modified_nsec && !known->unreadable &&
                    !other_formats_;
  if (same) {
    if (!check_embeddings_) return;
    lacks_vectors_.bind(1, members.id).bind(2, model_ ? model_->id : -1);
    const bool lacks_any = lacks_vectors_.step() && lacks_vectors_.number(0) != 0;
    lacks_vectors_.reset();
    if (!lacks_any) return;
  }
  add_todo_.bind(1, folder.id).bind_bytes(2, folder.path).bind_bytes(3, name);
  add_todo_.bind(4, 0).bind(5, known == nullptr ? 1 : 0).bind(6, 0).bind(7, 0);
  add_todo_.bind(8, members.id).run();
  ++plan_.files;
}

void Planner::look_at(const WalkEntry& entry) {
  OpenFolder& folder = open_.back();
  folder.is_empty = false;
  // What stands before this name is not there any more.
  while (folder.at < folder.known.size() && folder.known[folder.at].name < entry.name) {
    mark_gone(folder.id, folder.known[folder.at++]);
  }
  const KnownFile* known = nullptr;
  if (folder.at < folder.known.size() && folder.known[folder.at].name == entry.name) {
    known = &folder.known[folder.at++];
  }
  if (!entry.found) {
    // What the system does not tell about now stays as it is known; it may be a folder.
    if (entry.stat_errno != ENOENT && entry.stat_errno != ELOOP) {
      protect(folder.path);
      if (is_fault(entry.stat_errno)) {
        plan_.errors.emplace_back(entry.path, file_error("read", entry.path, entry.stat_errno));
      }
      return;
    }
    // A link that leads nowhere: an image that is missing, or a folder on a disk that is.
    if (!options_.prune) protect(entry.relative);
    if (known == nullptr && has_image_extension(entry.name)) {
      plan_file(&folder, entry.name, nullptr);
    }
    return;
  }
  if (!S_ISREG(entry.info.st_mode)) {
    if (known != nullptr) mark_gone(folder.id, *known);
    return;
  }
  const FileState state = state_of(entry.info);
  // What is called like an archive and was an image is one until it changes.
  if (archives_ && has_archive_extension(entry.name) && (known == nullptr || known->content == 0)) {
    look_at_archive(folder, entry.name, known, state);
    return;
  }
  const bool same = known != nullptr && known->state.size == state.size &&
                    known->state.modified_nsec == state.modified_nsec && !known->unreadable &&
                    !(other_formats_ && known->content == 0);
  if (!same) {
    plan_file(&folder, entry.name, known);
  } else if (known->content != 0 && !known->embedded) {
    add_todo_.bind(1, folder.id).bind_bytes(2, folder.path).bind_bytes(3, entry.name);
    add_todo_.bind(4, known->content).bind(5, 0).bind(6, 1).bind(7, 0).bind(8, 0).run();
    ++plan_.files;
  }
}

void Planner::walk() {
  WalkOptions options;
  options.exclude = exclude_;
  options.stop = options_.stop;
  FolderWalk walk(index_->place().root, options_.sub, options);
  for (WalkEntry entry; walk.next(&entry);) {
    switch (entry.kind) {
      case WalkEntry::Kind::kFolder:
        enter(entry);
        break;
      case WalkEntry::Kind::kFile:
        look_at(entry);
        break;
      case WalkEntry::Kind::kFolderEnd:
        leave(entry);
        break;
      case WalkEntry::Kind::kError:
        if (open_.empty()) throw *entry.error;
        open_.back().is_empty = false;
        if (!options_.prune) protect(entry.relative);
        plan_.errors.emplace_back(entry.path, *entry.error);
        break;
    }
  }
  if (walk.sub_is_excluded()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} is excluded from the index of {}",
                            joined_path(index_->place().root, options_.sub), index_->place().root));
  }
}

// Folders that the walk has not come to.
void Planner::find_gone_folders() {
  Statement folders(database_, "SELECT id, path, mount FROM folders ORDER BY path");
  Statement files(database_, "SELECT name, content, error IS NOT NULL FROM files WHERE folder = ?");
  while (folders.step()) {
    const std::int64_t id = folders.number(0);
    const std::string path(folders.bytes(1));
    if (!is_below(path, options_.sub) || visited_.count(id) > 0) continue;
    // A mount point that is gone, as those below /media are, says that the disk is.
    if (folders.number(2) != 0 && !options_.prune) protect(path);
    if (is_protected(path)) continue;
    files.bind(1, id);
    while (files.step()) {
      KnownFile file;
      file.name = files.bytes(0);
      file.content = files.number(1);
      file.unreadable = files.number(2) != 0;
      mark_gone(id, file);
    }
  }
}

// Writes new folders, and forgets what is gone, where there is any of it.
void Planner::apply() {
  const std::string kept = index_->fact(kExcludeFact);
  std::string exclude;
  for (const std::string& pattern : exclude_) exclude += pattern + '\n';
  const bool has_new = database_->number("SELECT EXISTS(SELECT 1 FROM temp.new_folders)") != 0;
  const bool has_gone = database_->number("SELECT EXISTS(SELECT 1 FROM temp.gone)") != 0;
  const bool moved = index_->fact(kRootFact) != index_->place().root;
  const bool other_archives = archives_ != (index_->fact(kArchivesFact) == "1");
  if (!has_new && !has_gone && !moved && !other_archives && exclude == kept) return;
  Transaction transaction(database_);
  database_->run(
      "INSERT INTO folders(id, path, mount) SELECT id, path, mount FROM temp.new_folders WHERE "
      "true "
      "ON CONFLICT(id) DO UPDATE SET mount = excluded.mount");
  if (has_gone) {
    database_->run(
        "DELETE FROM files WHERE (folder, name) IN (SELECT folder, name FROM temp.gone);"
        "DELETE FROM folders WHERE id IN (SELECT folder FROM temp.gone) AND "
        "NOT EXISTS (SELECT 1 FROM files WHERE files.folder = folders.id) AND "
        "id NOT IN (SELECT folder FROM temp.todo)");
    if (database_->number("SELECT EXISTS(SELECT 1 FROM temp.gone WHERE has_content)") != 0) {
      index_->set_fact(kOrphansFact, "1");
    }
  }
  if (moved) index_->set_fact(kRootFact, index_->place().root);
  if (exclude != kept) index_->set_fact(kExcludeFact, exclude);
  if (other_archives) index_->set_fact(kArchivesFact, archives_ ? "1" : "");
  transaction.commit();
}

RefreshPlan Planner::run() {
  next_folder_ = database_->number("SELECT coalesce(max(id), 0) + 1 FROM folders");
  check_embeddings_ = !all_embedded();
  walk();
  if (options_.stop != nullptr && options_.stop->cancelled()) return RefreshPlan();
  find_gone_folders();
  for (const std::string& path : protected_) {
    Statement count(database_,
                    "SELECT count(*) FROM files f JOIN folders d ON d.id = f.folder "
                    "WHERE (f.content IS NOT NULL OR f.error IS NOT NULL) AND "
                    "(d.path = ?1 OR (d.path >= ?2 AND d.path < ?3))");
    count.bind_bytes(1, path).bind_bytes(2, path.empty() ? "" : path + '/');
    count.bind_bytes(3, path.empty() ? "\xff" : path + '0');
    if (!count.step() || count.number(0) == 0) continue;
    plan_.kept += static_cast<std::uint64_t>(count.number(0));
    plan_.unreachable.push_back(path);
  }
  apply();
  return plan_;
}

}  // namespace

RefreshPlan make_plan(Index* index, const std::optional<IndexedModel>& model,
                      const PlanOptions& options) {
  return Planner(index, model, options).run();
}

PlanReader::PlanReader(Database* database)
    : rows_(database,
            "SELECT folder, path, name, content, is_new, sure, unknown, archive FROM temp.todo "
            "ORDER BY id") {}

bool PlanReader::next(PlannedFile* file) {
  if (!rows_.step()) return false;
  file->folder = rows_.number(0);
  file->folder_path = rows_.bytes(1);
  file->name = rows_.bytes(2);
  file->old_content = rows_.number(3);
  file->is_new = rows_.number(4) != 0;
  file->content_is_sure = rows_.number(5) != 0;
  file->state_was_unknown = rows_.number(6) != 0;
  file->archive = rows_.number(7);
  return true;
}

}  // namespace clip
