// SHA-256, by OpenSSL, as 64 lower-case hexadecimal digits.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace clip {

std::string sha256(std::string_view bytes);

// The same of bytes that come piece by piece.
class Sha256 {
 public:
  Sha256();
  void add(const void* data, std::size_t size);
  std::string finish();  // once, at the end
  void restart();

 private:
  std::shared_ptr<void> context_;
};

}  // namespace clip
