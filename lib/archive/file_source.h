// The bytes of a file or a pipe, by its path.
#pragma once

#include <utility>

#include "archive/byte_source.h"
#include "base/file_reader.h"

namespace clip {

class FileSource : public ByteSource {
 public:
  explicit FileSource(FileReader file) : file_(std::move(file)) {}

  std::size_t read(char* to, std::size_t size) override { return file_.read(to, size); }
  bool skip(std::uint64_t count) override { return file_.skip(count); }

 private:
  FileReader file_;
};

}  // namespace clip
