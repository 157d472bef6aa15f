#include "options/sort_options.h"

#include "options/value_words.h"
#include "usage_error.h"

namespace clip_cli {

void add_sort_options(CLI::App* command, SortOptions* options, const std::string& what) {
  const char* kOutput = "Output";
  command
      ->add_option("--sort-into", options->folder,
                   "Put " + what + "\nNothing is overwritten; --by says how.")
      ->type_name("DIR")
      ->group(kOutput);
  CLI::Option* by = command
                        ->add_option_function<std::string>(
                            "--by",
                            [options](const std::string& how) {
                              options->by = how == "copy"   ? SortMethod::kCopy
                                            : how == "move" ? SortMethod::kMove
                                                            : SortMethod::kLink;
                            },
                            "How --sort-into puts them there: link (symbolic), copy or move [link]")
                        ->type_name("HOW")
                        ->group(kOutput);
  allow_only(by, {"link", "copy", "move"});
  command->add_flag("--dry-run", options->dry_run, "Only show where --sort-into would put images")
      ->group(kOutput);
}

void check(const SortOptions& options) {
  if (!options.folder.empty()) return;
  if (options.dry_run) {
    throw UsageError("--dry-run shows what --sort-into would do; name its folder, too");
  }
  if (options.by) throw UsageError("--by says how --sort-into files images; name its folder, too");
}

}  // namespace clip_cli
