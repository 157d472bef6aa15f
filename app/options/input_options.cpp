#include "options/input_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "clip/error.h"
#include "input/brace_list.h"
#include "input/image_urls.h"
#include "input/input_lists.h"
#include "input/standard_input.h"
#include "pipeline/ignore_patterns.h"
#include "usage_error.h"

namespace clip_cli {

void add_image_inputs(CLI::App* command, ImageInputs* inputs, bool positional) {
  if (positional) {
    command
        ->add_option("PATH", inputs->named,
                     "Images, folders, tar archives or URLs; - is a list on standard input\n"
                     "Names with braces stand for several files: \"shards/{00000..00099}.tar\". - "
                     "may also be "
                     "an archive.")
        ->type_name("");
  }
  command
      ->add_option("--image", inputs->images,
                   "An image, folder, archive or URL; - is an image on standard input\n"
                   "- may also be an archive. Unlike the arguments it is never taken for anything "
                   "else.")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->take_all();
  command
      ->add_option("--images", inputs->list,
                   "A list of paths and URLs, one per line; - is standard input")
      ->type_name("FILE");
  command->add_flag("-0,--null", inputs->nul_separated,
                    "Of --images: paths end with a NUL, as those of `find -print0`");
  add_exclude_option(command, &inputs->exclude);
}

std::vector<std::string> files_of(const ImageInputs& inputs) {
  std::vector<std::string> files = inputs.named;
  files.insert(files.end(), inputs.images.begin(), inputs.images.end());
  files.push_back(inputs.list);
  return files;
}

void add_exclude_option(CLI::App* command, std::vector<std::string>* exclude) {
  command
      ->add_option(
          "--exclude", *exclude,
          "Leave out files and folders that match a pattern, as in .gitignore\n"
          "*.tmp and raw/ match at any depth, /raw and 2019/**/*.png from the folder on, and "
          "!keep.tmp includes again. Files called .clipignore hold such patterns, too.")
      ->check([](const std::string& pattern) {
        try {
          clip::IgnorePatterns().add(pattern);
          return std::string();
        } catch (const clip::Error& error) {
          return std::string(error.what());
        }
      })
      ->type_name("GLOB")
      ->allow_extra_args(false)
      ->take_all();
}

std::optional<BraceList> brace_list(const std::string& named) {
  if (named.find('{') == std::string::npos || url_kind(named) != UrlKind::kNone) {
    return std::nullopt;
  }
  try {
    BraceList list(named);
    if (!list.has_list() || clip::exists(named)) return std::nullopt;
    return list;
  } catch (const clip::Error& error) {
    throw UsageError(fmt::format("cannot use '{}': {}", named, error.what()));
  }
}

namespace {

// How often standard input is named.
std::ptrdiff_t standard_inputs(const ImageInputs& inputs) {
  return (inputs.list == "-" ? 1 : 0) + std::count(inputs.named.begin(), inputs.named.end(), "-") +
         std::count(inputs.images.begin(), inputs.images.end(), kStandardInput);
}

}  // namespace

bool reads_standard_input(const ImageInputs& inputs) {
  return standard_inputs(inputs) > 0;
}

clip::ImagePaths::NextNamed named_images(const ImageInputs& inputs, const clip::CancelToken* stop,
                                         const std::shared_ptr<StandardInput>& input) {
  if (standard_inputs(inputs) > 1) throw UsageError("standard input is named twice");
  if (inputs.named.empty() && inputs.images.empty() && inputs.list.empty()) {
    throw UsageError("no image: name files or folders, or a list with --images FILE");
  }
  for (const auto* arguments : {&inputs.named, &inputs.images}) {
    for (const std::string& each : *arguments) brace_list(each);
  }
  struct State {
    std::vector<std::string> named;   // a list among them is opened when its turn comes
    std::vector<std::string> images;  // which come behind them
    std::size_t at = 0, image = 0;
    std::unique_ptr<PathList> list;
    std::optional<BraceList> braces;  // of the one named last
    std::uint64_t brace = 0;

    // The first of the names that an argument stands for.
    std::string first_of(const std::string& named) {
      braces.reset();
      brace = 0;
      std::optional<BraceList> list = brace_list(named);
      if (!list) return named;
      braces.emplace(std::move(*list));
      return braces->at(brace++);
    }
  };
  auto state = std::make_shared<State>();
  state->named = inputs.named;
  state->images = inputs.images;
  // A list that is missing should be known before the model is loaded.
  std::shared_ptr<PathList> last;
  if (!inputs.list.empty()) {
    last = std::make_shared<PathList>(inputs.list, inputs.nul_separated, stop);
  }
  return [state, last, input, nul = inputs.nul_separated, stop](std::string* path) {
    const auto is_archive = [&] {
      const bool is = input != nullptr && input->is_archive();
      if (is) input->give_turn();
      return is;
    };
    for (;;) {
      if (state->list != nullptr) {
        if (state->list->next(path)) return true;
        state->list = nullptr;
      }
      if (state->braces && state->brace < state->braces->count()) {
        *path = state->braces->at(state->brace++);
        return true;
      }
      if (state->at == state->named.size()) {
        if (state->image == state->images.size()) return last != nullptr && last->next(path);
        *path = state->first_of(state->images[state->image++]);
        return *path != kStandardInput || !is_archive();
      }
      *path = state->first_of(state->named[state->at++]);
      if (*path != "-") return true;
      // -0 says that it is a list: the first name alone could begin an archive.
      if (!nul && is_archive()) return false;
      state->list = std::make_unique<PathList>("-", nul, stop);
      if (input != nullptr) state->list->begin_with(input->head(), input->at_end());
    }
  };
}

ImageSources image_sources(const ImageInputs& inputs, const clip::ImagePathsOptions& walk,
                           const clip::CancelToken* stop, ShardedList* list) {
  const auto& images = inputs.images;
  const bool standard_input =
      std::find(images.begin(), images.end(), kStandardInput) != images.end();
  clip::ImagePathsOptions options = walk;
  if (list != nullptr)
    options.takes = [list](const std::string& item) { return list->takes(item); };
  const auto input = std::make_shared<StandardInput>(stop);
  const auto looked_at = walk.archives == clip::Archives::kFiles ? nullptr : input;
  ImageSources sources(named_images(inputs, stop, looked_at), options, stop, input, standard_input);
  sources.deal_out(list);
  return sources;
}

clip::ImagePathsOptions walk_options(const ImageInputs& inputs, const clip::CancelToken* stop) {
  clip::ImagePathsOptions options;
  options.exclude = inputs.exclude;
  options.archives = clip::Archives::kRead;
  options.stop = stop;
  return options;
}

bool can_be_counted(const ImageInputs& inputs) {
  const bool list_can = inputs.list.empty() || clip::is_regular_file(inputs.list);
  return list_can && !reads_standard_input(inputs);
}

clip::ImagePaths counted_images(const ImageInputs& inputs, clip::ImagePathsOptions walk,
                                const clip::CancelToken* stop) {
  // An archive would be read twice.
  walk.archives = clip::Archives::kRefuse;
  return clip::ImagePaths(named_images(inputs, stop, nullptr), std::move(walk));
}

ImageCount::ImageCount(Make make, const clip::CancelToken* stop) {
  try {
    counter_ = std::thread([this, make = std::move(make), stop] {
      try {
        clip::ImagePaths paths = make();
        std::uint64_t count = 0;
        for (clip::ImageSource source; paths.next(&source); ++count) {
          if (stop_ || stop->cancelled() || !source.archive.empty()) return;
        }
        count_ = count;
        known_ = true;
      } catch (const std::exception&) {
        // The run itself meets the same error, and reports it.
      }
    });
  } catch (const std::system_error&) {
    // The system gives no more threads: the total stays unknown.
  }
}

ImageCount::~ImageCount() {
  stop_ = true;
  if (counter_.joinable()) counter_.join();
}

std::optional<std::uint64_t> ImageCount::total() const {
  if (!known_) return std::nullopt;
  return count_;
}

}  // namespace clip_cli
