// The module's side: a connection by libpq. All other symbols of it are hidden.

#include "postgres/pq_module/entry.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "clip/error.h"

namespace clip {
namespace {

using Clock = std::chrono::steady_clock;
using Result = std::unique_ptr<PGresult, void (*)(PGresult*)>;

constexpr int kConnectSeconds = 10;
constexpr int kLookMilliseconds = 100;  // how often a wait looks whether it was cancelled

bool cancelled(const CancelToken* stop) {
  return stop != nullptr && stop->cancelled();
}

// Waits a moment for the socket to be readable, or writable.
void wait_a_moment(int socket, bool writing) {
  pollfd wait = {socket, static_cast<short>(writing ? POLLOUT : POLLIN), 0};
  if (::poll(&wait, 1, kLookMilliseconds) < 0 && errno != EINTR) {
    throw Error(ErrorCode::kIo, fmt::format("cannot wait for the database: {}",
                                            std::generic_category().message(errno)));
  }
}

// libpq's message in one line, without a password that it might quote.
std::string one_line(std::string text, const char* password) {
  const std::string secret = password != nullptr ? password : "";
  for (std::size_t at = 0; !secret.empty() && (at = text.find(secret, at)) != std::string::npos;) {
    text.replace(at, secret.size(), "***");
    at += 3;
  }
  std::string line;
  for (const char c : text) {
    if (c != '\n' && c != '\t') {
      line += c;
    } else if (c == '\n') {
      line += "; ";
    }
  }
  while (!line.empty() && (line.back() == ' ' || line.back() == ';')) line.pop_back();
  return line;
}

class Connection : public PostgresConnection {
 public:
  Connection(const std::string& address, const CancelToken* stop) : stop_(stop) {
    check(address);
    // Of a keyword that comes twice the last counts: the address over what is set here.
    const char* const keywords[] = {"client_encoding", "fallback_application_name", "dbname",
                                    nullptr};
    const char* const values[] = {"UTF8", "clip-cli", address.c_str(), nullptr};
    connection_ = PQconnectStartParams(keywords, values, /*expand_dbname=*/1);
    if (connection_ == nullptr) throw std::bad_alloc();
    try {
      PQsetNoticeProcessor(
          connection_, [](void*, const char*) {}, nullptr);
      finish_connecting();
      PQsetClientEncoding(connection_, "UTF8");
    } catch (...) {
      PQfinish(connection_);
      throw;
    }
  }
  ~Connection() override { PQfinish(connection_); }

  SqlRows query(const std::string& statement, const std::vector<SqlValue>& parameters) override {
    std::vector<const char*> values;
    for (const SqlValue& value : parameters) {
      values.push_back(value ? value->c_str() : nullptr);
    }
    if (PQsendQueryParams(connection_, statement.c_str(), static_cast<int>(values.size()), nullptr,
                          values.data(), nullptr, nullptr, /*resultFormat=*/0) == 0) {
      throw failed(PQerrorMessage(connection_));
    }
    wait_for_result();
    SqlRows rows;
    std::string error;
    while (Result result = next_result()) {
      const ExecStatusType status = PQresultStatus(result.get());
      if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        error = message_in(result.get());
        continue;
      }
      for (int row = 0; row < PQntuples(result.get()); ++row) {
        std::vector<SqlValue>& to = rows.emplace_back();
        for (int column = 0; column < PQnfields(result.get()); ++column) {
          if (PQgetisnull(result.get(), row, column) != 0) {
            to.emplace_back();
          } else {
            to.emplace_back(
                std::string(PQgetvalue(result.get(), row, column),
                            static_cast<std::size_t>(PQgetlength(result.get(), row, column))));
          }
        }
      }
    }
    if (cancelled(stop_)) throw Error(ErrorCode::kCancelled, "the search was interrupted");
    if (!error.empty()) throw failed(error);
    return rows;
  }

  std::string quoted(const std::string& name) override {
    char* text = PQescapeIdentifier(connection_, name.data(), name.size());
    if (text == nullptr) throw failed(PQerrorMessage(connection_));
    const std::string quoted = text;
    PQfreemem(text);
    return quoted;
  }

  std::string description() const override {
    const char* database = PQdb(connection_);
    const char* host = PQhost(connection_);
    return fmt::format("the database {}{}{}", database != nullptr ? database : "",
                       host != nullptr && *host != '\0' ? " on " : "", host != nullptr ? host : "");
  }

 private:
  // What is wrong with an address libpq tells with parts of it, of which any may be a password.
  static void check(const std::string& address) {
    if (address.find('\0') == std::string::npos) {
      const bool named =
          address.find('=') == std::string::npos && address.find("://") == std::string::npos;
      char* error = nullptr;
      PQconninfoOption* options = named ? nullptr : PQconninfoParse(address.c_str(), &error);
      PQfreemem(error);
      const bool sound = named || options != nullptr;
      PQconninfoFree(options);
      if (sound) return;
    }
    throw Error(ErrorCode::kInvalidArgument,
                "the address of the database is none that libpq understands: write "
                "postgresql://USER@HOST:PORT/NAME, with %XX for what is odd in it, or "
                "host=HOST dbname=NAME");
  }

  // Seconds that the address or the environment allows; 0: as long as it takes.
  int allowed_seconds() const {
    int seconds = kConnectSeconds;
    PQconninfoOption* options = PQconninfo(connection_);
    for (const PQconninfoOption* each = options; each != nullptr && each->keyword != nullptr;
         ++each) {
      if (std::string(each->keyword) == "connect_timeout" && each->val != nullptr &&
          *each->val != '\0') {
        seconds = std::atoi(each->val);
      }
    }
    PQconninfoFree(options);
    return seconds;
  }

  void finish_connecting() {
    const int seconds = allowed_seconds();
    const Clock::time_point end = Clock::now() + std::chrono::seconds(seconds);
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    if (PQstatus(connection_) == CONNECTION_BAD) status = PGRES_POLLING_FAILED;
    while (status != PGRES_POLLING_OK) {
      if (status == PGRES_POLLING_FAILED) {
        throw Error(ErrorCode::kIo, "cannot connect to the database: " +
                                        one_line(PQerrorMessage(connection_), PQpass(connection_)));
      }
      if (cancelled(stop_)) throw Error(ErrorCode::kCancelled, "the search was interrupted");
      if (seconds > 0 && Clock::now() > end) {
        throw Error(ErrorCode::kIo, fmt::format("cannot connect to {}: it did not answer for {} s",
                                                description(), seconds));
      }
      pollfd wait = {PQsocket(connection_),
                     static_cast<short>(status == PGRES_POLLING_WRITING ? POLLOUT : POLLIN), 0};
      // Nothing has come: libpq is asked again only when something has.
      if (::poll(&wait, 1, kLookMilliseconds) <= 0) continue;
      status = PQconnectPoll(connection_);
    }
  }

  // Waits until a result can be had without waiting; tells the server where that is cancelled.
  void wait_for_result() {
    bool told = false;
    while (PQisBusy(connection_) != 0) {
      wait_a_moment(PQsocket(connection_), /*writing=*/false);
      if (PQconsumeInput(connection_) == 0) throw failed(PQerrorMessage(connection_));
      if (told || !cancelled(stop_)) continue;
      told = true;
      PGcancel* cancel = PQgetCancel(connection_);
      char error[256];
      const bool sent = cancel != nullptr && PQcancel(cancel, error, sizeof(error)) != 0;
      PQfreeCancel(cancel);
      if (!sent) throw Error(ErrorCode::kCancelled, "the search was interrupted");
    }
  }

  Result next_result() {
    wait_for_result();
    return Result(PQgetResult(connection_), &PQclear);
  }

  static std::string message_in(const PGresult* result) {
    const char* text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char* detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    if (text == nullptr) return PQresultErrorMessage(result);
    return detail != nullptr ? fmt::format("{}; {}", text, detail) : text;
  }

  Error failed(const std::string& message) const {
    return Error(ErrorCode::kIo,
                 fmt::format("{}: {}", description(), one_line(message, PQpass(connection_))));
  }

  const CancelToken* const stop_;
  PGconn* connection_ = nullptr;
};

}  // namespace
}  // namespace clip

extern "C" CLIP_API clip::PostgresConnection* clip_postgres_entry(const std::string& address,
                                                                  const clip::CancelToken* stop);
clip::PostgresConnection* clip_postgres_entry(const std::string& address,
                                              const clip::CancelToken* stop) {
  return new clip::Connection(address, stop);
}
