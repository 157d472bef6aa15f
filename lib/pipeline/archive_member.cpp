#include "pipeline/archive_member.h"

#include <fmt/format.h>

#include <memory>
#include <string_view>
#include <utility>

#include "archive/archive_kind.h"
#include "archive/file_source.h"
#include "archive/tar_reader.h"
#include "base/file.h"
#include "base/strings.h"
#include "pipeline/archive_images.h"

namespace clip {
namespace {

bool is_plain_tar(const std::string& path) {
  FileReader file(path, {});
  std::string head(kArchiveHead, '\0');
  std::size_t held = 0;
  while (held < head.size()) {
    const std::size_t count = file.read(head.data() + held, head.size() - held);
    if (count == 0) break;
    held += count;
  }
  head.resize(held);
  return archive_kind(head) == ArchiveKind::kTar;
}

std::optional<std::string> member_of(const std::string& archive, std::string_view name) {
  if (!is_plain_tar(archive)) return std::nullopt;
  TarReader reader(std::make_unique<FileSource>(FileReader(archive, {})));
  for (TarMember member; reader.next(&member);) {
    std::string_view found = member.name;
    while (starts_with(found, "./")) found.remove_prefix(2);
    if (member.kind != TarKind::kFile || member.error || found != name) continue;
    if (member.size > kMaxMemberBytes) {
      throw Error(ErrorCode::kLimit, fmt::format("cannot use {}/{}: it has more than {} MiB",
                                                 archive, name, kMaxMemberBytes >> 20));
    }
    return reader.read_rest();
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> archive_member(const std::string& path) {
  if (is_regular_file(path) || is_folder(path)) return std::nullopt;
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string archive = path.substr(0, slash);
    if (is_folder(archive)) continue;
    if (!is_regular_file(archive)) return std::nullopt;
    return member_of(archive, std::string_view(path).substr(slash + 1));
  }
  return std::nullopt;
}

}  // namespace clip
