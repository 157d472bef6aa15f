#include "base/digest_module/entry.h"

#include <openssl/evp.h>

namespace {

EVP_MD_CTX* of(void* context) {
  return static_cast<EVP_MD_CTX*>(context);
}

void* make() {
  return EVP_MD_CTX_new();
}

void free_context(void* context) {
  EVP_MD_CTX_free(of(context));
}

bool begin(void* context, const char* algorithm) {
  const EVP_MD* digest = EVP_get_digestbyname(algorithm);
  return digest != nullptr && EVP_DigestInit_ex(of(context), digest, nullptr) == 1;
}

bool add(void* context, const void* data, std::size_t size) {
  return EVP_DigestUpdate(of(context), data, size) == 1;
}

std::size_t finish(void* context, unsigned char* digest) {
  unsigned int size = 0;
  return EVP_DigestFinal_ex(of(context), digest, &size) == 1 ? size : 0;
}

static_assert(EVP_MAX_MD_SIZE <= clip::DigestFunctions::kMaxBytes);

}  // namespace

extern "C" __attribute__((visibility("default"))) void clip_digest_entry(
    clip::DigestFunctions* functions) {
  *functions = {make, free_context, begin, add, finish};
}
