// Builds the command line, runs the command that it names, and maps every outcome to an exit code.

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>
#include <system_error>
#include <vector>

#include "clip/engine.h"
#include "clip/error.h"
#include "commands/commands.h"
#include "configuration/defaults.h"
#include "exit_code.h"
#include "libtorch_module/load.h"
#include "manual/help_text.h"
#include "options/general_options.h"
#include "options/parse_message.h"
#include "options/suggestions.h"
#include "terminal/bus_error.h"
#include "terminal/closed_streams.h"
#include "terminal/color.h"
#include "terminal/early_exit.h"
#include "terminal/error_notice.h"
#include "terminal/hints.h"
#include "terminal/interrupt.h"
#include "terminal/standard_error.h"
#include "terminal/text.h"
#include "usage_error.h"

namespace {

using clip_cli::error_notice;
using clip_cli::notice;

// CLI11 has an exit code for each kind of mistake; to a caller they are all bad usage.
int finish_parse(const CLI::App& app, const CLI::ParseError& outcome, int argc, char** argv) {
  const CLI::App& command = clip_cli::named_command(app);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::string unknown = clip_cli::unknown_command(command, arguments);
  if (dynamic_cast<const CLI::CallForHelp*>(&outcome) != nullptr && unknown.empty()) {
    // What cannot be written is told by checked_flush().
    std::fputs(clip_cli::help_text(clip_cli::describe(command)).c_str(), stdout);
    return clip_cli::kDone;
  }
  if (outcome.get_exit_code() == 0 && unknown.empty()) {  // --version
    return app.exit(outcome) == 0 ? clip_cli::kDone : clip_cli::kBadUsage;
  }
  const std::string suggestion = clip_cli::suggestion_for(command, arguments);
  error_notice(suggestion.empty() ? clip_cli::message_of(outcome) : suggestion);
  notice(fmt::format("see `{} --help`", clip_cli::full_name(command)));
  return clip_cli::kBadUsage;
}

// What was printed may still sit in a buffer: a full disk shows only when it is written.
int checked_flush(int code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  if (errno == EPIPE) clip_cli::end_by(SIGPIPE);
  if (code == clip_cli::kFailed) return code;  // the command has said why
  error_notice(fmt::format("cannot write to standard output: {}", std::strerror(errno)));
  return clip_cli::kFailed;
}

int run_guarded(const clip_cli::Command& command) {
  try {
    return command();
  } catch (const clip_cli::UsageError& error) {
    error_notice(error.what());
    return clip_cli::kBadUsage;
  } catch (const clip::Error& error) {
    error_notice(clip_cli::message_of(error));
  } catch (const std::bad_alloc&) {
    error_notice("out of memory; try smaller images, or a smaller model");
  } catch (const std::system_error& error) {
    // Nobody reads the output any more, as with `head`: by now everything is cleared away.
    if (error.code().value() == EPIPE) clip_cli::end_by(SIGPIPE);
    error_notice(error.what());
  } catch (const std::exception& error) {
    error_notice(error.what());
  }
  return clip_cli::kFailed;
}

int run(int argc, char** argv) {
  clip_cli::hold_closed_streams();
  clip_cli::silence_libraries();
  clip_cli::explain_bus_errors();
  // A file that may grow no further (ulimit -f) is an error of that file, not the end of the run.
  std::signal(SIGXFSZ, SIG_IGN);
  const clip_cli::LibTorchEngines engines = clip_cli::libtorch_module_engines();
  clip::register_engine(engines.libtorch);
  clip::register_engine(engines.torchscript);

  std::vector<char*> arguments = clip_cli::rearranged(argc, argv);
  argc = static_cast<int>(arguments.size());
  argv = arguments.data();
  const clip_cli::GeneralOptions general = clip_cli::general_options(argc, argv);
  if (!general.color.empty()) clip_cli::choose_color(clip_cli::color_choice(general.color));
  CLI::App app("", "clip-cli");
  clip_cli::Command command;  // set by the callback of the command that is named
  clip_cli::Defaults defaults(general);
  clip_cli::setup_program(&app, &command, [&](CLI::App* named) { defaults.prepare(named); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& outcome) {
    return checked_flush(finish_parse(app, outcome, argc, argv));
  }
  const int code = checked_flush(run_guarded([&] {
    clip_cli::refuse_empty_names(clip_cli::named_command(app));
    defaults.apply(&clip_cli::named_command(app));
    return command();
  }));
  if (clip_cli::interrupt_signal() != 0) clip_cli::end_by(clip_cli::interrupt_signal());
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  clip_cli::explain_early_exit();
  const int code = run(argc, argv);
  clip_cli::expect_end();
  return code;
}
