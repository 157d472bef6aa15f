// The terms of a search, embedded: texts, images, and a vector that `embed` wrote.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "clip/image_embedder.h"
#include "clip/model.h"
#include "clip/text_embedder.h"
#include "index/query.h"
#include "options/query_options.h"

namespace clip_cli {

// The terms in the order of `specs`, then that of `vector`, a file NAME.npy with one row; empty:
// there is none. Only the towers that are needed are opened, the text tower last, and both are gone
// when it returns.
// Throws clip::Error for a term that cannot be used: there is no answer then.
std::vector<clip::QueryTerm> embedded_terms(const std::vector<TermSpec>& specs,
                                            const std::string& vector,
                                            const std::shared_ptr<const clip::Model>& model,
                                            const clip::TextOptions& text_options,
                                            const clip::EmbedOptions& image_options);

}  // namespace clip_cli
