// What a search is for, as people write it on the command line.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "index/query.h"

namespace clip_cli {

// One term, not embedded yet.
struct TermSpec {
  clip::TermKind kind = clip::TermKind::kText;
  std::string value;  // the text, or the image's path
  double weight = 1;
};

struct QueryOptions {
  std::vector<std::string> words;     // QUERY...
  std::vector<std::string> like, no;  // --like, --not
  std::string vector;                 // --vector
};

void add_query_options(CLI::App* command, QueryOptions* options);

// The terms of QUERY...: words are one text, up to `+` or `-`, which begin the next term, wanted or
// not wanted. A number and a colon in front of a term is its weight, and what begins with `./`,
// `../`, `/` or `~/` is an image. Then those of --like and --not. Throws UsageError for what is no
// query.
std::vector<TermSpec> read_terms(const QueryOptions& options);

// The query in one line, for titles.
std::string title_of(const QueryOptions& options);

}  // namespace clip_cli
