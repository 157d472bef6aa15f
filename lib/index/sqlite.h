// SQLite, as far as the index needs it: a connection, statements, transactions. Every failure is an
// Error that names the database's file. A connection is for one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace clip {

class Statement;

class Database {
 public:
  enum class Access { kRead, kCreate };  // for writing it is made where it is not there

  // Throws Error where it cannot be opened; whether it is a database shows at the first statement.
  Database(const std::string& path, Access access);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs statements that give no rows.
  void run(const std::string& sql);

  // The first column of the only row; 0 where there is none.
  std::int64_t number(const std::string& sql);

  std::int64_t last_insert_id() const;
  std::int64_t changes() const;  // rows that the last statement changed

  const std::string& path() const { return path_; }

 private:
  friend class Statement;
  friend class Transaction;
  [[noreturn]] void fail(const char* what) const;

  const std::string path_;
  sqlite3* connection_ = nullptr;
};

// One statement, compiled once and run any number of times:
//
//   statement.bind(1, folder).bind_bytes(2, name);
//   while (statement.step()) use(statement.number(0));
class Statement {
 public:
  Statement(Database* database, const char* sql);
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;

  // Parameters count from 1. The first after a row begins the statement anew.
  Statement& bind(int at, std::int64_t value);
  Statement& bind_real(int at, double value);
  Statement& bind_bytes(int at, std::string_view value);  // a BLOB
  Statement& bind_text(int at, std::string_view value);
  Statement& bind_null(int at);

  // The next row, or false at the end, after which it can be bound and run again.
  bool step();
  // Runs a statement that gives no rows.
  void run();
  // Begins anew, though rows were left.
  void reset();

  // Columns of the row, from 0. Views hold until the next step.
  bool is_null(int column) const;
  std::int64_t number(int column) const;
  double real(int column) const;
  std::string_view bytes(int column) const;

 private:
  Database* database_;
  sqlite3_stmt* statement_ = nullptr;
};

// Rolled back unless it is committed.
class Transaction {
 public:
  explicit Transaction(Database* database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void commit();

 private:
  Database* database_;
  bool open_ = true;
};

}  // namespace clip
