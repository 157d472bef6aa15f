// The one symbol that the module shows to the program: ICU's guess at the encoding of a text. It is
// a module since the library that guesses is not the one that the tokenizer needs.
#pragma once

#include <string>
#include <string_view>

namespace clip_cli {

// The name of the likeliest encoding, which --encoding takes; empty where there is no guess.
constexpr const char* kEncodingEntry = "clip_encoding_entry";
using EncodingEntry = void (*)(std::string_view sample, std::string* name);

}  // namespace clip_cli
