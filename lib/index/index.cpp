#include "index/index.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <random>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "base/strings.h"

namespace clip {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLock = "lock";
constexpr std::int64_t kApplicationId = 0x434c4950;  // "CLIP"
constexpr std::int64_t kVersion = 1;
constexpr std::string_view kVectorPrefix = "vectors-";

constexpr const char* kTables = R"sql(
CREATE TABLE facts(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE folders(id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, mount INTEGER NOT NULL);
CREATE TABLE files(folder INTEGER NOT NULL, name BLOB NOT NULL, size INTEGER NOT NULL,
  modified INTEGER NOT NULL, content INTEGER, error TEXT,
  PRIMARY KEY(folder, name)) WITHOUT ROWID;
CREATE INDEX files_of_content ON files(content) WHERE content IS NOT NULL;
CREATE TABLE contents(id INTEGER PRIMARY KEY, key BLOB NOT NULL);
CREATE INDEX contents_of_key ON contents(key);
CREATE TABLE models(id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
  path BLOB NOT NULL, dim INTEGER NOT NULL, generation INTEGER NOT NULL, rows INTEGER NOT NULL);
CREATE TABLE embeddings(model INTEGER NOT NULL, content INTEGER NOT NULL, row INTEGER, error TEXT,
  PRIMARY KEY(model, content)) WITHOUT ROWID;
CREATE UNIQUE INDEX embeddings_of_row ON embeddings(model, row) WHERE row IS NOT NULL;
CREATE TABLE unused_rows(model INTEGER NOT NULL, row INTEGER NOT NULL,
  PRIMARY KEY(model, row)) WITHOUT ROWID;
CREATE TABLE neutral(model INTEGER PRIMARY KEY, prompts TEXT NOT NULL,
  near_synonym REAL NOT NULL, vectors BLOB NOT NULL);
)sql";

void make_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error && !is_folder(path)) throw file_error("make the folder", path, error.value());
}

void sync_folder(const std::string& path) {
  const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems cannot synchronise folders, and keep names by themselves.
  if (!folder.valid() || (::fsync(folder.get()) != 0 && errno != EINVAL)) {
    throw file_error("write", path, errno);
  }
}

// The lock, if it is this process's now; invalid where another process has it.
Descriptor taken_lock(const IndexPlace& place) {
  const std::string path = joined_path(place.folder, kLock);
  for (;;) {
    Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (!lock.valid()) throw file_error("write", path, errno);
    while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno == EWOULDBLOCK) return Descriptor();
      throw file_error("lock", path, errno);
    }
    // Whoever removes an index removes its lock: then this one is nobody's.
    struct stat mine = {}, there = {};
    if (::fstat(lock.get(), &mine) == 0 && ::stat(path.c_str(), &there) == 0 &&
        mine.st_ino == there.st_ino && mine.st_dev == there.st_dev) {
      return lock;
    }
    make_folder(place.folder);
  }
}

std::string model_name(const Model& model) {
  const std::string& name = model.config().name;
  return name.empty() ? std::string(base_name(model.path())) : name;
}

IndexedModel model_of_row(const Statement& row) {
  IndexedModel model;
  model.id = row.number(0);
  model.identity = row.bytes(1);
  model.name = row.bytes(2);
  model.path = row.bytes(3);
  model.dim = row.number(4);
  model.generation = static_cast<std::uint64_t>(row.number(5));
  model.rows = row.number(6);
  return model;
}

std::string vector_name(std::int64_t model, std::uint64_t generation) {
  return fmt::format("{}{}-{}.f16", kVectorPrefix, model, generation);
}

}  // namespace

Index::Index(IndexPlace place, Descriptor lock, Database::Access access)
    : place_(std::move(place)), lock_(std::move(lock)), database_(database_path(place_), access) {}

Index::~Index() = default;

std::unique_ptr<Index> Index::open(const IndexPlace& place) {
  const Error none(ErrorCode::kNotFound, fmt::format("there is no index of {}", place.root));
  if (!exists(database_path(place))) throw none;
  std::unique_ptr<Index> index(new Index(place, Descriptor(), Database::Access::kRead));
  // One whose making was cut short has no tables.
  if (index->database_.number("SELECT count(*) FROM sqlite_master") == 0) throw none;
  index->check_tables();
  return index;
}

std::unique_ptr<Index> Index::open_for_writing(const IndexPlace& place, const CancelToken* stop,
                                               const std::function<void()>& wait) {
  make_folder(place.folder);
  Descriptor lock = taken_lock(place);
  if (!lock.valid()) {
    if (wait) wait();
    while (!(lock = taken_lock(place)).valid()) {
      if (stop != nullptr && stop->cancelled()) {
        throw Error(ErrorCode::kCancelled, "ended while waiting for another process");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  std::unique_ptr<Index> index(new Index(place, std::move(lock), Database::Access::kCreate));
  // A database that was just made, or whose making was cut short, has no tables.
  if (index->database_.number("SELECT count(*) FROM sqlite_master") == 0) index->make_tables();
  index->check_tables();
  index->remove_strays();
  return index;
}

void Index::make_tables() {
  std::random_device random;
  const auto id = static_cast<std::int64_t>(
      (static_cast<std::uint64_t>(random()) << 32 | random()) >> 1);  // never negative
  Transaction transaction(&database_);
  database_.run(kTables);
  database_.run(fmt::format("PRAGMA application_id = {}", kApplicationId));
  database_.run(fmt::format("PRAGMA user_version = {}", kVersion));
  set_fact("index", std::to_string(id));
  set_fact(kRootFact, place_.root);
  transaction.commit();
  sync_folder(place_.folder);
}

void Index::check_tables() {
  if (database_.number("PRAGMA application_id") != kApplicationId) {
    throw Error(ErrorCode::kCorrupt,
                fmt::format("cannot use {}: it is no index of clip-cli", database_.path()),
                Hint::kRebuildIndex);
  }
  const std::int64_t version = database_.number("PRAGMA user_version");
  if (version != kVersion) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("cannot use the index {}: it has version {} of the format, and this "
                            "program reads version {}",
                            database_.path(), version, kVersion),
                Hint::kRebuildIndex);
  }
  const std::string id = fact("index");
  if (id.empty() || id.find_first_not_of("0123456789") != std::string::npos || id.size() > 19) {
    throw Error(ErrorCode::kCorrupt,
                fmt::format("cannot use the index {}: it has no number", database_.path()),
                Hint::kRebuildIndex);
  }
  id_ = std::stoull(id);
}

std::vector<IndexedModel> Index::models() {
  Statement rows(&database_,
                 "SELECT id, identity, name, path, dim, generation, rows FROM models ORDER BY id");
  std::vector<IndexedModel> models;
  while (rows.step()) models.push_back(model_of_row(rows));
  return models;
}

std::optional<IndexedModel> Index::find_model(const std::string& identity) {
  for (IndexedModel& model : models()) {
    if (model.identity == identity) return std::move(model);
  }
  return std::nullopt;
}

IndexedModel Index::add_model(const Model& model, std::int64_t dim) {
  if (auto found = find_model(model.identity())) {
    if (found->dim == dim) return *found;
    throw Error(ErrorCode::kCorrupt,
                fmt::format("cannot use the index {}: its vectors of {} have {} numbers, and the "
                            "model gives {}",
                            database_.path(), found->name, found->dim, dim),
                Hint::kRebuildIndex);
  }
  IndexedModel added;
  added.id = database_.number("SELECT coalesce(max(id), 0) + 1 FROM models");
  added.identity = model.identity();
  added.name = model_name(model);
  added.path = real_path(model.path());
  added.dim = dim;
  added.generation = 1;
  // The file is whole, under its name, before anything says that it is there.
  const std::string path = vector_path(added), part = path + ".part";
  VectorWriter::create(part, vector_id(added)).sync();
  if (std::rename(part.c_str(), path.c_str()) != 0) throw file_error("write", path, errno);
  sync_folder(place_.folder);
  Transaction transaction(&database_);
  Statement insert(&database_,
                   "INSERT INTO models(id, identity, name, path, dim, generation, rows) "
                   "VALUES(?, ?, ?, ?, ?, ?, 0)");
  insert.bind(1, added.id).bind_text(2, added.identity).bind_text(3, added.name);
  insert.bind_bytes(4, added.path).bind(5, dim).bind(6, 1).run();
  transaction.commit();
  return added;
}

void Index::note_use(const IndexedModel& indexed, const Model& model) {
  const std::string path = real_path(model.path());
  if (indexed.path == path && indexed.name == model_name(model)) return;
  Statement update(&database_, "UPDATE models SET name = ?, path = ? WHERE id = ?");
  update.bind_text(1, model_name(model)).bind_bytes(2, path).bind(3, indexed.id).run();
}

std::string Index::vector_path(const IndexedModel& model) const {
  return joined_path(place_.folder, vector_name(model.id, model.generation));
}

VectorFileId Index::vector_id(const IndexedModel& model) const {
  VectorFileId id;
  id.dim = model.dim;
  id.model = model.identity;
  id.index = id_;
  id.generation = model.generation;
  return id;
}

VectorReader Index::vectors(const IndexedModel& model) const {
  return VectorReader(vector_path(model), vector_id(model), model.rows);
}

VectorWriter Index::vector_writer(const IndexedModel& model) const {
  return VectorWriter::open(vector_path(model), vector_id(model), model.rows);
}

std::string Index::fact(const char* name) {
  Statement query(&database_, "SELECT value FROM facts WHERE name = ?");
  query.bind_text(1, name);
  std::string value;
  if (query.step()) value = query.bytes(0);
  return value;
}

void Index::set_fact(const char* name, std::string_view value) {
  Statement insert(&database_, "INSERT OR REPLACE INTO facts(name, value) VALUES(?, ?)");
  insert.bind_text(1, name).bind_bytes(2, value).run();
}

void Index::sync() const {
  sync_folder(place_.folder);
}

void Index::remove_strays() {
  std::set<std::string> known;
  for (const IndexedModel& model : models()) {
    known.insert(vector_name(model.id, model.generation));
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(place_.folder.c_str()), &::closedir);
  if (folder == nullptr) throw file_error("read the folder", place_.folder, errno);
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string name = entry->d_name;
    if (starts_with(name, kVectorPrefix) && known.count(name) == 0) {
      ::unlink(joined_path(place_.folder, name).c_str());
    }
  }
}

std::vector<IndexPlace> indexes_in(const std::string& data) {
  std::vector<IndexPlace> places;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(data.c_str()), &::closedir);
  if (folder == nullptr) return places;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (entry->d_name[0] == '.') continue;
    IndexPlace place;
    place.folder = joined_path(data, entry->d_name);
    place.root = place.folder;  // in messages, until it is known
    try {
      place.root = Index::open(place)->fact(kRootFact);
    } catch (const Error&) {
      continue;  // no index, or a damaged one, which can be removed by its root's path alone
    }
    places.push_back(std::move(place));
  }
  std::sort(places.begin(), places.end(),
            [](const IndexPlace& a, const IndexPlace& b) { return a.root < b.root; });
  return places;
}

void remove_index(const IndexPlace& place) {
  const Descriptor lock = taken_lock(place);
  if (!lock.valid()) {
    throw Error(
        ErrorCode::kIo,
        fmt::format("cannot remove the index of {}: another process is using it", place.root));
  }
  // The database first: without it there is no index, and what a crash leaves is removed by the
  // next.
  std::vector<std::string> names = {std::string(base_name(database_path(place))),
                                    std::string(base_name(database_path(place))) + "-journal"};
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(place.folder.c_str()), &::closedir);
  if (folder == nullptr) throw file_error("read the folder", place.folder, errno);
  while (const dirent* entry = ::readdir(folder.get())) {
    if (starts_with(entry->d_name, kVectorPrefix)) names.emplace_back(entry->d_name);
  }
  names.emplace_back(kLock);
  for (const std::string& name : names) {
    const std::string path = joined_path(place.folder, name);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw file_error("remove", path, errno);
  }
  if (::rmdir(place.folder.c_str()) != 0 && errno != ENOTEMPTY)
    throw file_error("remove", place.folder, errno);
}

}  // namespace clip
