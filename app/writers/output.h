// Where results go: standard output, or a file. Whole lines at a time; a file that is replaced is
// written under another name beside it and renamed when it is complete, so that nobody ever sees
// half of it, and what was there before stays until then. Every failure is a clip::Error that names
// the file; but where nobody reads any more it is std::system_error with EPIPE, which is not worth
// a message.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace clip_cli {

class Output {
 public:
  static Output standard();

  // Replaces `path` on commit(). What is no regular file (a pipe, a device) is written directly.
  static Output replacing(const std::string& path);

  // Takes over a descriptor that is open for writing at the end of `path`.
  static Output appending(int descriptor, const std::string& path);

  Output(Output&&) = default;
  Output& operator=(Output&&) = delete;
  ~Output();  // an uncommitted replacement is dropped

  void write(std::string_view text);
  void flush();
  void commit();  // the last call: all is on its way to the disk, under its own name

  // As commit(), of a run that was interrupted: a file that was there before is kept beside it, as
  // the path that is given; empty where there was none.
  std::string commit_interrupted();

  bool is_terminal() const;

 private:
  struct Close {
    void operator()(std::FILE* file) const;
  };

  Output(std::FILE* file, std::string name, std::string temporary, std::string target)
      : file_(file),
        name_(std::move(name)),
        temporary_(std::move(temporary)),
        target_(std::move(target)) {}
  [[noreturn]] void fail() const;

  std::unique_ptr<std::FILE, Close> file_;
  std::string name_;       // for messages
  std::string temporary_;  // what is written, to be renamed; empty: nothing is
  std::string target_;     // what it is renamed to
};

}  // namespace clip_cli
