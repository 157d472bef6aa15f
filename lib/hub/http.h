// One request over http or https, or for a file address, by libcurl: with proxies and certificates
// as the curl program has them, and redirects. Nothing is tried twice here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace clip {

struct HttpRequest {
  std::string url;
  bool head = false;             // for the headers alone
  std::uint64_t first_byte = 0;  // of the range that is asked for, if not 0
  int stall_seconds = 60;        // without a byte, after which the connection is given up
  // Sent as a bearer token, to the address's own scheme, host and port; never to another one that a
  // redirect leads to, and never put into a message.
  std::string token;
  // Whether an answer is the last one, though it is a redirect to another scheme, host or port.
  std::function<bool(const std::map<std::string, std::string>& headers)> stop_at;

  // Given the bytes of a successful answer, and its status; may throw.
  std::function<void(const char* data, std::size_t size, long status)> body;
  // Called now and then with what is known of the answer's size (0: nothing); false ends it.
  std::function<bool(std::uint64_t size, long status)> progress;
};

struct HttpAnswer {
  bool complete = false;   // everything came that was asked for
  bool stopped = false;    // by progress()
  bool transient = false;  // it failed, and may work when it is tried again
  // It failed since the range begins behind the end: there is no more than what has come.
  bool behind_the_end = false;
  long status = 0;                 // of HTTP, of the last answer; 0 where there was none
  std::string message;             // why it failed
  std::optional<int> retry_after;  // seconds, where the server names them
  // Of all answers on the way, later ones over earlier ones, with names in lower case;
  // content-length and etag of the last one alone.
  std::map<std::string, std::string> headers;

  std::string header(const std::string& name) const;  // empty where it is missing
};

// Throws what body() throws, and Error where curl cannot be started.
HttpAnswer http(const HttpRequest& request);

}  // namespace clip
