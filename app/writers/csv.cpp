// CSV as RFC 4180 has it, but with lines that end in \n, as other tools here write and read them.
#include <memory>

#include "writers/delimited.h"
#include "writers/formats.h"

namespace clip_cli {
namespace {

std::string quoted(const std::string& field) {
  // Blanks at the ends are quoted, too: some readers take them off.
  const bool plain = field.find_first_of(",\"\r\n") == std::string::npos &&
                     (field.empty() || (field.front() != ' ' && field.back() != ' '));
  if (plain) return field;
  std::string result = "\"";
  for (const char c : field) {
    if (c == '"') result += '"';
    result += c;
  }
  return result + '"';
}

}  // namespace

std::unique_ptr<RecordWriter> make_csv(const WriterContext& context) {
  return std::make_unique<DelimitedWriter>(context, ',', &quoted);
}

}  // namespace clip_cli
