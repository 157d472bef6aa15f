// A file of prompts: lines of JSON objects where the first byte is "j", else of text.
#include <unistd.h>

#include "base/utf8.h"
#include "fuzz.h"
#include "input/input_lists.h"
#include "support.h"

void clip_fuzz::read_input(std::string_view input) {
  static const MemoryFile file;
  // A name that ends in .jsonl.
  static const clip_test::TemporaryFolder folder;
  static const std::string json_path = folder.path("texts.jsonl");
  static const bool linked = ::symlink(file.path().c_str(), json_path.c_str()) == 0;
  require(linked, "a link can be made");
  const bool json = !input.empty() && input.front() == 'j';
  file.write(json ? input.substr(1) : input);
  for (const std::string& text : clip_cli::read_texts({json ? json_path : file.path(), ""})) {
    require(!text.empty() && clip::is_utf8(text), "a text is UTF-8");
  }
}
