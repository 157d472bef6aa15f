#include "options/sort_options.h"

#include <CLI/Validators.hpp>

#include "usage_error.h"

namespace clip_cli {

void add_sort_options(CLI::App* command, SortOptions* options, const std::string& what) {
  const char* kOutput = "Output";
  command->add_option("--sort-into", options->folder, "File " + what + "; nothing is overwritten")
      ->type_name("DIR")
      ->group(kOutput);
  command
      ->add_option_function<std::string>(
          "--by",
          [options](const std::string& how) {
            options->by = how == "copy"   ? SortMethod::kCopy
                          : how == "move" ? SortMethod::kMove
                                          : SortMethod::kLink;
          },
          "How they are filed: link (symbolic), copy or move [link]")
      ->check(CLI::IsMember({"link", "copy", "move"}))
      ->type_name("HOW")
      ->group(kOutput);
  command->add_flag("--dry-run", options->dry_run, "Only show where --sort-into would put images")
      ->group(kOutput);
}

void check(const SortOptions& options) {
  if (options.dry_run && options.folder.empty()) {
    throw UsageError("--dry-run shows what --sort-into would do; name its folder, too");
  }
}

}  // namespace clip_cli
