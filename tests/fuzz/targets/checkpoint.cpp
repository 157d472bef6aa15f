// A file that is taken for a model's weights: safetensors, or what it is instead.
#include "checkpoint/formats.h"
#include "fuzz.h"

void clip_fuzz::read_input(std::string_view input) {
  static const MemoryFile file;
  file.write(input);
  const auto checkpoint = clip::open_checkpoint_file(file.path());
  checkpoint->content_digest(/*with_code=*/true);
  checkpoint->parameter_count();
  checkpoint->verify();
}
