// Modules with weights of other names: what they state of themselves is all that is known of them,
// and only their own code can run them.
#pragma once

#include "model/layouts/layout.h"

namespace clip {

Layout unknown_layout();

}  // namespace clip
