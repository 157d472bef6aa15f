// A search in a table of a database: the query is embedded here, and compared there.
#pragma once

#include <memory>
#include <vector>

#include "clip/cancel.h"
#include "clip/model.h"
#include "index/query.h"
#include "index/search.h"
#include "options/database_options.h"
#include "postgres/vector_table.h"

namespace clip_cli {

class DatabaseSearcher {
 public:
  // Connects, and looks at the table. `stop`: a token that outlives this. Throws clip::Error, and
  // UsageError for names that are none.
  DatabaseSearcher(const DatabaseOptions& options, const clip::CancelToken* stop);

  // Throws clip::Error where the table says that its vectors are of another model.
  void check_model(const clip::Model& model) const;

  // The best hits, as of an index; what is neither `top` nor `min_score` does not count. Throws
  // clip::Error, also for a query of texts and images together: how their scales differ is known
  // only of an index.
  std::vector<clip::SearchHit> find(const std::vector<clip::QueryTerm>& terms,
                                    const clip::SearchOptions& options);

 private:
  const DatabaseOptions& options_;
  std::unique_ptr<clip::PostgresConnection> connection_;
  std::unique_ptr<clip::VectorTable> table_;
};

}  // namespace clip_cli
