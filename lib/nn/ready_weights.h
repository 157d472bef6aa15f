// Ready weights: the packed weights of a tower in a file that is mapped read-only
// (base/ready_file.h), so that a start neither reads nor packs a model's weights, touches only the
// pages that it uses, and shares them with other processes.
//
// Pieces lie in the order in which products ask for them; where one is arranged otherwise than the
// file has it, it and all behind it are packed anew.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/ready_file.h"
#include "nn/packed_weights.h"

namespace clip {

class ReadyWeights : public PackedWeights {
 public:
  // Takes pieces from the file at `path` where it is whole and of that key, else from `arena`.
  ReadyWeights(const std::string& path, const std::string& key, Arena* arena);

  Piece next(const std::string& layout, std::size_t size) override;

  // Whether there is a file, of whatever key, and whether all pieces came from it.
  bool found() const { return found_; }
  bool fits() const { return file_ != nullptr && fits_; }

  // Writes all pieces so far to the file, with a note for people. Throws Error, and leaves an old
  // file as it was.
  void write(const std::string& note) const { ReadyFile::write(path_, key_, note, given_); }

 private:
  std::string path_, key_;
  Arena* arena_;
  bool found_ = false, fits_ = true;
  std::unique_ptr<ReadyFile> file_;  // null: none that fits
  std::vector<ReadyFile::NewPiece> given_;
};

}  // namespace clip
