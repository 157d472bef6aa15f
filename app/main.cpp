// Builds the command line, runs the command that it names, and maps every outcome to an exit code.

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <functional>
#include <new>
#include <system_error>

#include "commands/batch.h"
#include "commands/benchmark.h"
#include "commands/classify.h"
#include "commands/evaluate.h"
#include "commands/models.h"
#include "commands/score.h"
#include "commands/tokenize.h"
#include "error.h"
#include "errors.h"
#include "interrupt.h"
#include "ui/text.h"

namespace {

using clip_cli::notice;

// CLI11 has an exit code for each kind of mistake; to a caller they are all bad usage.
int finish_parse(const CLI::App& app, const CLI::ParseError& outcome) {
  if (outcome.get_exit_code() == 0) {  // --help and --version
    return app.exit(outcome) == 0 ? clip_cli::kDone : clip_cli::kBadUsage;
  }
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  std::string name = command->get_name();
  for (const CLI::App* at = command->get_parent(); at != nullptr; at = at->get_parent()) {
    name = at->get_name() + " " + name;
  }
  notice(outcome.what());
  notice(fmt::format("see `{} --help`", name));
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

int run_guarded(const std::function<int()>& command) {
  try {
    return command();
  } catch (const clip_cli::UsageError& error) {
    notice(error.what());
    return clip_cli::kBadUsage;
  } catch (const clip::Error& error) {
    notice(error.what());
  } catch (const std::bad_alloc&) {
    notice("out of memory; try smaller pictures, or a smaller model");
  } catch (const std::system_error& error) {
    // Who read our output has gone, as `head` does: by now everything is cleared away.
    if (error.code().value() == EPIPE) clip_cli::end_by(SIGPIPE);
    notice(error.what());
  } catch (const std::exception& error) {
    notice(error.what());
  }
  return clip_cli::kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("CLIP on the command line: image-text similarity and zero-shot labels.", "clip-cli");
  app.set_version_flag("--version", "clip-cli " CLIP_VERSION);
  app.require_subcommand(1);
  app.footer("Example:\n  clip-cli score image.jpg \"a photo of a cat\" \"a photo of a dog\"");

  // Set by the callback of the command that was named.
  std::function<int()> command;
  clip_cli::setup_score(&app, &command);
  clip_cli::setup_classify(&app, &command);
  clip_cli::setup_evaluate(&app, &command);
  clip_cli::setup_batch(&app, &command);
  clip_cli::setup_tokenize(&app, &command);
  clip_cli::setup_models(&app, &command);
  clip_cli::setup_benchmark(&app, &command);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& outcome) {
    return checked_flush(finish_parse(app, outcome));
  }
  const int code = checked_flush(run_guarded(command));
  if (clip_cli::interrupted() != 0) clip_cli::end_by(clip_cli::interrupted());
  return code;
}
