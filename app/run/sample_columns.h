// The columns of tables for what the samples of webdatasets say of their images: `caption` and
// `class`. They are there only where an archive is named, since readers of tables count columns.
// What is named in a list, or comes through a pipe, is not known when a table begins.
#pragma once

#include <vector>

#include "options/input_options.h"
#include "service/result.h"
#include "writers/record.h"

namespace clip_cli {

// Two columns, which have names where an argument, or the first name of a list in braces, is an
// archive.
std::vector<Column> sample_columns(const ImageInputs& inputs);

// Their cells.
std::vector<Cell> sample_cells(const clip::ResultTexts& texts);

}  // namespace clip_cli
