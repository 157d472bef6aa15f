// What classify says about one picture, before it becomes a line of a table, JSON, CSV, TSV or a
// card of the report.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace clip_cli {

struct Choice {
  std::string label;
  double score = 0;        // 100 x cosine
  double probability = 0;  // of all labels
};

struct Classified {
  std::string image;
  std::string error;            // not empty: something went wrong with it
  std::string label;            // the first choice, or "unknown"; empty where it cannot be told
  std::vector<Choice> ranking;  // the likeliest first
  std::string filed;            // where --sort-into put it, or would

  double probability() const { return ranking.empty() ? 0 : ranking.front().probability; }
};

// How results are written; `row` is a whole line, with its end.
class ResultFormat {
 public:
  virtual ~ResultFormat() = default;
  virtual std::string header() const { return ""; }
  virtual std::string row(const Classified& result) const = 0;
};

// What the formats have to know beforehand.
struct ResultColumns {
  std::string model;
  std::size_t top_k = 5;  // choices in a ranking
  bool filed = false;     // whether pictures are filed
  int longest_label = 0;  // in columns of a terminal
  int width = 80;         // of the terminal
};

std::unique_ptr<ResultFormat> json_results(const ResultColumns& columns);
std::unique_ptr<ResultFormat> csv_results(const ResultColumns& columns);
std::unique_ptr<ResultFormat> tsv_results(const ResultColumns& columns);
std::unique_ptr<ResultFormat> table_results(const ResultColumns& columns);

// The names of the columns of CSV and TSV, and the fields of a row.
std::vector<std::string> column_names(const ResultColumns& columns);
std::vector<std::string> column_values(const Classified& result, const ResultColumns& columns);

}  // namespace clip_cli
