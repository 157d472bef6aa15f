// The beginning of a text that came from outside, to be quoted in a message.
#pragma once

#include <string>
#include <string_view>

namespace clip {

// At most 60 characters, and "..." where there are more. What is not UTF-8 becomes U+FFFD.
std::string excerpt(std::string_view text);

}  // namespace clip
