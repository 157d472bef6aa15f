// The names of OpenAI's published files, which open_clip shares.
#pragma once

#include "model/layouts/layout.h"

namespace clip {

Layout openai_layout();

// open_clip's models whose text tower is a module of its own: the same names, under "text.".
Layout custom_text_layout();

}  // namespace clip
