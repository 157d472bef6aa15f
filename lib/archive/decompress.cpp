#include "archive/decompress.h"

#include <utility>

#include "archive/decompress_module/entry.h"
#include "base/module.h"

extern "C" const clip::EmbeddedFile clip_decompress_module[];

namespace clip {

std::unique_ptr<ByteSource> decompressed(std::unique_ptr<ByteSource> compressed) {
  static const Module module(clip_decompress_module[0], "compressed archives need libarchive",
                             "libarchive13");
  return std::unique_ptr<ByteSource>(
      module.symbol<DecompressEntry>(kDecompressEntry)(std::move(compressed)));
}

}  // namespace clip
