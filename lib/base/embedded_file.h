// Files that are part of the binary. clip_embed() in CMake puts them there, as a table of these
// from SYMBOL to SYMBOL_end, which are declared with `extern "C" const clip::EmbeddedFile
// SYMBOL[];`.
#pragma once

#include <cstddef>
#include <string_view>

namespace clip {

struct EmbeddedFile {
  const char* name;  // without folder and ending
  const char* begin;
  const char* end;

  std::string_view bytes() const { return {begin, static_cast<std::size_t>(end - begin)}; }
};

}  // namespace clip
