// What tells one image file from another by its content, without reading all of a large one: so a
// file that was renamed or copied is known again, and need not be embedded twice.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "clip/image_source.h"

namespace clip {

// Bytes from the file's beginning and end that the key reads.
constexpr std::uint64_t kKeyHead = 1 << 20, kKeyTail = 1 << 10;

struct ContentKey {
  std::string digest;  // 32 bytes: SHA-256 of the first MiB, the last KiB, and the size
  bool whole = false;  // the key has seen every byte of the file
  FileState state;     // of the file that was read
};

// Throws Error where the file cannot be read, or is no regular file.
ContentKey content_key(const std::string& path);

// The same of bytes in memory: the key that a file of them has. Without a state.
ContentKey content_key_of(std::string_view bytes);

// A file that was changed within its clock's resolution before it was read may change again without
// any sign of it. File systems count in milliseconds at least, FAT in even seconds.
bool may_change_unseen(const FileState& state);

}  // namespace clip
