/// \file
/// One image on its way into a run: where its bytes are, and what is known of its file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "clip/error.h"

namespace clip {

/// By which a file that has changed is told from one that has not.
struct FileState {
  std::uint64_t size = 0;          ///< bytes
  std::int64_t modified_nsec = 0;  ///< since 1970; 0 where it is not known
};

/// Of the file that the path leads to; zeros where there is none.
FileState file_state(const std::string& path);

/// What a sample of a webdataset says of its image, by the members beside it that have the same
/// key. Bytes as they are stored, without line ends behind them.
struct SampleTexts {
  std::optional<std::string> caption;  ///< KEY.txt
  std::optional<std::string> cls;      ///< KEY.cls: the class, mostly its number
  std::optional<std::string> json;     ///< KEY.json
};

/// An image, by its path, its bytes, or what gives them.
struct ImageSource {
  /// Its path; of bytes, what messages call them; of a member of an archive ARCHIVE/MEMBER.
  std::string name;
  std::shared_ptr<const std::string> bytes;  ///< a file in memory; null: the file of that name
  /// Not empty: gives the bytes, called once, by the thread that decodes them. Throws Error.
  std::function<std::string()> load;
  std::string archive;  ///< of a member: what its archive is called; else empty
  std::shared_ptr<const SampleTexts> texts;  ///< null: none
  FileState state;                           ///< of a member: of its archive
  bool only_regular = false;  ///< it was found in a folder, as a regular file: nothing else is read
  std::optional<Error> error;  ///< not empty: it cannot be used, and why
  std::uint64_t tag = 0;       ///< comes back with the result; for whoever makes the sources
};

/// Gives the next source, or false when there are no more.
using NextImage = std::function<bool(ImageSource*)>;

}  // namespace clip
