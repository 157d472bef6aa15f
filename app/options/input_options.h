// Which images a run is about: files, folders, and lists of them.
#pragma once

#include <CLI/App.hpp>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "clip/cancel.h"
#include "clip/image_paths.h"
#include "input/brace_list.h"
#include "input/image_sources.h"
#include "input/standard_input.h"

namespace clip_cli {

struct ImageInputs {
  std::vector<std::string> named;   // files, folders, "-"
  std::vector<std::string> images;  // --image, where "-" is an image on standard input
  std::string list;                 // --images
  bool nul_separated = false;
  std::vector<std::string> exclude;
};

// --image, --images, -0 and --exclude, and, with `positional`, PATH...
void add_image_inputs(CLI::App* command, ImageInputs* inputs, bool positional = true);

// What is named, and the list.
std::vector<std::string> files_of(const ImageInputs& inputs);

// --exclude, for commands that read folders in another way.
void add_exclude_option(CLI::App* command, std::vector<std::string>* exclude);

// The list that an argument is by its braces, or nothing. What there is a file of is that file.
// Throws UsageError for a list that is too large.
std::optional<BraceList> brace_list(const std::string& named);

bool reads_standard_input(const ImageInputs& inputs);

// The sources of a run; `walk` is what walk_options gives. `list`: null, or what takes those of one
// shard, which outlives the sources. Throws UsageError where they name none,
// and where standard input is named twice.
ImageSources image_sources(const ImageInputs& inputs, const clip::ImagePathsOptions& walk,
                           const clip::CancelToken* stop, ShardedList* list = nullptr);

// The files and folders that the inputs name, one at a time; a list is read as it is needed, until
// `stop` is cancelled. Lists in braces are expanded. `input`, where not null, is given its turn by
// an end in between where standard input is named and an archive comes there. Throws UsageError
// where they name none.
clip::ImagePaths::NextNamed named_images(const ImageInputs& inputs, const clip::CancelToken* stop,
                                         const std::shared_ptr<StandardInput>& input = nullptr);

// How the folders among them are walked, and archives read: without what --exclude excludes, until
// `stop` is cancelled.
clip::ImagePathsOptions walk_options(const ImageInputs& inputs, const clip::CancelToken* stop);

// Whether the images can be read from the inputs a second time, for counting.
bool can_be_counted(const ImageInputs& inputs);

// The same images for counting; an archive is one, and an error.
clip::ImagePaths counted_images(const ImageInputs& inputs, clip::ImagePathsOptions walk,
                                const clip::CancelToken* stop);

// Counts the images of a run beside it, so that people see how many are still to come.
class ImageCount {
 public:
  using Make = std::function<clip::ImagePaths()>;

  // `make` gives the paths once more. Where archives are among them, the number stays unknown.
  ImageCount(Make make, const clip::CancelToken* stop);
  ~ImageCount();
  ImageCount(const ImageCount&) = delete;
  ImageCount& operator=(const ImageCount&) = delete;

  std::optional<std::uint64_t> total() const;

 private:
  std::atomic<bool> stop_{false}, known_{false};
  std::uint64_t count_ = 0;
  std::thread counter_;
};

}  // namespace clip_cli
