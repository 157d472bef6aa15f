// The file of results that --resume goes on with. What is repaired is whole.
#include "run/resume.h"

#include "fuzz.h"

void clip_fuzz::read_input(std::string_view input) {
  static const MemoryFile file;
  static const clip_cli::RunFacts facts = [] {
    clip_cli::RunFacts some;
    some.add("model", "0123456789ab");
    some.add("top_k", "5");
    return some;
  }();
  for (const std::uint64_t group : {1, 3}) {
    file.write(input);
    clip_cli::EarlierKind kind;
    kind.group = group;
    std::uint64_t count = 0;
    {
      const clip_cli::EarlierResults first(file.path(), facts, kind);
      count = first.count();
    }
    const clip_cli::EarlierResults second(file.path(), facts, kind);
    require(second.count() == count, "a file that was repaired has the same results again");
  }
}
