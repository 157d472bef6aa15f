// Lines (or other records) of a file or of standard input, one after the other, however many there
// are. Waits for more as long as there may be some, but not once its token is cancelled.
//
// Lines are bytes, as names of files are; UTF-16 and UTF-32 with a byte-order mark become UTF-8.
// Who reads texts calls check_text().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/file.h"
#include "clip/cancel.h"
#include "input/text_decoder.h"

namespace clip_cli {

class LineReader {
 public:
  // "-" is standard input. `end` ends a line: '\n', before which a '\r' does not count either, or
  // '\0'. A byte-order mark in front of the first line is no part of it. `stop`: null, or a token
  // that outlives the reader. `encoding`: as TextDecoder takes it. Throws clip::Error for a path
  // that cannot be opened, or is a folder.
  explicit LineReader(const std::string& path, char end = '\n',
                      const clip::CancelToken* stop = nullptr, const std::string& encoding = "");

  // Before the first line: bytes that have been read of the file, and whether it ended with them.
  void begin_with(std::string head, bool at_end);

  // The next line, without its end; the last one need not have one. False at the end of the file or
  // when cancelled. A line of more than `max` bytes is cut there, and what follows skipped:
  // `too_long` says so. Throws clip::Error when reading fails, and for bytes that mean nothing in
  // the encoding.
  bool next(std::string* line, std::size_t max, bool* too_long);

  // Throws clip::Error (kCorrupt) where the line given last is no UTF-8 text: it names the file,
  // the line, the byte, and the encoding that the file probably has.
  void check_text(const std::string& line) const;

  std::size_t number() const { return number_; }  // of the line given last, from 1
  bool had_end() const { return had_end_; }       // whether it had one: the last may not
  // Bytes up to its end, of a file that was not decoded.
  std::uint64_t offset() const { return read_ - (buffer_.size() - at_); }
  const std::string& name() const { return name_; }  // for messages

 private:
  bool fill();  // reads more; false at the end
  bool cancelled() const { return stop_ != nullptr && stop_->cancelled(); }

  std::string name_;
  char end_;
  clip::Descriptor owned_;  // of a file that was opened
  int file_ = -1;
  const clip::CancelToken* stop_;
  TextDecoder decoder_;
  std::string head_;    // bytes that come before those of the file
  bool head_is_all_ = false;
  std::string sample_;  // the beginning of the file
  bool at_end_ = false;
  std::string buffer_;
  std::size_t at_ = 0;      // the first byte of the buffer not given yet
  std::uint64_t read_ = 0;  // bytes that have come into the buffer
  std::size_t number_ = 0;
  bool had_end_ = false;
};

}  // namespace clip_cli
