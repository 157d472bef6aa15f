// Which pictures a run is about, and how they go through the encoder: shared by the commands that
// take thousands of them.
#pragma once

#include <CLI/App.hpp>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "encoder/encoder.h"
#include "options.h"
#include "pipeline/image_batch.h"
#include "pipeline/picture_paths.h"
#include "ui/progress.h"

namespace clip_cli {

struct PictureOptions {
  std::vector<std::string> named;  // files, folders, "-"
  std::string list;                // --images
  bool nul_separated = false;
};

void add_picture_options(CLI::App* command, PictureOptions* options);

bool reads_standard_input(const PictureOptions& options);

// The files and folders that the options name, one at a time. Throws UsageError where they name
// none.
clip::PicturePaths::NextNamed named_pictures(const PictureOptions& options);

// Counts the pictures of a run beside it, so that people see how many are still to come. Knows
// nothing where the list can be read only once.
class PictureCount {
 public:
  using Make = std::function<clip::PicturePaths()>;

  // `make` gives the paths once more; null: they cannot be counted.
  explicit PictureCount(Make make);
  ~PictureCount();
  PictureCount(const PictureCount&) = delete;
  PictureCount& operator=(const PictureCount&) = delete;

  std::optional<std::uint64_t> total() const;

 private:
  std::atomic<bool> stop_{false}, known_{false};
  std::uint64_t count_ = 0;
  std::thread counter_;
};

// Whether the pictures can be read from the options a second time, for counting.
bool can_be_counted(const PictureOptions& options);

struct RunOptions {
  std::size_t batch = 16;  // pictures encoded at once
  bool quiet = false;
  int thumbnail_side = 0;
};

void add_run_options(CLI::App* command, RunOptions* options);

// How the pictures of a run are decoded and prepared for the model.
clip::StreamOptions stream_options(const RunOptions& run, const ModelOptions& model,
                                   const ImageOptions& image, const clip::ModelConfig& config);

// Embeds all pictures of the stream and hands each to `use`, in order: the result, and its
// embedding, or null where there is an error. `after_batch` is called when a batch has been used.
void for_each_picture(clip::ImageStream* stream, clip::Encoder* encoder, std::size_t batch,
                      const std::function<void(const clip::ImageResult&, const float*)>& use,
                      const std::function<void()>& after_batch);

}  // namespace clip_cli
