// Fetches a file whose SHA-256 is known. What has come is kept beside it under the name FILE.part,
// so that a download that breaks off goes on from there, now or another day; only the whole and
// right file ever has its own name. One process at a time: a lock on FILE.part.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace clip {

struct DownloadProgress {
  std::uint64_t done = 0, total = 0;  // bytes of the file; total is 0 as long as it is not known
};

struct DownloadOptions {
  int stall_seconds = 60;                // without a byte, after which a connection is given up
  int attempts = 5;                      // in a row that bring nothing
  std::uint64_t max_bytes = 4ull << 30;  // more than that is another file
  // Called now and then; false ends the download, and keeps what has come.
  std::function<bool(const DownloadProgress&)> progress;
  // Told what went wrong when it is tried again.
  std::function<void(const std::string&)> trying_again;
};

// From http, https or file addresses, by way of proxies and certificates as curl has them. Throws
// Error that says what to do: for addresses that are not there, servers that fail or give something
// else, a full disk, a folder that cannot be written, and a download that another process is at.
void download(const std::string& url, const std::string& path, const std::string& sha256,
              const DownloadOptions& options);

}  // namespace clip
