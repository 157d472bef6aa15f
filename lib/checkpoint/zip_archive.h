// The zip archive that torch.jit.save writes: records under one root folder, all but code stored
// uncompressed. Records are views into the mapped file, valid as long as the file; nothing is
// copied and nothing in the file is executed. Layout: APPNOTE.TXT 4.3 to 4.5 (PKWARE), with zip64.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"

namespace clip {

class ZipArchive {
 public:
  struct Record {
    std::string_view bytes;  // as they are stored
    std::uint32_t crc = 0;   // of the contents
    std::uint64_t size = 0;  // of the contents
    bool stored = true;      // neither compressed nor encrypted
    bool encrypted = false;
  };

  static bool matches(std::string_view bytes);

  // Reads the central directory and checks every record's bounds. Throws Error for a file that is
  // not a zip archive, or is cut short. `file` must outlive the archive.
  explicit ZipArchive(const MappedFile& file);

  const std::string& path() const { return file_.path(); }

  // By the names below the root folder: "data.pkl", "data/3".
  const std::map<std::string, Record, std::less<>>& records() const { return records_; }

  // Whether its records have checksums. PyTorch writes 0 for each where it was told to save the
  // time (torch.serialization.set_crc32_options).
  bool has_checksums() const { return has_checksums_; }

  // A record's bytes. `record` throws Error, `find` gives false, when there is none; both throw for
  // one that is compressed.
  std::string_view record(const std::string& name) const;
  bool find(const std::string& name, std::string_view* bytes) const;

  // As `record`, with its CRC-32 checked, where there is one: for the small records whose every
  // byte matters.
  std::string_view checked_record(const std::string& name) const;

  // Whether the contents match the CRC-32; compressed ones are unpacked for it.
  static bool is_whole(const Record& record);

 private:
  const MappedFile& file_;
  std::map<std::string, Record, std::less<>> records_;
  bool has_checksums_ = false;
};

}  // namespace clip
