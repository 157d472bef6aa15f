// The one symbol that the module shows to the program: libarchive's filters, which undo gzip,
// bzip2, xz, zstd, lz4, lzip and compress. No others, since libarchive would start other programs
// for them.
#pragma once

#include <memory>

#include "archive/byte_source.h"

namespace clip {

constexpr const char* kDecompressEntry = "clip_decompress_entry";
// What it returns is the caller's to delete.
using DecompressEntry = ByteSource* (*)(std::unique_ptr<ByteSource> compressed);

}  // namespace clip
