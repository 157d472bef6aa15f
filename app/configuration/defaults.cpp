#include "configuration/defaults.h"

#include "commands/commands.h"
#include "configuration/apply.h"

namespace clip_cli {
namespace {

void relax_below(const ConfigurationFile& file, CLI::App* command) {
  relax_required(file, command);
  for (CLI::App* each : command->get_subcommands([](const CLI::App*) { return true; })) {
    relax_below(file, each);
  }
}

}  // namespace

void Defaults::prepare(CLI::App* named) {
  if (!is_configurable(*named)) return;
  try {
    file_ = read_configuration(configuration_place(options_.config, options_.no_config));
  } catch (const std::exception&) {
    error_ = std::current_exception();
    return;
  }
  relax_below(file_, named);
}

void Defaults::apply(CLI::App* command) {
  if (error_) std::rethrow_exception(error_);
  if (file_.settings.empty()) return;
  check_configuration(file_, whole_program());
  apply_configuration(file_, command);
}

}  // namespace clip_cli
