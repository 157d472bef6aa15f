#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/model_files.h"
#include "clip/error.h"
#include "commands/models.h"
#include "exit_code.h"
#include "hub/download.h"
#include "hub/hub_pull.h"
#include "options/model_lookup.h"
#include "options/value_words.h"
#include "terminal/error_notice.h"
#include "terminal/hints.h"
#include "terminal/interrupt.h"
#include "terminal/status_line.h"
#include "terminal/text.h"
#include "usage_error.h"
#include "writers/print_json.h"

namespace clip_cli {
namespace {

// Of each address of several, before the next one is asked.
constexpr int kAttemptsOfSeveral = 3;

struct PullOptions {
  std::vector<std::string> names;
  std::string from;
  int stall_seconds = 60;
  bool quiet = false;
  bool json = false;
};

// --from, else CLIP_MIRROR; empty where neither names a mirror.
std::string mirror(const PullOptions& options) {
  const char* variable = std::getenv("CLIP_MIRROR");
  return !options.from.empty() ? options.from : variable != nullptr ? variable : "";
}

// Those of OpenAI's file. A mirror's address that ends like a model file is that file's; any other
// is a folder, which holds the file, or is laid out as OpenAI's.
std::vector<std::string> addresses(const PullOptions& options, const clip::PublishedModel& model) {
  std::string base = mirror(options);
  if (base.empty()) return clip::addresses_of(model);
  if (clip::has_model_extension(base)) return {base};
  while (!base.empty() && base.back() == '/') base.pop_back();
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
std::string status_of(const std::string& name, const clip::DownloadProgress& progress,
                      double seconds) {
  const double megabytes = 1e-6 * static_cast<double>(progress.done);
  std::string line = fmt::format("{}: {:.1f}", name, megabytes);
  if (progress.total > 0)
    line += fmt::format("/{:.1f}", 1e-6 * static_cast<double>(progress.total));
  return line + fmt::format(" MB, {:.1f} MB a second", megabytes / seconds);
}

// What is shown of downloads, and asked of them.
class Download {
 public:
  Download(const PullOptions& options, std::string name)
      : status_(options.quiet), name_(std::move(name)) {
    options_.stall_seconds = options.stall_seconds;
    options_.progress = [this](const clip::DownloadProgress& progress) {
      return show(name_, progress);
    };
    options_.trying_again = [this](const std::string& why) {
      status_.clear();
      notice(fmt::format("{}: {}; trying again", name_, why));
    };
  }

  clip::DownloadOptions& options() { return options_; }

  bool show(const std::string& what, const clip::DownloadProgress& progress) {
    const std::chrono::duration<double> seconds = Clock::now() - start_;
    if (progress.done + progress.total > 0) {
      status_.show(status_of(what, progress, seconds.count()));
    }
    return !interrupts().cancelled();
  }

  void clear() { status_.clear(); }

 private:
  using Clock = std::chrono::steady_clock;

  StatusLine status_;
  const std::string name_;
  const Clock::time_point start_ = Clock::now();
  clip::DownloadOptions options_;
};

// From the first address that has it.
void fetch(const PullOptions& options, const clip::PublishedModel& model, const std::string& path) {
  Download download(options, model.name);
  const std::vector<std::string> urls = addresses(options, model);
  if (urls.size() > 1) download.options().attempts = kAttemptsOfSeveral;
  std::vector<std::string> reasons;
  for (const std::string& url : urls) {
    try {
      clip::download(url, path, model.sha256, download.options());
      return;
    } catch (const clip::Error& error) {
      // What a mirror's last address says is enough: the first was a guess.
      const bool last = &url == &urls.back();
      if (interrupts().cancelled() || (last && !mirror(options).empty())) throw;
      download.clear();
      // What ails this machine is the same for all addresses.
      const std::string reason = error.what();
      if (std::find(reasons.begin(), reasons.end(), reason) == reasons.end()) {
        reasons.push_back(reason);
      }
      if (!last) continue;
      const std::string by_hand =
          error.code() == clip::ErrorCode::kIo
              ? fmt::format("; a copy of the file from elsewhere can be put at {}", path)
              : "";
      throw clip::Error(error.code(), fmt::format("{}{}", fmt::join(reasons, "; "), by_hand),
                        error.hint());
    }
  }
}

// Whether the model is in the store in the end.
bool pull_published(const PullOptions& options, const clip::PublishedModel& model) {
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
    error_notice(message_of(error));
  }
  if (options.json) print_json(json);
  return !json.contains("error");
}

// Whether the model is in the hub's cache in the end.
bool pull_repository(const PullOptions& options, const clip::ModelName& model) {
  const std::string name = model.catalog != nullptr ? title_of(*model.catalog) : model.repository;
  clip::Json json = {{"name", name},
                     {"repository", model.repository},
                     {"revision", model.revision},
                     {"path", nullptr}};
  try {
    Download download(options, name);
    clip::HubPullOptions pull;
    pull.endpoint = clip::hub_endpoint();
    pull.token = clip::hub_token();
    pull.symlinks = clip::hub_uses_symlinks();
    pull.download = download.options();
    pull.notice = [&](const std::string& text) {
      download.clear();
      notice(fmt::format("{}: {}", name, text));
    };
    pull.progress = [&](const std::string& file, const clip::DownloadProgress& progress) {
      return download.show(fmt::format("{}, {}", name, file), progress);
    };
    const clip::PulledModel pulled =
        clip::pull_model(hub_cache(), model.repository, model.revision, pull);
    download.clear();
    clip::put_name(&json, "path", pulled.folder);
    json["commit"] = pulled.commit;
    json["files"] = pulled.files;
    json["pulled"] = pulled.fetched;
    if (!options.quiet) {
      notice(fmt::format("{} is {}: {}", name, pulled.fetched ? "in the hub's cache" : "here",
                         pulled.folder));
    }
  } catch (const clip::Error& error) {
    json["pulled"] = false;
    json["error"] = error_json(error);
    error_notice(message_of(error));
  }
  if (options.json) print_json(json);
  return !json.contains("error");
}

// What can be pulled by that name.
clip::ModelName to_pull(const PullOptions& options, const std::string& named) {
  clip::ModelName name;
  try {
    name = model_named(named);
  } catch (const clip::Error& error) {
    if (error.code() == clip::ErrorCode::kUnsupported) throw;
    throw UsageError(error.what());
  }
  if (const clip::PublishedModel* published = clip::find_by_name(named)) {
    name.kind = clip::ModelName::Kind::kPublished;  // whatever file of that name is here
    name.published = published;
  }
  if (name.kind == clip::ModelName::Kind::kPath) {
    throw UsageError(fmt::format("{} is a path; what is pulled has a name", named));
  }
  if (name.kind == clip::ModelName::Kind::kRepository && !options.from.empty()) {
    throw UsageError(
        fmt::format("--from is for OpenAI's own files; {} comes from the address in HF_ENDPOINT",
                    name.repository));
  }
  return name;
}

int run_pull(const PullOptions& options) {
  std::vector<clip::ModelName> models;
  for (const std::string& name : options.names) models.push_back(to_pull(options, name));
  catch_interrupts();
  bool failed = false;
  for (const clip::ModelName& model : models) {
    const bool pulled = model.kind == clip::ModelName::Kind::kPublished
                            ? pull_published(options, *model.published)
                            : pull_repository(options, model);
    if (!pulled) failed = true;
    if (interrupts().cancelled()) break;
  }
  return failed ? kFailed : kDone;
}

}  // namespace

void setup_models_pull(CLI::App* models, Command* command) {
  CLI::App* pull = models->add_subcommand(
      "pull", "Download models; a download that broke off continues where it was");
  auto options = std::make_shared<PullOptions>();
  pull->add_option("NAME", options->names,
                   "Names of `models list`, or hf:ORG/NAME[@REVISION] of the hub\n"
                   "The hub is the Hugging Face Hub; a revision is a branch, a tag or a commit.")
      ->type_name("")
      ->required();
  value_words(pull->get_option("NAME")).kind = Words::kModelName;
  pull->add_option("--from", options->from,
                   "Another address for OpenAI's own files [CLIP_MIRROR, else OpenAI's]\n"
                   "Of a folder laid out as OpenAI's or simply holding the file, or of the file "
                   "itself: http, "
                   "https or file.")
      ->type_name("URL");
  pull->add_option("--stall", options->stall_seconds,
                   "Give up a connection after so many seconds without a byte")
      ->check(CLI::Range(1, 86400))
      ->type_name("SECONDS")
      ->capture_default_str();
  pull->add_flag("-q,--quiet", options->quiet, "Print no progress, only errors and warnings");
  pull->add_flag("--json", options->json, "Print one JSON object per model");
  pull->footer(
      "OpenAI's files go to CLIP_CACHE, else ~/.cache/clip; all others to the hub's cache, as "
      "Python\n"
      "reads it (HF_HUB_CACHE, HF_HOME). HF_ENDPOINT names another hub; HF_TOKEN opens private\n"
      "repositories.\n\n"
      "Examples:\n"
      "  clip-cli models pull ViT-B/32\n"
      "  clip-cli models pull ViT-B-32/laion2b_s34b_b79k\n"
      "  clip-cli models pull hf:openai/clip-vit-base-patch32@refs/pr/15");
  pull->callback([=] { *command = [=] { return run_pull(*options); }; });
}

}  // namespace clip_cli
