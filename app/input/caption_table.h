// Images with captions, as people keep them: a table with a header (CSV or with tabs), a row for
// each caption. open_clip's tables are such ones (filepath, title).
#pragma once

#include <string>
#include <vector>

#include "clip/cancel.h"

namespace clip_cli {

struct CaptionedImage {
  std::string image;
  std::vector<std::string> captions;  // at least one
};

// By images, in the order in which they first come. The columns are `image` (or `filepath`, `path`,
// `filename`) and `caption` (or `title`, `text`). Throws clip::Error naming file and line for what
// is no such row, and where there is none at all.
std::vector<CaptionedImage> read_caption_table(const std::string& path, const std::string& encoding,
                                               const clip::CancelToken* stop = nullptr);

}  // namespace clip_cli
