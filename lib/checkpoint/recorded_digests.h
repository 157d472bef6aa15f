// SHA-256 digests that are written down beside files, as `sha256sum` writes and checks them: of one
// file in NAME.sha256 or NAME.sha256sum, of several in SHA256SUMS, SHA256SUMS.txt, sha256sums.txt
// or sha256sum.txt.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clip {

struct RecordedDigest {
  std::string file;    // as the list names it; empty where the list is a digest alone
  std::string sha256;  // 64 lower-case hexadecimal digits
  std::string list;    // the path of the list
};

// The list of several files that clip-cli writes: "SHA256SUMS".
extern const char* const kDigestList;

// Lines "DIGEST  NAME", "DIGEST *NAME" (binary mode), "\DIGEST  NAME" with escapes in the name, and
// "SHA256 (NAME) = DIGEST" (--tag), ended by LF or CRLF; of a list that is one digest alone, that.
// Other lines are passed over, as sha256sum does it. Throws Error where the list cannot be read.
std::vector<RecordedDigest> read_digest_list(const std::string& list);

// What the lists beside `path` say that it holds; empty where none does. Throws Error where a list
// cannot be read, and (kCorrupt) for a list of one file that does not name it.
std::vector<RecordedDigest> recorded_digests(const std::string& path);

// The names, without folders, that the lists of several files in `folder` hold.
std::vector<std::string> recorded_names(const std::string& folder);

// "DIGEST  NAME\n", as sha256sum writes it.
std::string digest_line(std::string_view sha256, std::string_view name);

}  // namespace clip
