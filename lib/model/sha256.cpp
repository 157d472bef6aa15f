#include "model/sha256.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include "error.h"

namespace clip {

namespace {

[[noreturn]] void fail() {
  throw Error("OpenSSL cannot compute a SHA-256 here");
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
  std::string hex;
  for (unsigned int i = 0; i < digest_size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

std::string sha256(const std::byte* data, std::size_t size) {
  Sha256 hash;
  hash.add(data, size);
  return hash.finish();
}

}  // namespace clip
