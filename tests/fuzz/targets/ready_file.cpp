// Files of packed weights and of labels' embeddings. The digest of the header is made right: no
// other header is read.
#include "base/ready_file.h"

#include <cstring>

#include "fuzz.h"

namespace {

// After the magic number: version, file size, sizes of key and note, pieces (24 bytes each),
// digest.
void set_digest(std::string* bytes) {
  constexpr std::size_t kFixed = 64, kKeySize = 24, kNoteSize = 32, kPieces = 40, kDigest = 48;
  if (bytes->size() < kFixed) return;
  const auto number_at = [&](std::size_t at) {
    std::uint64_t number;
    std::memcpy(&number, bytes->data() + at, sizeof(number));
    return number;
  };
  const std::uint64_t key = number_at(kKeySize), note = number_at(kNoteSize),
                      pieces = number_at(kPieces), size = bytes->size();
  if (key > size || note > size || pieces > size) return;
  const std::uint64_t header = kFixed + key + note + 24 * pieces;
  if (header > size) return;
  std::memset(bytes->data() + kDigest, 0, sizeof(header));
  const std::uint64_t digest = clip::fnv_hash(bytes->data(), header);
  std::memcpy(bytes->data() + kDigest, &digest, sizeof(digest));
}

}  // namespace

void clip_fuzz::read_input(std::string_view input) {
  static const MemoryFile memory;
  std::string bytes(input);
  set_digest(&bytes);
  memory.write(bytes);
  const auto header = clip::read_ready_header(memory.path());
  if (header == nullptr) return;
  const auto file = clip::ReadyFile::open(memory.path(), header->key);
  require(file != nullptr, "a file opens by its own key");
  for (std::size_t i = 0; i < file->pieces().size(); ++i) {
    clip::fnv_hash(file->data(i), file->pieces()[i].size);
  }
  require(clip::ReadyFile::open(memory.path(), header->key + "x") == nullptr,
          "a file opens by no other key");
  header->value("model");
}
