#include "hub/blob_digest.h"

#include <fmt/format.h>

#include <algorithm>

namespace clip {

const char* name_of(DigestKind kind) {
  return kind == DigestKind::kSha256 ? "SHA-256" : "git blob SHA-1";
}

std::optional<DigestKind> digest_kind_of(std::string_view digest) {
  constexpr std::size_t kSha1Digits = 40, kSha256Digits = 64;
  const bool digits = std::all_of(digest.begin(), digest.end(), [](char c) {
    return ('0' <= c && c <= '9') || ('a' <= c && c <= 'f');
  });
  if (digits && digest.size() == kSha256Digits) return DigestKind::kSha256;
  if (digits && digest.size() == kSha1Digits) return DigestKind::kGitBlob;
  return std::nullopt;
}

BlobDigest::BlobDigest(DigestKind kind, std::uint64_t size)
    : kind_(kind), size_(size), digest_(kind == DigestKind::kGitBlob ? "SHA1" : "SHA256") {
  add_header();
}

void BlobDigest::restart() {
  digest_.restart();
  add_header();
}

void BlobDigest::add_header() {
  if (kind_ != DigestKind::kGitBlob) return;
  const std::string header = fmt::format("blob {}", size_);
  add(header.c_str(), header.size() + 1);  // with the zero byte
}

void BlobDigest::add(const void* data, std::size_t size) {
  digest_.add(data, size);
}

std::string BlobDigest::finish() {
  return digest_.finish();
}

}  // namespace clip
