// `clip-cli manual`: the manual pages, made from the definitions of the options.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "commands/commands.h"
#include "exit_code.h"
#include "manual/completions.h"
#include "manual/man_page.h"
#include "usage_error.h"
#include "writers/output.h"

namespace clip_cli {
namespace {

struct ManualOptions {
  std::vector<std::string> command;
  std::string folder;  // --install-into
};

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error) throw clip::file_error("make the folder", path.parent_path().string(), error.value());
  Output output = Output::replacing(path.string());
  output.write(text);
  output.commit();
}

// What a build installs, where systems look for it below share/.
void write_all_files(const std::filesystem::path& folder, const CommandText& program) {
  for (const ManPage& page : man_pages(program))
    write_file(folder / "man/man1" / page.name, page.text);
  write_file(folder / "bash-completion/completions/clip-cli", bash_completions(program));
  write_file(folder / "zsh/site-functions/_clip-cli", zsh_completions(program));
  write_file(folder / "fish/vendor_completions.d/clip-cli.fish", fish_completions(program));
}

const CommandText& command_of(const CommandText& program, const std::vector<std::string>& words) {
  const CommandText* found = &program;
  for (const std::string& word : words) {
    const CommandText* next = nullptr;
    for (const CommandText& each : found->commands) {
      if (each.path.back() == word) next = &each;
    }
    if (next == nullptr) {
      throw UsageError(fmt::format("there is no command '{} {}'", full_name(*found), word));
    }
    found = next;
  }
  return *found;
}

int run_manual(const ManualOptions& options) {
  const CommandText program = describe_program();
  if (!options.folder.empty()) {
    write_all_files(options.folder, program);
  } else {
    fmt::print("{}", man_page(command_of(program, options.command), program).text);
  }
  return kDone;
}

}  // namespace

void setup_manual(CLI::App* manual, Command* command) {
  auto options = std::make_shared<ManualOptions>();
  CLI::Option* name =
      manual->add_option("COMMAND", options->command, "Of which command [the program's own page]")
          ->type_name("");
  value_words(name).kind = Words::kCommand;
  manual
      ->add_option("--install-into", options->folder,
                   "Write all pages and completions into a folder, as share/ has them")
      ->type_name("DIR");
  manual->footer(
      "Examples:\n"
      "  clip-cli manual score | man -l -\n"
      "  clip-cli manual models pull > clip-cli-models-pull.1");
  manual->callback([=] { *command = [=] { return run_manual(*options); }; });
}

}  // namespace clip_cli
