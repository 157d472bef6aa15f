// Words for people: notices on stderr, and text made safe for a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace clip_cli {

// "clip-cli: ..." on stderr, as one line, made printable.
void notice(std::string_view message);

// Control characters (which could move the cursor or forge lines) as \n, \t or \xNN, and bytes that
// are not UTF-8 as \xNN; the rest as it is. For file names and prompts in output that people read.
std::string printable(std::string_view text);

// Of a file: "812 kB", "4.2 MB", "1.3 GB", in powers of 1000.
std::string size_text(std::uint64_t bytes);

}  // namespace clip_cli
