// Lines (or other records) of a file or of standard input, one after the other, however many there
// are. Waits for more as long as there may be some, but not once its token is cancelled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/file.h"
#include "clip/cancel.h"

namespace clip_cli {

class LineReader {
 public:
  // "-" is standard input. `end` ends a line: '\n', before which a '\r' does not count either, or
  // '\0'. A byte-order mark in front of the first line is no part of it. `stop`: null, or a token
  // that outlives the reader. Throws clip::Error for a path that cannot be opened, or is a folder.
  explicit LineReader(const std::string& path, char end = '\n',
                      const clip::CancelToken* stop = nullptr);

  // The next line, without its end; the last one need not have one. False at the end of the file or
  // when cancelled. A line of more than `max` bytes is cut there, and what follows skipped:
  // `too_long` says so. Throws clip::Error when reading fails.
  bool next(std::string* line, std::size_t max, bool* too_long);

  std::size_t number() const { return number_; }  // of the line given last, from 1
  bool had_end() const { return had_end_; }       // whether it had one: the last may not
  std::uint64_t offset() const { return read_ - (buffer_.size() - at_); }  // bytes up to its end
  const std::string& name() const { return name_; }                        // for messages

 private:
  bool fill();  // reads more; false at the end
  bool cancelled() const { return stop_ != nullptr && stop_->cancelled(); }

  std::string name_;
  char end_;
  clip::Descriptor owned_;  // of a file that was opened
  int file_ = -1;
  const clip::CancelToken* stop_;
  std::string buffer_;
  std::size_t at_ = 0;      // the first byte of the buffer not given yet
  std::uint64_t read_ = 0;  // bytes that have come into the buffer
  std::size_t number_ = 0;
  bool had_end_ = false;
};

}  // namespace clip_cli
