// Pickles, alone and as the one of an archive that torch.save wrote.
#include "checkpoint/pickle.h"

#include "checkpoint/formats.h"
#include "fuzz.h"
#include "zip_writer.h"

void clip_fuzz::read_input(std::string_view input) {
  static const MemoryFile file;
  const clip::Pickle pickle(input);
  file.write(clip_test::zip({{"r/data.pkl", std::string(input)}, {"r/data/0", "01234567"}}));
  const auto checkpoint = clip::open_checkpoint_file(file.path());
  checkpoint->content_digest(/*with_code=*/true);
  checkpoint->parameter_count();
}
