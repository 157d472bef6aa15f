// Fetches a file whose digest is known. What has come is kept beside it under the name FILE.part,
// so that a download that breaks off goes on from there, now or another day; only the whole and
// right file ever has its own name. One process at a time: a lock on FILE.part.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "hub/blob_digest.h"

namespace clip {

struct HttpAnswer;

struct DownloadProgress {
  std::uint64_t done = 0, total = 0;  // bytes of the file; total is 0 as long as it is not known
};

struct DownloadOptions {
  int stall_seconds = 60;                // without a byte, after which a connection is given up
  int attempts = 5;                      // in a row that bring nothing
  int max_wait_seconds = 120;            // that a busy server may ask for (Retry-After)
  std::uint64_t max_bytes = 4ull << 30;  // more than that is another file
  std::string token;                     // as HttpRequest has it
  std::string part;                      // another name than FILE.part, in the same folder
  // Called now and then; false ends the download, and keeps what has come.
  std::function<bool(const DownloadProgress&)> progress;
  // Told what went wrong when it is tried again.
  std::function<void(const std::string&)> trying_again;
};

struct ExpectedFile {
  DigestKind kind = DigestKind::kSha256;
  std::string digest;
  std::uint64_t size = 0;  // 0: not known, which DigestKind::kGitBlob does not allow
};

// From http, https or file addresses, by way of proxies and certificates as curl has them. Throws
// Error that says what to do: for addresses that are not there, servers that fail or give something
// else, a full disk, a folder that cannot be written, and a download that another process is at.
void download(const std::string& url, const std::string& path, const ExpectedFile& expected,
              const DownloadOptions& options);

// The same with a SHA-256.
void download(const std::string& url, const std::string& path, const std::string& sha256,
              const DownloadOptions& options);

// Waits before a request that failed is tried again, the longer the more often it did so in a row,
// and at least as long as the server asks for. False where goes_on() ends it. Throws Error (kLimit)
// where the server asks for more than options.max_wait_seconds.
bool wait_before_retry(const std::string& url, const HttpAnswer& answer, int in_vain,
                       const DownloadOptions& options, const std::function<bool()>& goes_on);

}  // namespace clip
