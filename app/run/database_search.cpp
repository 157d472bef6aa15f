#include "run/database_search.h"

#include <fmt/format.h>

#include <utility>

#include "clip/error.h"
#include "options/model_options.h"
#include "options/table_name.h"

namespace clip_cli {

DatabaseSearcher::DatabaseSearcher(const DatabaseOptions& options, const clip::CancelToken* stop)
    : options_(options) {
  clip::VectorTableNames names;
  names.table = table_parts(options.table);
  check_column_name(options.column);
  check_column_name(options.key);
  names.column = options.column;
  names.key = options.key;
  connection_ = clip::connect_postgres(options.address, stop);
  table_ = std::make_unique<clip::VectorTable>(connection_.get(), std::move(names));
}

void DatabaseSearcher::check_model(const clip::Model& model) const {
  const std::string& made_by = table_->model();
  if (made_by.empty() || made_by == model.identity()) return;
  throw clip::Error(
      clip::ErrorCode::kInvalidArgument,
      fmt::format("the vectors of {}.{} are of the model {}, and this search is by {} ({}); name "
                  "theirs with --model",
                  options_.table, options_.column, made_by, title_of(model), model.identity()));
}

std::vector<clip::SearchHit> DatabaseSearcher::find(const std::vector<clip::QueryTerm>& terms,
                                                    const clip::SearchOptions& options) {
  if (clip::needs_scales(terms)) {
    throw clip::Error(clip::ErrorCode::kUnsupported,
                      "a search in a database takes texts, or images, not both: how to weigh one "
                      "against the other is known only where there is an index");
  }
  const std::vector<double> stds(terms.size(), 1);
  std::vector<clip::SearchHit> hits;
  for (const clip::VectorTableHit& found :
       table_->nearest(clip::combined_query(terms, stds), options.top)) {
    clip::SearchHit hit;
    hit.path = found.key;
    hit.score = 100 * found.cosine;
    if (hit.score < options.min_score) break;  // the best come first
    hits.push_back(std::move(hit));
  }
  return hits;
}

}  // namespace clip_cli
