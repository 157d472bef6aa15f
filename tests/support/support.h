// What tests of all folders need: errors as text and code, parts of strings, temporary folders.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "clip/error.h"

namespace clip_test {

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// The message of the clip::Error that the call throws; empty where it throws none.
template <typename Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const clip::Error& error) {
    return error.what();
  }
  return "";
}

// The code of that error.
template <typename Call>
std::optional<clip::ErrorCode> code_of(Call call) {
  try {
    call();
  } catch (const clip::Error& error) {
    return error.code();
  }
  return std::nullopt;
}

// A folder of its own, empty, which goes with its files when the object does.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  // The folder, absolute and without a slash at its end; or the path of a name in it.
  std::string path(const std::string& name = "") const;

  // Writes a file, and the folders that lead to it. Gives its path.
  std::string write(const std::string& name, std::string_view bytes) const;

 private:
  std::string path_;
};

// The bytes of a file; empty where it cannot be read.
std::string bytes_of(const std::string& path);

}  // namespace clip_test
