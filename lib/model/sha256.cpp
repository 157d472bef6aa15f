#include "model/sha256.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include "error.h"

namespace clip {

std::string sha256(const std::byte* data, std::size_t size) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int digest_size = 0;
  if (EVP_Digest(data, size, digest, &digest_size, EVP_sha256(), nullptr) != 1) {
    throw Error("OpenSSL cannot compute a SHA-256 here");
  }
  std::string hex;
  for (unsigned int i = 0; i < digest_size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

}  // namespace clip
