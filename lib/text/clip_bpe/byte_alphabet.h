// GPT-2's byte alphabet: a printable character for each of the 256 bytes, so that merges can be
// written as text. Bytes that Latin-1 prints stand for themselves; the others follow from U+0100
// on.
#pragma once

#include <array>
#include <cstdint>

namespace clip {

struct ByteAlphabet {
  // A byte's place in the vocabulary: first the printable bytes, then the rest, each in order.
  std::array<std::uint16_t, 256> index_of_byte;
  std::array<std::uint8_t, 256> byte_at_index;
  std::array<char32_t, 256> character_of_byte;

  ByteAlphabet();
};

}  // namespace clip
