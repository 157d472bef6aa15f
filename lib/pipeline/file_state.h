// What the system says of a file, as a FileState.
#pragma once

#include <sys/stat.h>

#include "clip/image_source.h"

namespace clip {

FileState state_of(const struct stat& info);

}  // namespace clip
