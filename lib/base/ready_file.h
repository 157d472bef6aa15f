// A file of bytes that were computed once and are mapped read-only when they are needed again:
// packed weights, embeddings of labels.
//
// A file fits one key: text that names all that its contents depend on. It is written under a
// temporary name and renamed, and begins with a header that carries a digest of itself and the
// file's size. One that was cut short, damaged in its header, or written for another key counts as
// not there: what it holds can always be computed anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mapped_file.h"

namespace clip {

// What the header says.
struct ReadyHeader {
  std::string key;   // lines of "name value"
  std::string note;  // for people
  struct Piece {
    std::uint64_t kind;  // a hash of what the piece is
    std::uint64_t begin, size;
  };
  std::vector<Piece> pieces;
  std::uint64_t file_size = 0;

  // The value in the key's line "NAME value", or empty.
  std::string value(const std::string& name) const;
};

// The header of a file that is whole; null where there is none at `path`, or another file.
std::unique_ptr<ReadyHeader> read_ready_header(const std::string& path);

// FNV-1a, 64 bits: it finds what was cut off or mixed up, and is no protection from people.
std::uint64_t fnv_hash(const void* data, std::size_t size,
                       std::uint64_t hash = 14695981039346656037U);

class ReadyFile {
 public:
  // The file at `path`, where it is whole and of that key; else null. `found`: there is a file, of
  // whatever key.
  static std::unique_ptr<ReadyFile> open(const std::string& path, const std::string& key,
                                         bool* found = nullptr);

  const std::vector<ReadyHeader::Piece>& pieces() const { return header_.pieces; }
  const std::byte* data(std::size_t piece) const {
    return file_->data() + header_.pieces[piece].begin;
  }

  struct NewPiece {
    std::uint64_t kind;
    const std::byte* data;
    std::size_t size;
  };
  // Writes a file, and folders above it where they are missing. Throws Error, and leaves an old
  // file as it was.
  static void write(const std::string& path, const std::string& key, const std::string& note,
                    const std::vector<NewPiece>& pieces);

 private:
  ReadyFile(ReadyHeader header, std::unique_ptr<MappedFile> file)
      : header_(std::move(header)), file_(std::move(file)) {}

  ReadyHeader header_;
  std::unique_ptr<MappedFile> file_;
};

}  // namespace clip
