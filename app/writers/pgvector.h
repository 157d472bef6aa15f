// Embeddings as rows of a table in PostgreSQL, whose column `embedding` is one of pgvector, or an
// array of numbers where that extension is missing. psql runs what is written:
//
//   clip-cli embed --ddl | psql             the table
//   clip-cli embed photos --format pgvector | psql    its rows
//
// All rows are one transaction: a run that ends early, in any way, adds none.
#pragma once

#include <cstdint>
#include <string>

#include "writers/record.h"

namespace clip_cli {

struct TableDefinition {
  VectorTable table;
  std::string key = "path";     // the column that says what an embedding is of
  std::string type = "vector";  // pgvector's type; of an array it does not count
  std::int64_t dim = 0;
  std::string model;  // its identity
};

// The statements that make the table, with one that would make an index as a comment.
std::string table_ddl(const TableDefinition& definition);

// A value in the text format of COPY.
std::string copy_text(const std::string& value);

}  // namespace clip_cli
