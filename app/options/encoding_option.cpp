#include "options/encoding_option.h"

#include <fmt/format.h>

#include "input/text_decoder.h"

namespace clip_cli {

void add_encoding_option(CLI::App* command, std::string* encoding, const char* group) {
  command
      ->add_option("--encoding", *encoding,
                   "The encoding of files of texts, such as windows-1252 or Shift_JIS [UTF-8, or "
                   "what a byte-order mark says]")
      ->type_name("NAME")
      ->check([](const std::string& name) {
        if (is_encoding(name)) return std::string();
        return fmt::format(
            "there is no encoding '{}', but such as UTF-16LE, windows-1252, "
            "ISO-8859-2, Shift_JIS, GB18030",
            name);
      })
      ->group(group);
}

}  // namespace clip_cli
