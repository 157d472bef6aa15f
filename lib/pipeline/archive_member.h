// The bytes of one member of a tar archive, by the path that results give it: ARCHIVE/MEMBER.
#pragma once

#include <optional>
#include <string>

namespace clip {

// Nothing where the path is that of a file, where no part of it is an archive, or where that has no
// such member. The archive is read up to the member, with its bytes passed over; a compressed one
// is not read, since all of it would have to be unpacked up to there. Throws Error where the
// archive cannot be read, and for a member that is larger than an image of an archive may be.
std::optional<std::string> archive_member(const std::string& path);

}  // namespace clip
