// The two digests that the Hugging Face Hub names contents by: SHA-256 for large files, and for
// small ones git's SHA-1 of a blob, which is of the text "blob SIZE", a zero byte, and the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"

namespace clip {

enum class DigestKind { kSha256, kGitBlob };

// "SHA-256", "git blob SHA-1".
const char* name_of(DigestKind kind);

// By its length, of lower-case hexadecimal digits; none where it is no digest.
std::optional<DigestKind> digest_kind_of(std::string_view digest);

// Of bytes that come piece by piece. `size` is of all of them, and counts for kGitBlob alone.
class BlobDigest {
 public:
  BlobDigest(DigestKind kind, std::uint64_t size);
  void add(const void* data, std::size_t size);
  std::string finish();  // once, at the end; lower-case hexadecimal digits
  void restart();

 private:
  void add_header();

  DigestKind kind_;
  std::uint64_t size_;
  Digest digest_;
};

}  // namespace clip
