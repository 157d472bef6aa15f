#include "run/index_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/file.h"
#include "clip/error.h"
#include "options/model_lookup.h"
#include "run/image_run.h"
#include "terminal/hints.h"
#include "terminal/interrupt.h"
#include "terminal/live_block.h"
#include "terminal/progress.h"
#include "terminal/text.h"

namespace clip_cli {
namespace {

// A refresh that takes longer is worth to know how to leave out.
constexpr double kLongRefresh = 2;  // seconds

std::string plural(std::uint64_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::vector<clip::IndexedModel> models_of(const IndexedFolder& folder) {
  if (!folder.is_there) return {};
  try {
    return clip::Index::open(folder.place)->models();
  } catch (const clip::Error& error) {
    if (error.code() == clip::ErrorCode::kNotFound) return {};
    throw;
  }
}

void tell_about(const clip::RefreshReport& report, const IndexedFolder& folder) {
  if (!report.left_out.empty()) notice(left_out_text(report.left_out));
  for (const std::string& path : report.unreachable) {
    const std::string where = clip::joined_path(folder.place.root, path);
    notice(
        fmt::format("{} cannot be reached, or is empty; what the index has of it is kept "
                    "(`clip-cli index --prune` forgets it)",
                    path.empty() ? folder.place.root : where));
  }
}

}  // namespace

void add_index_run_options(CLI::App* command, IndexRunOptions* options, bool update) {
  if (update) {
    command->add_flag("--no-update", options->no_update,
                      "Use the index as it is, without looking for new images");
  }
  add_run_options(command, &options->run);
  add_model_options(command, &options->model);
  add_memory_option(command, &options->decode);
}

std::shared_ptr<const clip::Model> open_index_model(const ModelOptions& options,
                                                    const IndexedFolder& folder, bool quiet) {
  if (!options.named.empty()) return open_model(options, quiet);
  std::vector<clip::IndexedModel> models = models_of(folder);
  std::stable_sort(models.begin(), models.end(),
                   [](const auto& a, const auto& b) { return a.rows > b.rows; });
  for (const clip::IndexedModel& indexed : models) {
    if (!clip::is_regular_file(indexed.path)) continue;
    ModelOptions named = options;
    named.named = indexed.path;
    try {
      auto model = open_model(named);
      if (model->identity() != indexed.identity) continue;
      if (!quiet && indexed.path == shipped_file(kDemoFile)) {
        notice(fmt::format(
            "the model is the demo model, which the index was made with, and which knows "
            "drawings, not photographs; `clip-cli index {} --model NAME` adds another",
            folder.named));
      } else if (!quiet) {
        notice(fmt::format("the model is {}, which the index was made with; --model names another",
                           title_of(*model)));
      }
      return model;
    } catch (const clip::Error&) {
      // It cannot be opened by its path any more, or never could be: another one may do.
    }
  }
  ModelOptions best = options;
  best.named = best_model(quiet);
  return open_model(best);
}

Refreshed refresh_folder(clip::Index* index, const IndexedFolder& folder,
                         const std::shared_ptr<const clip::Model>& model,
                         const IndexRunOptions& options, clip::RefreshOptions refresh,
                         Failures failures, const LiveLines& live) {
  std::optional<std::uint64_t> planned;
  LiveBlock block(options.run.quiet || live == nullptr);
  Progress progress("file", options.run.quiet, [&] { return planned; });
  clip::CancelToken stop(&interrupts());
  refresh.sub = folder.sub;
  refresh.embed.encoder = encoder_options(options.model);
  refresh.embed.decode = decode_options(options.decode, model->config());
  refresh.embed.max_batch = options.run.batch;
  refresh.stop = &stop;
  clip::RefreshEvents events;
  events.planned = [&](std::uint64_t files) {
    planned = files;
    progress.show();
  };
  events.done = [&](const std::string&, const clip::Error* error) {
    if (error != nullptr && failures == Failures::kEach) {
      block.clear();
      progress.clear();
      notice(message_of(*error));
    }
    progress.add(error != nullptr);
    progress.show();
  };
  events.committed = [&] {
    if (block.visible()) block.show(live(index));
  };
  Refreshed refreshed;
  refreshed.report = clip::refresh(index, model, refresh, events);
  refreshed.seconds = progress.seconds();
  block.clear();
  progress.clear();
  if (!options.run.quiet) tell_about(refreshed.report, folder);
  return refreshed;
}

std::unique_ptr<clip::Index> current_index(const IndexedFolder& folder,
                                           const std::shared_ptr<const clip::Model>& model,
                                           const IndexRunOptions& options, const LiveLines& live) {
  if (options.no_update) {
    if (!folder.is_there) {
      throw clip::Error(
          clip::ErrorCode::kNotFound,
          fmt::format("there is no index of {}; without --no-update it is made", folder.named));
    }
    return clip::Index::open(folder.place);
  }
  std::unique_ptr<clip::Index> index;
  try {
    index = clip::Index::open_for_writing(folder.place, &interrupts(), [] { throw OtherWriter(); });
  } catch (const OtherWriter&) {
    notice("another process is bringing the index up to date; this searches what it has so far");
  } catch (const clip::Error& error) {
    if (error.code() != clip::ErrorCode::kIo || !folder.is_there) throw;
    notice(fmt::format("the index is used as it is: {}", error.what()));
  }
  if (index == nullptr) return clip::Index::open(folder.place);
  const Refreshed refreshed =
      refresh_folder(index.get(), folder, model, options, {}, Failures::kCount, live);
  const clip::RefreshReport& report = refreshed.report;
  if (!options.run.quiet) {
    if (report.failed > 0) {
      notice(fmt::format("{} could not be used; `clip-cli index --status` names them",
                         plural(report.failed, "file")));
    }
    if (refreshed.seconds > kLongRefresh) {
      notice(
          fmt::format("the index was brought up to date in {}, {} embedded; --no-update leaves "
                      "that out",
                      duration(refreshed.seconds), plural(report.embedded, "image")));
    }
  }
  // Others may write while the results are printed.
  index.reset();
  return clip::Index::open(folder.place);
}

}  // namespace clip_cli
