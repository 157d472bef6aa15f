// The one symbol that the module shows to the program: OpenSSL's digests. OpenSSL's libcrypto would
// cost every start some milliseconds, and most runs need no digest.
#pragma once

#include <cstddef>

namespace clip {

struct DigestFunctions {
  static constexpr std::size_t kMaxBytes = 64;  // of a digest

  void* (*make)();  // null where it fails
  void (*free)(void* context);
  bool (*begin)(void* context, const char* algorithm);  // "SHA1", "SHA256"
  bool (*add)(void* context, const void* data, std::size_t size);
  std::size_t (*finish)(void* context, unsigned char* digest);  // bytes; 0 where it fails
};

constexpr const char* kDigestEntry = "clip_digest_entry";
using DigestEntry = void (*)(DigestFunctions* functions);

}  // namespace clip
