// SHA-256, by OpenSSL, as 64 lower-case hexadecimal digits.
#pragma once

#include <string>
#include <string_view>

#include "base/digest.h"

namespace clip {

std::string sha256(std::string_view bytes);

// The same of bytes that come piece by piece.
class Sha256 : public Digest {
 public:
  Sha256() : Digest("SHA256") {}
};

}  // namespace clip
