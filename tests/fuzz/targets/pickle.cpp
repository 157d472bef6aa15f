// Pickles, alone and as the one of an archive that torch.save wrote.
#include "checkpoint/pickle.h"

#include "checkpoint/formats.h"
#include "fuzz.h"
#include "zip_writer.h"

void clip_fuzz::read_input(std::string_view input) {
  static const MemoryFile file;
  const clip::Pickle pickle(input);
  clip_test::Records records = {{"r/data.pkl", std::string(input)}};
  for (const char* storage : {"r/data/0", "r/data/1", "r/data/2", "r/data/3"}) {
    records.emplace_back(storage, std::string(64, '1'));
  }
  file.write(clip_test::zip(records));
  const auto checkpoint = clip::open_checkpoint_file(file.path());
  checkpoint->content_digest(/*with_code=*/true);
  checkpoint->parameter_count();
}
