// Lists that people pass as files or on standard input.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace clip_cli {

// Calls `use` for each text of `path` ("-": standard input): each line, or, when the name ends in
// .jsonl, the field `text` of each line's JSON object. Lines may end in \r\n. Reads as it goes, so
// the file may be larger than memory. Throws clip::Error naming file and line.
void for_each_text(const std::string& path, const std::function<void(const std::string&)>& use);

// As for_each_text, but all at once and without the empty ones.
std::vector<std::string> read_texts(const std::string& path);

// The lines of `path` ("-": standard input) that are not empty: paths of pictures.
std::vector<std::string> read_paths(const std::string& path);

}  // namespace clip_cli
