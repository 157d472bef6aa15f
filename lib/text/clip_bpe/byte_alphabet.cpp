#include "text/clip_bpe/byte_alphabet.h"

namespace clip {
namespace {

bool is_printable(int byte) {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

}  // namespace

ByteAlphabet::ByteAlphabet() : index_of_byte{}, byte_at_index{}, character_of_byte{} {
  std::uint16_t index = 0;
  char32_t beyond = 0x100;  // the next character for a byte that does not print
  for (const bool printable : {true, false}) {
    for (int byte = 0; byte < 256; ++byte) {
      if (is_printable(byte) != printable) continue;
      index_of_byte[byte] = index;
      byte_at_index[index++] = static_cast<std::uint8_t>(byte);
      character_of_byte[byte] = printable ? static_cast<char32_t>(byte) : beyond++;
    }
  }
}

}  // namespace clip
