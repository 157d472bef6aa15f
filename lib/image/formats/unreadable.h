// Well-known kinds of image files that cannot be read, so that errors and summaries can name them.
#pragma once

#include <string_view>

namespace clip {

// The name of such a kind, "PSD" or "HEIC", or null. `first_bytes`: as many as there are, up to a
// few hundred; kSignatureBytes suffice for nearly all. They decide where they have a signature,
// else the extension of `path` does, unless they are of a format that can be read; a camera's raw
// files begin as TIFFs do.
const char* name_of_unreadable(std::string_view first_bytes, std::string_view path);

// What an error says of such a file: "it is an SVG drawing, ...; convert it to PNG"; null for
// others.
const char* description_of_unreadable(std::string_view first_bytes, std::string_view path);

}  // namespace clip
