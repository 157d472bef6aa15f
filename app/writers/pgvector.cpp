#include "writers/pgvector.h"

#include <fmt/format.h>

#include <memory>
#include <string_view>

#include "options/table_name.h"
#include "postgres/vector_table.h"
#include "writers/formats.h"

namespace clip_cli {
namespace {

constexpr const char* kTextNames = "\"caption\", \"class\", \"metadata\", ";

// JSON that PostgreSQL's jsonb can hold: its texts have no NUL.
std::string jsonb_text(const clip::Json& json) {
  const std::string from = clip::json_text(json);
  std::string text;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from.compare(i, 6, "\\u0000") == 0) {
      text += "\\ufffd";
      i += 5;
    } else {
      text += from[i];
      if (from[i] == '\\' && i + 1 < from.size()) text += from[++i];  // what it escapes is no begin
    }
  }
  return text;
}

// The fields of captions, classes and JSON, each behind a tab.
std::string texts_of(const clip::Json& result) {
  std::string fields;
  for (const char* name : {"caption", "class", "json"}) {
    const auto found = result.find(name);
    fields += '\t';
    if (found == result.end()) {
      fields += "\\N";
    } else if (found->is_string() && std::string_view(name) != "json") {
      fields += copy_text(found->get<std::string>());
    } else {
      fields += copy_text(jsonb_text(*found));
    }
  }
  return fields;
}

// The first column is the key, the last one the error; between them are the numbers.
class PgvectorWriter : public RecordWriter {
 public:
  explicit PgvectorWriter(const WriterContext& context)
      : table_(context.table),
        key_(context.columns.front().name == "image" ? "path" : context.columns.front().name) {}

  void begin(Output* output) override {
    // What psql does not stop at, it goes on behind: rows would be run as statements.
    output->write(
        fmt::format("\\set ON_ERROR_STOP on\n"
                    "SET client_encoding TO 'UTF8';\n"
                    "BEGIN;\n"
                    "COPY {} ({}, {}\"embedding\") FROM STDIN;\n",
                    table_.name, quoted(key_), table_.has_texts ? kTextNames : ""));
  }

  void write(const Record& record, Output* output) override {
    for (const std::vector<Cell>& row : record.rows) {
      if (!std::holds_alternative<std::monostate>(row.back())) continue;  // it failed
      std::string line = copy_text(cell_text(row.front(), 0));
      if (table_.has_texts) line += texts_of(record.json);
      line += table_.is_array ? "\t{" : "\t[";
      for (std::size_t i = 1; i + 1 < row.size(); ++i) {
        if (i > 1) line += ',';
        line += cell_text(row[i], 0);
      }
      line += table_.is_array ? "}\n" : "]\n";
      output->write(line);
    }
  }

  void end(const RunSummary& summary, Output* output) override {
    output->write(summary.interrupted ? "\\.\nROLLBACK;\n" : "\\.\nCOMMIT;\n");
  }

 private:
  const VectorTable table_;
  const std::string key_;
};

}  // namespace

std::string copy_text(const std::string& value) {
  std::string text;
  for (const char c : value) {
    switch (c) {
      case '\\':
        text += "\\\\";
        break;
      case '\b':
        text += "\\b";
        break;
      case '\f':
        text += "\\f";
        break;
      case '\n':
        text += "\\n";
        break;
      case '\r':
        text += "\\r";
        break;
      case '\t':
        text += "\\t";
        break;
      case '\v':
        text += "\\v";
        break;
      case '\0':
        text += "\xef\xbf\xbd";  // no text of PostgreSQL holds it
        break;
      default:
        text += c;
    }
  }
  return text;
}

std::string table_ddl(const TableDefinition& definition) {
  const bool array = definition.table.is_array;
  const std::string type =
      array ? "real[]" : fmt::format("{}({})", definition.type, definition.dim);
  const std::string& table = definition.table.name;
  std::string ddl = array ? "" : "CREATE EXTENSION IF NOT EXISTS vector;\n";
  ddl += fmt::format(
      "CREATE TABLE {} (\n"
      "  {} text PRIMARY KEY,\n"
      "{}"
      "  \"embedding\" {} NOT NULL{}\n"
      ");\n",
      table, quoted(definition.key),
      definition.table.has_texts ? "  \"caption\" text,\n  \"class\" text,\n  \"metadata\" jsonb,\n"
                                 : "",
      type,
      array ? fmt::format(" CHECK (array_length(\"embedding\", 1) = {})", definition.dim) : "");
  ddl += fmt::format("COMMENT ON COLUMN {}.\"embedding\" IS '{}{}';\n", table,
                     clip::kVectorModelComment, definition.model);
  if (!array) {
    ddl += fmt::format(
        "-- Once the table is filled, an index makes searches fast, which then find nearly all:\n"
        "-- CREATE INDEX ON {} USING hnsw (\"embedding\" {}_cosine_ops);\n",
        table, definition.type);
  }
  return ddl;
}

std::unique_ptr<RecordWriter> make_pgvector(const WriterContext& context) {
  return std::make_unique<PgvectorWriter>(context);
}

}  // namespace clip_cli
