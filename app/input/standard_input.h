// Standard input where it is not known yet what comes there: a list of names, an image, or a tar
// archive. As many bytes are read as it takes to tell an archive from anything else, and then
// belong to whoever reads the rest.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "archive/byte_source.h"
#include "clip/cancel.h"

namespace clip_cli {

// What an image on standard input is called among those that are named, and an archive there.
inline constexpr const char* kStandardInput = "-";

// Says, once, that the program waits for what is typed, where standard input is a terminal.
void note_terminal_input();

class StandardInput {
 public:
  // `stop`, which outlives it and what it gives, ends every wait for bytes.
  explicit StandardInput(const clip::CancelToken* stop) : stop_(stop) {}

  // Waits for the first bytes. What cannot be read is no archive: who reads on will say why.
  bool is_archive();

  const std::string& head() const { return head_; }  // what has been read by is_archive()
  bool at_end() const { return at_end_; }            // and nothing comes behind it

  // Sets, and tells and forgets, that it is the turn of the archive among what is named.
  void give_turn() { has_turn_ = true; }
  bool takes_turn() { return std::exchange(has_turn_, false); }

  // All of it, from the first byte on; once.
  std::unique_ptr<clip::ByteSource> take();

 private:
  const clip::CancelToken* const stop_;
  std::string head_;
  bool at_end_ = false, has_turn_ = false;
};

}  // namespace clip_cli
