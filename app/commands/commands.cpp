#include "commands/commands.h"

namespace clip_cli {

void setup_commands(CLI::App* app, Command* command) {
  constexpr void (*kSetups[])(CLI::App*, Command*) = {
      setup_score,    setup_classify, setup_search,   setup_index,  setup_duplicates, setup_embed,
      setup_evaluate, setup_batch,    setup_tokenize, setup_models, setup_benchmark,
  };
  for (const auto setup : kSetups) setup(app, command);
}

}  // namespace clip_cli
