#include "hub/blob_digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>

#include "base/strings.h"
#include "clip/error.h"

namespace clip {
namespace {

EVP_MD_CTX* context_of(const std::shared_ptr<void>& context) {
  return static_cast<EVP_MD_CTX*>(context.get());
}

void check(int result) {
  if (result != 1) throw Error(ErrorCode::kInternal, "OpenSSL cannot compute a digest here");
}

}  // namespace

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
    : kind_(kind), size_(size), context_(EVP_MD_CTX_new(), [](void* context) {
        EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context));
      }) {
  restart();
}

void BlobDigest::restart() {
  const bool git = kind_ == DigestKind::kGitBlob;
  check(EVP_DigestInit_ex(context_of(context_), git ? EVP_sha1() : EVP_sha256(), nullptr));
  if (!git) return;
  const std::string header = fmt::format("blob {}", size_);
  add(header.c_str(), header.size() + 1);  // with the zero byte
}

void BlobDigest::add(const void* data, std::size_t size) {
  check(EVP_DigestUpdate(context_of(context_), data, size));
}

std::string BlobDigest::finish() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  check(EVP_DigestFinal_ex(context_of(context_), digest, &size));
  return hex_of({reinterpret_cast<const char*>(digest), size});
}

}  // namespace clip
