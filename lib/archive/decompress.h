// Compressed bytes to what they stand for, by libarchive, a module that the first call loads.
#pragma once

#include <memory>

#include "archive/byte_source.h"

namespace clip {

// What `compressed` holds, as it is asked for: memory grows with what the kind of compression looks
// back at, not with what comes out. It is known by its content (archive/archive_kind.h); what is
// not compressed stays as it is. Throws Error (kUnsupported) where libarchive cannot be loaded.
// Reading throws Error (kCorrupt) for what is damaged or cut short.
std::unique_ptr<ByteSource> decompressed(std::unique_ptr<ByteSource> compressed);

}  // namespace clip
