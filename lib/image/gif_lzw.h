// LZW as GIF has it (CompuServe's specification, version 89a, appendix F): codes of up to 12 bits,
// the lowest bit first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace clip {

// Gives the indices to `take`, a string of them at a time, until it says that these are all. A file
// gives the size of its codes in bits, before there are strings. `next_block` gives the data a
// block at a time, and throws where the file ends; like Pillow, an empty block, which should be the
// last, is passed over. Throws Error (kCorrupt) for data that are damaged or end early.
void decode_gif_lzw(int code_bits, const std::function<std::string_view()>& next_block,
                    const std::function<bool(const std::uint8_t*, std::size_t)>& take);

}  // namespace clip
