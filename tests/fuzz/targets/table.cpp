// Tables with a header, as CSV or with tabs: of captions, of labels, and record by record.
#include "fuzz.h"
#include "input/caption_table.h"
#include "input/csv_reader.h"
#include "input/label_table.h"

void clip_fuzz::read_input(std::string_view input) {
  static const MemoryFile file;
  file.write(input);
  const auto refused = [](const auto& read) {
    try {
      read();
    } catch (const clip::Error&) {
      return true;
    }
    return false;
  };
  refused([] {
    for (const auto& image : clip_cli::read_caption_table(file.path(), "")) {
      require(!image.image.empty() && !image.captions.empty(), "an image has captions");
      for (const std::string& caption : image.captions) require(!caption.empty(), "a caption");
    }
  });
  refused([] {
    for (const auto& [image, label] : clip_cli::read_label_table(file.path(), "")) {
      require(!image.empty() && !label.empty(), "an image has a label");
    }
  });
  clip_cli::CsvReader reader(file.path());
  for (std::vector<std::string> fields; reader.next(&fields);) {
    require(fields.size() == reader.header().size(), "a field for each column");
  }
}
