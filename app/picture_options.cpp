#include "picture_options.h"

#include <sys/stat.h>

#include <CLI/Validators.hpp>
#include <algorithm>
#include <memory>
#include <utility>

#include "encoder/shared_processors.h"
#include "error.h"
#include "errors.h"
#include "interrupt.h"
#include "ui/input_lists.h"

namespace clip_cli {

void add_picture_options(CLI::App* command, PictureOptions* options) {
  command
      ->add_option("PATH", options->named,
                   "Pictures, and folders of them; -: a list on standard input")
      ->type_name("");
  command
      ->add_option("--images", options->list,
                   "File of paths of pictures and folders, one a line (-: stdin)")
      ->type_name("FILE");
  command->add_flag("-0,--null", options->nul_separated,
                    "Paths in lists end with a NUL, as `find -print0` writes them");
}

bool reads_standard_input(const PictureOptions& options) {
  return options.list == "-" || std::count(options.named.begin(), options.named.end(), "-") > 0;
}

clip::PicturePaths::NextNamed named_pictures(const PictureOptions& options) {
  if (std::count(options.named.begin(), options.named.end(), "-") + (options.list == "-") > 1) {
    throw UsageError("standard input is named twice");
  }
  if (options.named.empty() && options.list.empty()) {
    throw UsageError("no pictures: name files or folders, or a list with --images FILE");
  }
  struct State {
    std::vector<std::string> named;  // a list among them is opened when its turn comes
    std::size_t at = 0;
    std::unique_ptr<PathList> list;
  };
  auto state = std::make_shared<State>();
  state->named = options.named;
  // A list that is missing should be known before the model is loaded.
  std::shared_ptr<PathList> last;
  if (!options.list.empty()) {
    last = std::make_shared<PathList>(options.list, options.nul_separated);
  }
  return [state, last, nul = options.nul_separated](std::string* path) {
    for (;;) {
      if (state->list != nullptr) {
        if (state->list->next(path)) return true;
        state->list = nullptr;
      }
      if (state->at == state->named.size()) return last != nullptr && last->next(path);
      *path = state->named[state->at++];
      if (*path != "-") return true;
      state->list = std::make_unique<PathList>("-", nul);
    }
  };
}

bool can_be_counted(const PictureOptions& options) {
  struct stat info = {};
  const bool list_can =
      options.list.empty() || (::stat(options.list.c_str(), &info) == 0 && S_ISREG(info.st_mode));
  return list_can && !reads_standard_input(options);
}

PictureCount::PictureCount(Make make) {
  if (!make) return;
  counter_ = std::thread([this, make = std::move(make)] {
    try {
      clip::PicturePaths paths = make();
      std::uint64_t count = 0;
      for (clip::PicturePath path; paths.next(&path); ++count) {
        if (stop_ || interrupted() != 0) return;
      }
      count_ = count;
      known_ = true;
    } catch (const std::exception&) {
      // The run itself meets the same, and says it.
    }
  });
}

PictureCount::~PictureCount() {
  stop_ = true;
  if (counter_.joinable()) counter_.join();
}

std::optional<std::uint64_t> PictureCount::total() const {
  if (!known_) return std::nullopt;
  return count_;
}

void add_run_options(CLI::App* command, RunOptions* options) {
  command->add_option("--batch", options->batch, "Pictures encoded at once")
      ->check(CLI::Range(1, 256))
      ->type_name("N")
      ->capture_default_str();
  command->add_flag("-q,--quiet", options->quiet, "No progress, and no summary at the end");
}

clip::StreamOptions stream_options(const RunOptions& run, const ModelOptions& model,
                                   const ImageOptions& image, const clip::ModelConfig& config) {
  constexpr std::size_t kDecodedBeside = 16;  // pictures, while a batch is encoded
  clip::StreamOptions options;
  options.decode = decode_options(image, config);
  options.workers = static_cast<int>(threads(model));
  options.ahead = run.batch + kDecodedBeside;
  options.thumbnail_side = run.thumbnail_side;
  return options;
}

void for_each_picture(clip::ImageStream* stream, clip::Encoder* encoder, std::size_t batch_size,
                      const std::function<void(const clip::ImageResult&, const float*)>& use,
                      const std::function<void()>& after_batch) {
  const clip::SharedProcessors shared;
  for (clip::ImageBatch batch; clip::embed_next(stream, encoder, batch_size, &batch);) {
    std::int64_t good = 0;
    for (const clip::ImageResult& result : batch.results) {
      use(result, result.error.empty() ? batch.embeddings.row(good++) : nullptr);
    }
    after_batch();
  }
}

}  // namespace clip_cli
