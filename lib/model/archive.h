// The zip archive that torch.jit.save writes: records under one root folder, all but code stored
// uncompressed.
// Records are views into the mapped file, valid as long as the file; nothing is copied and nothing
// in the file is executed. Layout: APPNOTE.TXT 4.3 to 4.5 (PKWARE), with zip64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "model/mapped_file.h"

namespace clip {

class Archive {
 public:
  // Reads the central directory and checks every record's bounds. Throws Error for a file that is
  // not a zip archive, or is cut short.
  // `file` must outlive the archive.
  explicit Archive(const MappedFile& file);

  const std::string& path() const { return file_.path(); }

  // A record's bytes by its name below the root folder ("data.pkl", "data/3"). `record` throws
  // Error, `find` gives false, when there is none; both throw for one that is compressed.
  std::string_view record(const std::string& name) const;
  bool find(const std::string& name, std::string_view* bytes) const;

  // As `record`, with its CRC-32 checked: for the small records whose every byte matters.
  std::string_view checked_record(const std::string& name) const;

 private:
  struct Entry {
    std::string_view bytes;
    std::uint32_t crc = 0;
    bool stored = true;  // torch.jit.save compresses code, which is not read here
  };
  const MappedFile& file_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace clip
