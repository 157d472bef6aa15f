#include "base/sha256.h"

#include <openssl/evp.h>

#include "base/strings.h"
#include "clip/error.h"

namespace clip {

namespace {

[[noreturn]] void fail() {
  throw Error(ErrorCode::kInternal, "OpenSSL cannot compute a SHA-256 here");
}

EVP_MD_CTX* context_of(const std::shared_ptr<void>& context) {
  return static_cast<EVP_MD_CTX*>(context.get());
}

}  // namespace

Sha256::Sha256()
    : context_(EVP_MD_CTX_new(),
               [](void* context) { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context)); }) {
  restart();
}

void Sha256::restart() {
  if (EVP_DigestInit_ex(context_of(context_), EVP_sha256(), nullptr) != 1) fail();
}

void Sha256::add(const void* data, std::size_t size) {
  if (EVP_DigestUpdate(context_of(context_), data, size) != 1) fail();
}

std::string Sha256::finish() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int digest_size = 0;
  if (EVP_DigestFinal_ex(context_of(context_), digest, &digest_size) != 1) fail();
  return hex_of({reinterpret_cast<const char*>(digest), digest_size});
}

std::string sha256(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes.data(), bytes.size());
  return hash.finish();
}

}  // namespace clip
