// The names of OpenAI's published files, which open_clip's exports share.
#pragma once

#include "model/layouts/layout.h"

namespace clip {

Layout openai_layout();

}  // namespace clip
