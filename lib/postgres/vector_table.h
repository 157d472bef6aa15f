// A table of PostgreSQL that has a vector in each row: of pgvector's type `vector` or `halfvec`, by
// that extension's operator and index, or, where it is missing, an array of numbers, by sums that
// the server computes for every row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "postgres/connection.h"

namespace clip {

struct VectorTableNames {
  std::vector<std::string> table;    // with its schema, where one is named
  std::string key = "path";          // the column that says what a vector is of
  std::string column = "embedding";  // the one of vectors
};

struct VectorTableHit {
  std::string key;
  double cosine = 0;
};

class VectorTable {
 public:
  // Throws Error (kNotFound) for a table or a column that is not there, naming those that are, and
  // (kInvalidArgument) for a column of another type.
  VectorTable(PostgresConnection* connection, VectorTableNames names);

  // The identity of the model that the vectors are of, where the column's comment says it; else
  // empty. The comment is "clip-cli: model IDENTITY".
  const std::string& model() const { return model_; }
  std::int64_t dim() const { return dim_; }  // of every vector; 0: the table does not say

  // The `top` rows with the greatest cosine with `query`, best first. Rows without a vector, and
  // vectors of zeros, are no hits. An index of pgvector may miss some. Throws Error where vectors
  // are of another dimension.
  std::vector<VectorTableHit> nearest(const std::vector<float>& query, std::size_t top);

 private:
  std::vector<VectorTableHit> by_operator(const std::string& query, std::size_t top);
  std::vector<VectorTableHit> by_sums(const std::string& query, std::size_t dim, std::size_t top);

  PostgresConnection* const connection_;
  std::string table_, key_, column_;  // as SQL has them
  std::string shown_;                 // the column, for messages
  std::string type_, schema_;         // of the column, as SQL has them
  bool is_array_ = false;
  std::string model_;
  std::int64_t dim_ = 0;
};

// What the comment of a column of vectors begins with.
constexpr const char* kVectorModelComment = "clip-cli: model ";

}  // namespace clip
