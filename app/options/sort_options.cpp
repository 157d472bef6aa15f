#include "options/sort_options.h"

#include "options/value_words.h"

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
  CLI::Option* into = command->get_option("--sort-into");
  by->needs(into);
  command->add_flag("--dry-run", options->dry_run, "Only show where --sort-into would put images")
      ->needs(into)
      ->group(kOutput);
}

}  // namespace clip_cli
