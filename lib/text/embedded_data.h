// Files of data/ that are part of the binary; embedded_data.S.in puts them there.
#pragma once

#include <string_view>

extern "C" {
extern const char clip_merges_begin[], clip_merges_end[];
extern const char clip_entities_begin[], clip_entities_end[];
}

namespace clip {

// data/bpe/merges.txt
inline std::string_view embedded_merges() {
  return {clip_merges_begin, static_cast<std::size_t>(clip_merges_end - clip_merges_begin)};
}

// data/html5/entities.tsv
inline std::string_view embedded_entities() {
  return {clip_entities_begin, static_cast<std::size_t>(clip_entities_end - clip_entities_begin)};
}

}  // namespace clip
