// The one symbol that the module shows to the library. Both are built together, so that plain C++
// types pass between them.
#pragma once

#include "hub/http.h"

namespace clip {

constexpr const char* kHttpEntry = "clip_http_entry";
// As http(); the answer is empty before.
using HttpEntry = void (*)(const HttpRequest& request, HttpAnswer* answer);

}  // namespace clip
