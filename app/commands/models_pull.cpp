#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "clip/error.h"
#include "commands/models.h"
#include "exit_code.h"
#include "hub/download.h"
#include "options/model_lookup.h"
#include "terminal/hints.h"
#include "terminal/interrupt.h"
#include "terminal/status_line.h"
#include "terminal/text.h"
#include "writers/print_json.h"

namespace clip_cli {
namespace {

// The folder of a file is its SHA-256 there (github.com/openai/CLIP, clip/clip.py).
constexpr const char* kPublished = "https://openaipublic.azureedge.net/clip/models";

struct PullOptions {
  std::vector<std::string> names;
  std::string from;
  int stall_seconds = 60;
  bool quiet = false;
  bool json = false;
};

// --from, else CLIP_MIRROR, else OpenAI's server. An address that ends like a model file is that
// file's; any other is a folder, which holds the file, or is laid out as OpenAI's.
std::vector<std::string> addresses(const PullOptions& options, const clip::PublishedModel& model) {
  const char* variable = std::getenv("CLIP_MIRROR");
  std::string base = !options.from.empty() ? options.from : variable != nullptr ? variable : "";
  if (base.empty()) base = kPublished;
  if (has_model_extension(base)) return {base};
  while (!base.empty() && base.back() == '/') base.pop_back();
  if (base == kPublished) return {fmt::format("{}/{}/{}", base, model.sha256, model.file)};
  return {fmt::format("{}/{}/{}", base, model.sha256, model.file),
          fmt::format("{}/{}", base, model.file)};
}

// Whether the right file is in the store; one with other contents is replaced, and a notice says
// so.
bool is_here(const std::string& path, const clip::PublishedModel& model) {
  if (!model_store().has(model)) return false;
  try {
    clip::verify_file(path, model.sha256);
    return true;
  } catch (const clip::Error& error) {
    notice(fmt::format("{}; it is replaced", error.what()));
    return false;
  }
}

// "ViT-B/32: 12.3/354.0 MB, 8.1 MB a second".
std::string status_of(const clip::PublishedModel& model, const clip::DownloadProgress& progress,
                      double seconds) {
  const double megabytes = 1e-6 * static_cast<double>(progress.done);
  std::string line = fmt::format("{}: {:.1f}", model.name, megabytes);
  if (progress.total > 0)
    line += fmt::format("/{:.1f}", 1e-6 * static_cast<double>(progress.total));
  return line + fmt::format(" MB, {:.1f} MB a second", megabytes / seconds);
}

// From the first address that has it.
void fetch(const PullOptions& options, const clip::PublishedModel& model, const std::string& path) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  StatusLine status(options.quiet);
  clip::DownloadOptions download;
  download.stall_seconds = options.stall_seconds;
  download.progress = [&](const clip::DownloadProgress& progress) {
    const std::chrono::duration<double> seconds = Clock::now() - start;
    status.show(status_of(model, progress, seconds.count()));
    return !interrupts().cancelled();
  };
  download.trying_again = [&](const std::string& why) {
    status.clear();
    notice(fmt::format("{}: {}; trying again", model.name, why));
  };
  const std::vector<std::string> urls = addresses(options, model);
  try {
    clip::download(urls.front(), path, model.sha256, download);
  } catch (const clip::Error&) {
    if (urls.size() == 1 || interrupts().cancelled()) throw;
    status.clear();
    clip::download(urls.back(), path, model.sha256, download);
  }
}

// Whether the model is in the store in the end.
bool pull(const PullOptions& options, const clip::PublishedModel& model) {
  const std::string path = model_store().path(model);
  clip::Json json = {{"name", model.name}};
  clip::put_name(&json, "path", path);
  try {
    const bool here = is_here(path, model);
    if (!here) fetch(options, model, path);
    json["pulled"] = !here;
    if (!options.quiet) {
      notice(here ? fmt::format("{} is here: {}", model.name, path)
                  : fmt::format("{} is in {}, as published", model.name, path));
    }
  } catch (const clip::Error& error) {
    json["pulled"] = false;
    json["error"] = error_json(error);
    notice(message_of(error));
  }
  if (options.json) print_json(json);
  return !json.contains("error");
}

int run_pull(const PullOptions& options) {
  std::vector<const clip::PublishedModel*> models;
  for (const std::string& name : options.names) models.push_back(&published_model(name));
  catch_interrupts();
  bool failed = false;
  for (const clip::PublishedModel* model : models) {
    if (!pull(options, *model)) failed = true;
    if (interrupts().cancelled()) break;
  }
  return failed ? kFailed : kDone;
}

}  // namespace

void setup_models_pull(CLI::App* models, Command* command) {
  CLI::App* pull = models->add_subcommand(
      "pull", "Download published models; a download that broke off goes on from where it was");
  auto options = std::make_shared<PullOptions>();
  pull->add_option("NAME", options->names, "ViT-B/32, ViT-L/14@336px, ... (see models list)")
      ->type_name("")
      ->required();
  pull->add_option("--from", options->from,
                   "Another address: of a folder laid out as OpenAI's or simply holding the file, "
                   "or of the file itself; http, https or file [CLIP_MIRROR, else OpenAI's]")
      ->type_name("URL");
  pull->add_option("--stall", options->stall_seconds,
                   "Seconds without a byte after which a connection is given up")
      ->check(CLI::Range(1, 86400))
      ->type_name("SECONDS")
      ->capture_default_str();
  pull->add_flag("-q,--quiet", options->quiet, "Print errors and warnings only");
  pull->add_flag("--json", options->json, "Print one JSON object per model");
  pull->footer("Example:\n  clip-cli models pull ViT-B/32");
  pull->callback([=] { *command = [=] { return run_pull(*options); }; });
}

}  // namespace clip_cli
