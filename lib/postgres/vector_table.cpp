#include "postgres/vector_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "base/strings.h"
#include "clip/error.h"

namespace clip {
namespace {

// pgvector's index looks at so many candidates, and gives no more rows than that: its default, and
// the most that it allows (hnsw.ef_search).
constexpr std::size_t kMinCandidates = 40, kMaxCandidates = 1000;

std::vector<VectorTableHit> hits_of(const SqlRows& rows) {
  std::vector<VectorTableHit> hits;
  for (const std::vector<SqlValue>& row : rows) {
    if (!row[0] || !row[1]) continue;
    const double cosine = std::strtod(row[1]->c_str(), nullptr);
    if (std::isnan(cosine)) continue;  // of a vector of zeros
    hits.push_back({*row[0], cosine});
  }
  return hits;
}

}  // namespace

VectorTable::VectorTable(PostgresConnection* connection, VectorTableNames names)
    : connection_(connection) {
  std::string shown;
  for (const std::string& part : names.table) {
    table_ += (table_.empty() ? "" : ".") + connection_->quoted(part);
    shown += (shown.empty() ? "" : ".") + part;
  }
  key_ = connection_->quoted(names.key);
  column_ = connection_->quoted(names.column);
  shown_ = fmt::format("{}.{}", shown, names.column);
  const SqlRows found = connection_->query("SELECT to_regclass($1)::oid::text", {table_});
  if (found.empty() || !found[0][0]) {
    throw Error(ErrorCode::kNotFound, fmt::format("{} has no table {}, or hides it from this user",
                                                  connection_->description(), shown));
  }
  const SqlValue table = found[0][0];
  const SqlRows columns = connection_->query(
      "SELECT a.attname, a.atttypid::regtype::text, t.typname, n.nspname, "
      "format_type(a.atttypid, a.atttypmod), col_description(a.attrelid, a.attnum) "
      "FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid "
      "JOIN pg_namespace n ON n.oid = t.typnamespace "
      "WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
      {table});
  std::string there;
  const std::vector<SqlValue>* vectors = nullptr;
  bool has_key = false;
  for (const std::vector<SqlValue>& column : columns) {
    there += (there.empty() ? "" : ", ") + *column[0];
    has_key = has_key || *column[0] == names.key;
    if (*column[0] == names.column) vectors = &column;
  }
  for (const auto& [name, is_there] :
       {std::pair(names.column, vectors != nullptr), std::pair(names.key, has_key)}) {
    if (is_there) continue;
    throw Error(ErrorCode::kNotFound,
                fmt::format("the table {} has no column {}; it has {}", shown, name, there));
  }
  type_ = *(*vectors)[1];
  const std::string& name = *(*vectors)[2];
  schema_ = connection_->quoted(*(*vectors)[3]);
  is_array_ = name == "_float4" || name == "_float8";
  const std::string& declared = *(*vectors)[4];
  if (!is_array_ && name != "vector" && name != "halfvec") {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("the column {} is of the type {}; vectors are of pgvector's types "
                            "vector and halfvec, or real[]",
                            shown_, declared));
  }
  if (const std::size_t open = declared.find('('); !is_array_ && open != std::string::npos) {
    dim_ = std::atoll(declared.c_str() + open + 1);
  }
  const std::string comment = (*vectors)[5].value_or("");
  if (starts_with(comment, kVectorModelComment)) {
    model_ = comment.substr(std::string(kVectorModelComment).size());
    model_ = model_.substr(0, model_.find_first_not_of("0123456789abcdef"));
  }
}

std::vector<VectorTableHit> VectorTable::nearest(const std::vector<float>& query, std::size_t top) {
  if (dim_ > 0 && static_cast<std::int64_t>(query.size()) != dim_) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("the query's vector has {} numbers, and those of {} have {}: it needs "
                            "the model that the table was filled by",
                            query.size(), shown_, dim_));
  }
  std::string text = fmt::format("{}", fmt::join(query, ","));
  text = is_array_ ? '{' + text + '}' : '[' + text + ']';
  return is_array_ ? by_sums(text, query.size(), top) : by_operator(text, top);
}

std::vector<VectorTableHit> VectorTable::by_operator(const std::string& query, std::size_t top) {
  // pgvector's settings are there once it has been used.
  connection_->query("BEGIN READ ONLY", {});
  connection_->query(fmt::format("SELECT $1::{} IS NULL", type_), {query});
  connection_->query(
      "SELECT set_config(name, $1, true) FROM pg_settings "
      "WHERE CASE name WHEN 'hnsw.ef_search' THEN setting::int < $1::int ELSE false END",
      {std::to_string(std::min(std::max(top, kMinCandidates), kMaxCandidates))});
  // Since version 0.8: goes on where that gives too few rows.
  connection_->query(
      "SELECT set_config(name, 'strict_order', true) FROM pg_settings "
      "WHERE name = 'hnsw.iterative_scan' AND setting = 'off'",
      {});
  const std::string distance = fmt::format("{} OPERATOR({}.<=>) $1::{}", column_, schema_, type_);
  const SqlRows rows = connection_->query(
      fmt::format("SELECT {}::text, (1 - ({}))::float8::text FROM {} ORDER BY {} LIMIT $2::bigint",
                  key_, distance, table_, distance),
      {query, std::to_string(top)});
  connection_->query("COMMIT", {});
  return hits_of(rows);
}

std::vector<VectorTableHit> VectorTable::by_sums(const std::string& query, std::size_t dim,
                                                 std::size_t top) {
  const SqlRows rows = connection_->query(
      fmt::format("SELECT t.{0}::text, s.cosine::text FROM {1} t, LATERAL (SELECT "
                  "sum(a::float8 * b::float8) / nullif(sqrt(sum(a::float8 * a::float8)) * "
                  "sqrt(sum(b::float8 * b::float8)), 0) AS cosine "
                  "FROM unnest(t.{2}, $1::float8[]) AS u(a, b)) s "
                  "WHERE array_length(t.{2}, 1) = $2::int "
                  "ORDER BY s.cosine DESC NULLS LAST LIMIT $3::bigint",
                  key_, table_, column_),
      {query, std::to_string(dim), std::to_string(top)});
  if (!rows.empty()) return hits_of(rows);
  const SqlRows other = connection_->query(
      fmt::format("SELECT array_length({0}, 1)::text FROM {1} WHERE {0} IS NOT NULL LIMIT 1",
                  column_, table_),
      {});
  if (!other.empty() && other[0][0]) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("the query's vector has {} numbers, and those of {} have {}: it needs "
                            "the model that the table was filled by",
                            dim, shown_, *other[0][0]));
  }
  return {};
}

}  // namespace clip
