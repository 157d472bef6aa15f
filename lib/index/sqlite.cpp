#include "index/sqlite.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <utility>

#include "clip/error.h"

namespace clip {
namespace {

// How long a statement waits for another process that is writing: a commit takes milliseconds, but
// may wait for a slow disk.
constexpr int kBusyMilliseconds = 30000;

Error error_of(const std::string& path, int code, const char* message, const char* what) {
  const int kind = code & 0xff;
  if (kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB) {
    return Error(
        ErrorCode::kCorrupt,
        fmt::format("cannot {} the index {}: it is damaged, or no index ({})", what, path, message),
        Hint::kRebuildIndex);
  }
  if (kind == SQLITE_SCHEMA || kind == SQLITE_ERROR || kind == SQLITE_MISMATCH ||
      kind == SQLITE_CONSTRAINT) {
    return Error(ErrorCode::kCorrupt,
                 fmt::format("cannot {} the index {}: it is not as this program makes it ({})",
                             what, path, message),
                 Hint::kRebuildIndex);
  }
  if (kind == SQLITE_BUSY || kind == SQLITE_LOCKED) {
    return Error(ErrorCode::kIo,
                 fmt::format("cannot {} the index {}: another process is using it", what, path));
  }
  return Error(kind == SQLITE_CANTOPEN ? ErrorCode::kNotFound : ErrorCode::kIo,
               fmt::format("cannot {} the index {}: {}", what, path, message));
}

}  // namespace

Database::Database(const std::string& path, Access access) : path_(path) {
  // Who only reads must be able to roll back what a crash left half written. Where the file cannot
  // be written, SQLite opens it for reading by itself.
  const int flags = SQLITE_OPEN_READWRITE | (access == Access::kCreate ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path.c_str(), &connection_, flags, nullptr);
  if (code != SQLITE_OK) {
    const Error error =
        error_of(path, code, connection_ ? sqlite3_errmsg(connection_) : "out of memory", "open");
    sqlite3_close(connection_);
    throw error;
  }
  sqlite3_extended_result_codes(connection_, 1);
  sqlite3_busy_timeout(connection_, kBusyMilliseconds);
  if (access == Access::kCreate && sqlite3_db_readonly(connection_, "main") == 1) {
    sqlite3_close(connection_);
    throw Error(ErrorCode::kIo,
                fmt::format("cannot write the index {}: it can only be read", path));
  }
  if (access == Access::kRead) {
    sqlite3_exec(connection_, "PRAGMA query_only = 1", nullptr, nullptr, nullptr);
  }
}

Database::~Database() {
  sqlite3_close_v2(connection_);
}

void Database::fail(const char* what) const {
  throw error_of(path_, sqlite3_extended_errcode(connection_), sqlite3_errmsg(connection_), what);
}

void Database::run(const std::string& sql) {
  if (sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    fail("write");
  }
}

std::int64_t Database::number(const std::string& sql) {
  Statement statement(this, sql.c_str());
  return statement.step() ? statement.number(0) : 0;
}

std::int64_t Database::last_insert_id() const {
  return sqlite3_last_insert_rowid(connection_);
}

std::int64_t Database::changes() const {
  return sqlite3_changes(connection_);
}

Statement::Statement(Database* database, const char* sql) : database_(database) {
  if (sqlite3_prepare_v2(database->connection_, sql, -1, &statement_, nullptr) != SQLITE_OK) {
    database_->fail("read");
  }
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}

void Statement::reset() {
  sqlite3_reset(statement_);
}

Statement& Statement::bind(int at, std::int64_t value) {
  if (sqlite3_stmt_busy(statement_) != 0) reset();
  if (sqlite3_bind_int64(statement_, at, value) != SQLITE_OK) database_->fail("read");
  return *this;
}

Statement& Statement::bind_real(int at, double value) {
  if (sqlite3_stmt_busy(statement_) != 0) reset();
  if (sqlite3_bind_double(statement_, at, value) != SQLITE_OK) database_->fail("read");
  return *this;
}

Statement& Statement::bind_bytes(int at, std::string_view value) {
  if (sqlite3_stmt_busy(statement_) != 0) reset();
  // An empty view may have no address, which SQLite would take for NULL.
  const char* data = value.empty() ? "" : value.data();
  if (sqlite3_bind_blob64(statement_, at, data, value.size(), SQLITE_TRANSIENT) != SQLITE_OK) {
    database_->fail("read");
  }
  return *this;
}

Statement& Statement::bind_text(int at, std::string_view value) {
  if (sqlite3_stmt_busy(statement_) != 0) reset();
  const char* data = value.empty() ? "" : value.data();
  if (sqlite3_bind_text64(statement_, at, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8) !=
      SQLITE_OK) {
    database_->fail("read");
  }
  return *this;
}

Statement& Statement::bind_null(int at) {
  if (sqlite3_stmt_busy(statement_) != 0) reset();
  if (sqlite3_bind_null(statement_, at) != SQLITE_OK) database_->fail("read");
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) {
    const char* what = sqlite3_stmt_readonly(statement_) != 0 ? "read" : "write";
    try {
      database_->fail(what);
    } catch (...) {
      reset();
      throw;
    }
  }
  reset();
  return false;
}

void Statement::run() {
  while (step()) {
  }
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_, column);
}

double Statement::real(int column) const {
  return sqlite3_column_double(statement_, column);
}

std::string_view Statement::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return data == nullptr ? std::string_view()
                         : std::string_view(static_cast<const char*>(data), size);
}

// Immediate: whoever writes has the lock from the start, and cannot find it taken half-way.
Transaction::Transaction(Database* database) : database_(database) {
  database_->run("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  // Where SQLite has rolled back by itself, there is nothing left to do, and no one to tell.
  if (open_) sqlite3_exec(database_->connection_, "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  database_->run("COMMIT");
  open_ = false;
}

}  // namespace clip
