// What commands write, before it becomes a line of a table, CSV, TSV or JSON, or a card of a page.
// A command makes records; a writer turns them into one format (formats.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "service/json.h"
#include "writers/output.h"

namespace clip_cli {

// Of one row; std::monostate is an empty cell.
using Cell = std::variant<std::monostate, std::string, double, std::int64_t>;

enum class NumberStyle { kPlain, kPercent };  // in a table: 0.25, or 25 %

// One column. CSV and TSV have those with a name, in their order; a table those with a heading or a
// width.
struct Column {
  std::string name;  // in CSV and TSV; empty: it is not there
  int decimals = 6;  // of its numbers there

  bool in_table = false;
  std::string heading;  // in a table
  int width = 0;        // of its cells in a table; 0: as wide as they are, for the last one
  bool cut_middle =
      false;  // a cell that is too wide keeps its beginning and its end, as suits a path
  NumberStyle style = NumberStyle::kPlain;
  int table_decimals = 2;
};

// One image, or one line of a batch, or one whole result. Pages, and lists of paths alone, take
// what they show from its JSON:
// - "ranking" or "scores", and "label": an image and its labels or prompts (service/result.h);
// - "rank" and "score": a hit of a search;
// - "group", a number that the records of one group share, one after the other, with "bytes" and,
//   where known, "cosine" (with the first), "width" and "height", and "keep" (true
//   for the one that stays): one of a group of near-duplicates.
struct Record {
  clip::Json json;                      // its object in JSON Lines
  std::vector<std::vector<Cell>> rows;  // its rows in CSV and TSV and in a table, a cell a column
  // Written above the rows by a table, and by a page above the group that the record is the first
  // of.
  std::string title;
  std::string text;       // a table writes this instead of rows, where it is not empty
  std::string preview;    // the image as a terminal draws it; a table writes it below the rows
  std::string thumbnail;  // a JPEG file, for pages
  std::string file;       // the path of the image's file now, for links
};

// What a page shows.
enum class PageKind {
  kLabels,  // images under their labels or prompts
  kHits,    // hits of a search, in the order of their ranks
  kGroups,  // groups of near-duplicates, the images of each side by side
};

// The table of a database that records become rows of (pgvector.h).
struct VectorTable {
  std::string name;        // as SQL has it, quoted
  bool is_array = false;   // its vectors are arrays of numbers, not pgvector's type
  bool has_texts = false;  // it has captions, classes and JSON of samples, too
};

// What writers have to know before the first record.
struct WriterContext {
  std::vector<Column> columns;
  bool table_header = true;     // a table begins with the headings
  int table_width = 0;          // lines are cut there; 0: they are not
  bool separate_groups = true;  // in paths alone, an empty one comes between groups
  // For pages.
  PageKind page = PageKind::kLabels;
  std::string title;                // of a page without labels: the query of the hits, say
  std::string model;                // its name, or its path
  std::vector<std::string> labels;  // that images are told apart by, or prompts
  double threshold = 0;
  VectorTable table;  // for databases
};

struct RunSummary {
  std::uint64_t images = 0, failed = 0;
  double seconds = 0;
  bool interrupted = false;
};

class RecordWriter {
 public:
  virtual ~RecordWriter() = default;
  virtual void begin(Output*) {}
  virtual void write(const Record& record, Output* output) = 0;
  virtual void end(const RunSummary&, Output*) {}
};

// The cell as text: numbers with that many decimals, nothing for an empty one.
std::string cell_text(const Cell& cell, int decimals);

}  // namespace clip_cli
