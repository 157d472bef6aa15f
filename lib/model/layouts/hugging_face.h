// The names of Hugging Face transformers' CLIPModel ("model_type": "clip"), with its config.json
// and preprocessor_config.json: queries, keys and values apart, projections [out, in].
#pragma once

#include "model/layouts/layout.h"

namespace clip {

Layout hugging_face_layout();

}  // namespace clip
