// JSON Lines: a record's object on a line of its own.
#include <memory>

#include "writers/formats.h"

namespace clip_cli {
namespace {

class JsonLinesWriter : public RecordWriter {
 public:
  void write(const Record& record, Output* output) override {
    output->write(clip::json_line(record.json));
  }
};

}  // namespace

std::unique_ptr<RecordWriter> make_json_lines(const WriterContext&) {
  return std::make_unique<JsonLinesWriter>();
}

}  // namespace clip_cli
