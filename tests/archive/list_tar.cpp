// list_tar FILE [CHUNK]: what the reader of tar archives makes of one, a line of JSON for each
// member: for comparison with other programs. Its source gives CHUNK bytes at a time.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>

#include "archive/archive_kind.h"
#include "archive/decompress.h"
#include "archive/file_source.h"
#include "archive/tar_reader.h"
#include "base/sha256.h"
#include "base/strings.h"

namespace {

class Chunks : public clip::ByteSource {
 public:
  Chunks(std::unique_ptr<clip::ByteSource> bytes, std::size_t chunk)
      : bytes_(std::move(bytes)), chunk_(chunk) {}
  std::size_t read(char* to, std::size_t size) override {
    return bytes_->read(to, std::min(size, chunk_));
  }

 private:
  const std::unique_ptr<clip::ByteSource> bytes_;
  const std::size_t chunk_;
};

const char* name_of(clip::TarKind kind) {
  switch (kind) {
    case clip::TarKind::kFile:
      return "file";
    case clip::TarKind::kFolder:
      return "folder";
    case clip::TarKind::kHardLink:
      return "hard link";
    case clip::TarKind::kSymbolicLink:
      return "symbolic link";
    case clip::TarKind::kOther:
      break;
  }
  return "other";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::string head(clip::kArchiveHead, '\0');
  clip::FileReader first(argv[1], {});
  head.resize(first.read(head.data(), head.size()));
  std::unique_ptr<clip::ByteSource> bytes =
      std::make_unique<clip::FileSource>(clip::FileReader(argv[1], {}));
  if (argc > 2) bytes = std::make_unique<Chunks>(std::move(bytes), std::stoul(argv[2]));
  if (clip::archive_kind(head) == clip::ArchiveKind::kCompressed) {
    bytes = clip::decompressed(std::move(bytes));
  }
  clip::TarReader reader(std::move(bytes));
  for (clip::TarMember member; reader.next(&member);) {
    std::string digest, error = member.error ? member.error->what() : "";
    try {
      if (member.kind == clip::TarKind::kFile && !member.error) {
        digest = clip::sha256(reader.read_rest());
      }
    } catch (const clip::Error& thrown) {
      error = thrown.what();
    }
    fmt::print(R"({{"name": "{}", "kind": "{}", "link": "{}", "size": {}, "sha256": "{}", )"
               R"("error": "{}"}})"
               "\n",
               clip::hex_of(member.name), name_of(member.kind), clip::hex_of(member.link),
               member.size, digest, error);
  }
}
