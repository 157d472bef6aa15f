// Digests of bytes that come piece by piece, by OpenSSL, which the first one loads.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace clip {

class Digest {
 public:
  // `algorithm`: "SHA1" or "SHA256". Throws Error where OpenSSL cannot be loaded.
  explicit Digest(const char* algorithm);

  void add(const void* data, std::size_t size);
  std::string finish();  // once, at the end; lower-case hexadecimal digits
  void restart();

 private:
  const char* algorithm_;
  std::shared_ptr<void> context_;
};

}  // namespace clip
