// Model files that are archives: the directory, every record, and the model in it.
#include "base/mapped_file.h"
#include "checkpoint/formats.h"
#include "checkpoint/zip_archive.h"
#include "fuzz.h"

void clip_fuzz::read_input(std::string_view input) {
  static const MemoryFile file;
  file.write(input);
  {
    const clip::MappedFile mapped(file.path());
    const clip::ZipArchive archive(mapped);
    for (const auto& [name, record] : archive.records()) clip::ZipArchive::is_whole(record);
  }
  const auto checkpoint = clip::open_checkpoint_file(file.path());
  checkpoint->content_digest(/*with_code=*/true);
  checkpoint->parameter_count();
  checkpoint->verify();
}
