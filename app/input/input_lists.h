// Lists that people pass as files or on standard input.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "input/line_reader.h"

namespace clip_cli {

// A file of texts: of prompts, queries, labels.
struct TextFile {
  std::string path;      // "-": standard input
  std::string encoding;  // --encoding, or empty: UTF-8, or what a byte-order mark says
};

// Calls `use` for each text of a file: each line, or, when the name ends in .jsonl, the field
// `text` of each line's JSON object. Lines may end in \r\n, and a byte-order mark in front is no
// part of the first. Reads as it goes, so the file may be larger than memory, until `stop` is
// cancelled, where it is not null. Throws clip::Error naming file and line, for what is no text in
// its encoding, too.
void for_each_text(const TextFile& file, const std::function<void(const std::string&)>& use,
                   const clip::CancelToken* stop = nullptr);

// As for_each_text, but all at once and without the empty ones.
std::vector<std::string> read_texts(const TextFile& file);

// Paths of images, one a line or one before each NUL, taken one at a time: a list may be longer
// than memory, and still be written while it is read.
class PathList {
 public:
  // "-" is standard input.
  PathList(const std::string& path, bool nul_separated, const clip::CancelToken* stop = nullptr)
      : reader_(path, nul_separated ? '\0' : '\n', stop) {}

  // Before the first: bytes of it that have been read, and whether it ended with them.
  void begin_with(std::string head, bool at_end) { reader_.begin_with(std::move(head), at_end); }

  // The next that is not empty; false at the end, or when cancelled. Throws clip::Error naming
  // file and line for what is too long to be a path.
  bool next(std::string* path);

 private:
  LineReader reader_;
};

// A whole file of at most 64 MiB, for lists that are needed at once. Throws clip::Error naming it.
std::string read_whole(const TextFile& file);

}  // namespace clip_cli
