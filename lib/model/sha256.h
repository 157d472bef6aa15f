// SHA-256 of bytes in memory, by OpenSSL, as 64 lower-case hexadecimal digits.
#pragma once

#include <cstddef>
#include <string>

namespace clip {

std::string sha256(const std::byte* data, std::size_t size);

}  // namespace clip
