// The images that a run is about, one source at a time: files and those in folders
// (clip/image_paths.h), URLs (image_urls.h), and an image on standard input.
#pragma once

#include <string>

#include "clip/cancel.h"
#include "clip/image_paths.h"
#include "input/shard.h"

namespace clip_cli {

// What an image on standard input is called among those that are named.
inline constexpr const char* kStandardInput = "-";

class ImageSources {
 public:
  // `standard_input`: the name "-" stands for an image there, else for the file of that name.
  // `stop` outlives the sources.
  ImageSources(clip::ImagePaths::NextNamed next_named, const clip::ImagePathsOptions& walk,
               const clip::CancelToken* stop, bool standard_input = false);

  // The list that takes some of the images, in `walk`, is told of each that is given; it outlives
  // the sources.
  void deal_out(ShardedList* list) { list_ = list; }

  // False when there are no more, and once `stop` is cancelled.
  bool next(clip::ImageSource* source);

  // Shows all that are left to the list, which takes none of them.
  void pass_over_rest();

  // Files of folders that were left out so far. Not while a thread is in next().
  const clip::LeftOut& left_out() const { return paths_.left_out(); }

 private:
  clip::ImagePaths paths_;
  const clip::CancelToken* stop_;
  bool standard_input_;
  ShardedList* list_ = nullptr;  // null: all are taken
};

}  // namespace clip_cli
