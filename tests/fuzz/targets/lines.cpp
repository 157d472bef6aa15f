// Lines of a file in an encoding. The first three bytes say which end lines have, how long they may
// be, and which encoding is named.
#include <array>

#include "base/utf8.h"
#include "clip/error.h"
#include "fuzz.h"
#include "input/line_reader.h"

void clip_fuzz::read_input(std::string_view input) {
  static const MemoryFile file;
  constexpr std::array<const char*, 8> kEncodings = {
      "", "", "UTF-8", "UTF-16", "GB18030", "Shift_JIS", "ISO-2022-JP", "UTF-7"};
  if (input.size() < 3) return;
  const char end = input[0] % 2 == 0 ? '\n' : '\0';
  const std::size_t max = static_cast<unsigned char>(input[1]) * std::size_t{16};
  const char* encoding = kEncodings[static_cast<unsigned char>(input[2]) % kEncodings.size()];
  file.write(input.substr(3));
  clip_cli::LineReader reader(file.path(), end, nullptr, encoding);
  bool too_long = false;
  for (std::string line; reader.next(&line, max, &too_long);) {
    require(line.size() <= max, "a line is as long as it may be at most");
    if (too_long) continue;
    reader.check_text(line);
    require(clip::is_utf8(line), "a line that was checked is UTF-8");
  }
}
