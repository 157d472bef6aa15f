// What a file is, by its first bytes: a tar archive, or something compressed that may hold one.
#pragma once

#include <cstddef>
#include <string_view>

namespace clip {

enum class ArchiveKind {
  kNone,
  kTar,         // of any format, also an empty one
  kCompressed,  // by gzip, bzip2, xz, zstd, lz4, lzip or compress, whatever is in it
};

// So many bytes always tell.
constexpr std::size_t kArchiveHead = 512;

// `head`: the first kArchiveHead bytes of a file, or all of a smaller one.
ArchiveKind archive_kind(std::string_view head);

// Whether a file that begins with `head`, and goes on, may turn out to be an archive: for whoever
// reads from a pipe must not wait for more than it takes to tell a list of lines from an archive. A
// line that is whole is none: only a name without line breaks begins an archive here.
bool may_be_archive(std::string_view head);

// Whether the name ends as those of archives do: .tar, .tgz, .tar.gz and so on.
bool has_archive_extension(std::string_view path);

}  // namespace clip
