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

#include "clip/engine.h"
#include "clip/error.h"
#include "commands/commands.h"
#include "exit_code.h"
#include "libtorch_module/load.h"
#include "options/suggestions.h"
#include "terminal/bus_error.h"
#include "terminal/early_exit.h"
#include "terminal/hints.h"
#include "terminal/interrupt.h"
#include "terminal/standard_error.h"
#include "terminal/text.h"
#include "usage_error.h"

namespace {

using clip_cli::notice;

// CLI11 has an exit code for each kind of mistake; to a caller they are all bad usage.
int finish_parse(const CLI::App& app, const CLI::ParseError& outcome, int argc, char** argv) {
  if (outcome.get_exit_code() == 0) {  // --help and --version
    return app.exit(outcome) == 0 ? clip_cli::kDone : clip_cli::kBadUsage;
  }
  const CLI::App& command = clip_cli::named_command(app);
  const std::string suggestion = clip_cli::suggestion_for(command, {argv + 1, argv + argc});
  notice(suggestion.empty() ? outcome.what() : suggestion);
  notice(fmt::format("see `{} --help`", clip_cli::full_name(command)));
  return clip_cli::kBadUsage;
}

// What was printed may still sit in a buffer: a full disk shows only when it is written.
int checked_flush(int code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  if (errno == EPIPE) clip_cli::end_by(SIGPIPE);
  if (code == clip_cli::kFailed) return code;  // the command has said why
  notice(fmt::format("cannot write to standard output: {}", std::strerror(errno)));
  return clip_cli::kFailed;
}

int run_guarded(const clip_cli::Command& command) {
  try {
    return command();
  } catch (const clip_cli::UsageError& error) {
    notice(error.what());
    return clip_cli::kBadUsage;
  } catch (const clip::Error& error) {
    notice(clip_cli::message_of(error));
  } catch (const std::bad_alloc&) {
    notice("out of memory; try smaller images, or a smaller model");
  } catch (const std::system_error& error) {
    // Nobody reads the output any more, as with `head`: by now everything is cleared away.
    if (error.code().value() == EPIPE) clip_cli::end_by(SIGPIPE);
    notice(error.what());
  } catch (const std::exception& error) {
    notice(error.what());
  }
  return clip_cli::kFailed;
}

int run(int argc, char** argv) {
  clip_cli::silence_libraries();
  clip_cli::explain_bus_errors();
  // A file that may grow no further (ulimit -f) is an error of that file, not the end of the run.
  std::signal(SIGXFSZ, SIG_IGN);
  const clip_cli::LibTorchEngines engines = clip_cli::libtorch_module_engines();
  clip::register_engine(engines.libtorch);
  clip::register_engine(engines.torchscript);

  CLI::App app("CLIP on the command line: image-text similarity and zero-shot labels.", "clip-cli");
  app.set_version_flag("--version", "clip-cli " CLIP_VERSION);
  app.require_subcommand(1);
  app.footer("Example:\n  clip-cli score image.jpg \"a photo of a cat\" \"a photo of a dog\"");
  clip_cli::Command command;  // set by the callback of the command that is named
  clip_cli::setup_commands(&app, &command);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& outcome) {
    return checked_flush(finish_parse(app, outcome, argc, argv));
  }
  const int code = checked_flush(run_guarded(command));
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
