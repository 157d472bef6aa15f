// The paths of images alone, for scripts: each on a line, or followed by a NUL. The bytes are those
// of the file's name, also where they are no text, so that what is read back opens the file; a line
// break in a name is written as it is, as ls and find do, and only the NUL form tells it from the
// end of a path.
//
// An image that failed prints nothing. Groups of near-duplicates are told apart by an empty line or
// an empty path between them, as fdupes and jdupes do; an image that is kept is left out, because
// the list is of what could go.
#include <cstdint>
#include <memory>

#include "writers/formats.h"

namespace clip_cli {
namespace {

class PathsWriter : public RecordWriter {
 public:
  PathsWriter(const WriterContext& context, char end)
      : separate_groups_(context.separate_groups), end_(end) {}

  void write(const Record& record, Output* output) override {
    const clip::Json& json = record.json;
    if (record.file.empty() || json.contains("error") || json.value("keep", false)) return;
    const auto group = json.value("group", std::int64_t{0});
    std::string text = record.file + end_;
    if (any_ && separate_groups_ && group != group_) text.insert(0, 1, end_);
    group_ = group;
    any_ = true;
    output->write(text);
  }

 private:
  const bool separate_groups_;
  const char end_;
  bool any_ = false;
  std::int64_t group_ = 0;  // of the path before
};

}  // namespace

std::unique_ptr<RecordWriter> make_paths(const WriterContext& context) {
  return std::make_unique<PathsWriter>(context, '\n');
}

std::unique_ptr<RecordWriter> make_nul_paths(const WriterContext& context) {
  return std::make_unique<PathsWriter>(context, '\0');
}

}  // namespace clip_cli
