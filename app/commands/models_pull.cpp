#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands/models.h"
#include "error.h"
#include "errors.h"
#include "interrupt.h"
#include "model/download.h"
#include "model_lookup.h"
#include "ui/progress.h"
#include "ui/text.h"

namespace clip_cli {
namespace {

// The folder of a file is its SHA-256 there (github.com/openai/CLIP, clip/clip.py).
constexpr const char* kPublished = "https://openaipublic.azureedge.net/clip/models";

struct PullOptions {
  std::vector<std::string> names;
  std::string from;
  int stall_seconds = 60;
  bool quiet = false;
};

// --from, else CLIP_MIRROR, else OpenAI's server. An address that ends like a file is that file's;
// any other is a folder, which has the file, or is laid out as OpenAI's.
std::vector<std::string> addresses(const PullOptions& options, const clip::PublishedModel& model) {
  const char* variable = std::getenv("CLIP_MIRROR");
  std::string base = !options.from.empty() ? options.from : variable != nullptr ? variable : "";
  if (base.empty()) base = kPublished;
  const bool is_file = base.size() > 3 && base.compare(base.size() - 3, 3, ".pt") == 0;
  if (is_file) return {base};
  while (!base.empty() && base.back() == '/') base.pop_back();
  if (base == kPublished) return {fmt::format("{}/{}/{}", base, model.sha256, model.file)};
  return {fmt::format("{}/{}/{}", base, model.sha256, model.file),
          fmt::format("{}/{}", base, model.file)};
}

const clip::PublishedModel& published(const std::string& name) {
  const clip::PublishedModel* model = clip::find_by_name(name);
  if (model != nullptr) return *model;
  throw UsageError(fmt::format("there is no published model {}; did you mean {}?", name,
                               clip::nearest_name(name)));
}

// True when the right file is there already; a wrong one is said to be replaced.
bool is_there(const std::string& path, const clip::PublishedModel& model) {
  if (!model_store().has(model)) return false;
  try {
    clip::verify_file(path, model.sha256);
    return true;
  } catch (const clip::Error& error) {
    notice(fmt::format("{}; it is replaced", error.what()));
    return false;
  }
}

void pull(const PullOptions& options, const clip::PublishedModel& model) {
  const std::string path = model_store().path(model);
  if (is_there(path, model)) {
    if (!options.quiet) notice(fmt::format("{} is there: {}", model.name, path));
    return;
  }
  Progress progress("picture", options.quiet, [] { return std::optional<std::uint64_t>(); });
  clip::DownloadOptions download;
  download.stall_seconds = options.stall_seconds;
  download.progress = [&](const clip::DownloadProgress& now) {
    const double mega = 1e-6 * static_cast<double>(now.done);
    std::string line = fmt::format("{}: {:.1f}", model.name, mega);
    if (now.total > 0) line += fmt::format("/{:.1f}", 1e-6 * static_cast<double>(now.total));
    line += fmt::format(" MB, {:.1f} MB a second", mega / progress.seconds());
    progress.show(line);
    return interrupted() == 0;
  };
  download.trying_again = [&](const std::string& why) {
    progress.clear();
    notice(fmt::format("{}: {}; trying again", model.name, why));
  };
  const auto urls = addresses(options, model);
  try {
    clip::download(urls.front(), path, model.sha256, download);
  } catch (const clip::Error& error) {
    progress.clear();
    if (urls.size() == 1 || interrupted() != 0) throw;
    clip::download(urls.back(), path, model.sha256, download);
  }
  progress.clear();
  if (!options.quiet) {
    notice(fmt::format("{} is in {}, as published", model.name, path));
  }
}

int run_pull(const PullOptions& options) {
  for (const std::string& name : options.names) published(name);
  catch_interrupts();
  bool failed = false;
  for (const std::string& name : options.names) {
    try {
      pull(options, published(name));
    } catch (const clip::Error& error) {
      failed = true;
      notice(error.what());
    }
    if (interrupted() != 0) break;
  }
  return failed ? kFailed : kDone;
}

}  // namespace

void setup_models_pull(CLI::App* models, std::function<int()>* command) {
  CLI::App* pull = models->add_subcommand(
      "pull", "Fetch published models; what broke off goes on from where it was");
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
  pull->add_flag("-q,--quiet", options->quiet, "Say only what goes wrong");
  pull->footer("Example:\n  clip-cli models pull ViT-B/32");
  pull->callback([=] { *command = [=] { return run_pull(*options); }; });
}

}  // namespace clip_cli
