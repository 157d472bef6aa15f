#include "options/encoding_option.h"

#include <fmt/format.h>

#include "input/text_decoder.h"

namespace clip_cli {

void add_encoding_option(CLI::App* command, std::string* encoding, const char* group) {
  command
      ->add_option("--encoding", *encoding,
                   "Encoding of files of texts, such as windows-1252 or Shift_JIS [UTF-8]\n"
                   "Any name that ICU knows. A byte-order mark in the file counts as well.")
      ->type_name("NAME")
      ->check([](const std::string& name) {
        if (is_encoding(name)) return std::string();
        return fmt::format(
            "there is no encoding '{}'; there are, for example, UTF-16LE, windows-1252, "
            "ISO-8859-2, Shift_JIS and GB18030",
            name);
      })
      ->group(group);
}

}  // namespace clip_cli
