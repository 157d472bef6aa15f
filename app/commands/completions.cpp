// `clip-cli completions`: the scripts by which shells complete command lines.
#include "manual/completions.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <string>

#include "commands/commands.h"
#include "exit_code.h"
#include "options/value_words.h"
#include "usage_error.h"

namespace clip_cli {
namespace {

struct CompletionsOptions {
  std::string shell;
  std::string words;  // --words, which the scripts call
};

int print_words(const std::string& name) {
  for (const Words kind :
       {Words::kModel, Words::kModelName, Words::kLabelSet, Words::kTemplateSet}) {
    if (name != dynamic_name(kind)) continue;
    for (const std::string& word : dynamic_words(kind)) fmt::print("{}\n", word);
    return kDone;
  }
  throw UsageError(fmt::format("--words: there are no words called '{}'", name));
}

int run_completions(const CompletionsOptions& options) {
  if (!options.words.empty()) return print_words(options.words);
  if (options.shell.empty()) throw UsageError("name a shell: bash, zsh or fish");
  const CommandText program = describe_program();
  const std::string script = options.shell == "bash"  ? bash_completions(program)
                             : options.shell == "zsh" ? zsh_completions(program)
                                                      : fish_completions(program);
  fmt::print("{}", script);
  return kDone;
}

}  // namespace

void setup_completions(CLI::App* completions, Command* command) {
  auto options = std::make_shared<CompletionsOptions>();
  CLI::Option* shell =
      completions->add_option("SHELL", options->shell, "bash, zsh or fish")->type_name("");
  allow_only(shell, {"bash", "zsh", "fish"});
  completions->add_option("--words", options->words, "")->group("");
  completions->footer(
      "Packages install them. By hand, they go where the shell looks for them:\n"
      "~/.local/share/bash-completion/completions/clip-cli for bash, a file _clip-cli in a folder\n"
      "of $fpath for zsh, and ~/.config/fish/completions/clip-cli.fish for fish.\n\n"
      "Example:\n"
      "  clip-cli completions bash > clip-cli.bash");
  completions->callback([=] { *command = [=] { return run_completions(*options); }; });
}

}  // namespace clip_cli
