// Fields between tabs, for cut, sort and awk. A tab, a line break or a backslash in a field is
// written \t, \n, \r or \\, so that a line is an image and a tab is a border, whatever the names
// hold.
#include <memory>

#include "writers/delimited.h"
#include "writers/formats.h"

namespace clip_cli {
namespace {

std::string escaped(const std::string& field) {
  std::string result;
  for (const char c : field) {
    switch (c) {
      case '\t':
        result += "\\t";
        break;
      case '\n':
        result += "\\n";
        break;
      case '\r':
        result += "\\r";
        break;
      case '\\':
        result += "\\\\";
        break;
      default:
        result += c;
    }
  }
  return result;
}

}  // namespace

std::unique_ptr<RecordWriter> make_tsv(const WriterContext& context) {
  return std::make_unique<DelimitedWriter>(context, '\t', &escaped);
}

}  // namespace clip_cli
