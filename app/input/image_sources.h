// The images that a run is about, one source at a time: files, those in folders and in archives
// (clip/image_paths.h), URLs (image_urls.h), and an image or an archive on standard input.
#pragma once

#include <memory>
#include <string>

#include "clip/cancel.h"
#include "clip/image_paths.h"
#include "input/standard_input.h"
#include "pipeline/archive_images.h"

namespace clip_cli {

class ImageSources {
 public:
  // `input`: what reads standard input; where `next_named` ends, and `input` has an archive whose
  // turn it is, that comes next, and then `next_named` is asked again. `image`: the name "-" stands
  // for an image there, else for the file of that name. `stop` outlives the sources.
  ImageSources(clip::ImagePaths::NextNamed next_named, const clip::ImagePathsOptions& walk,
               const clip::CancelToken* stop, std::shared_ptr<StandardInput> input, bool image);

  // False when there are no more, and once `stop` is cancelled.
  bool next(clip::ImageSource* source);

  // Files of folders that were left out so far. Not while a thread is in next().
  clip::LeftOut left_out() const;

 private:
  bool next_in_archive(clip::ImageSource* source);
  void begin_archive();

  clip::ImagePaths paths_;
  const clip::ImagePathsOptions walk_;
  const clip::CancelToken* stop_;
  std::shared_ptr<StandardInput> input_;
  bool image_;
  std::unique_ptr<clip::ArchiveImages> archive_;  // on standard input, while it is read
  clip::LeftOut left_out_;                        // of it
};

}  // namespace clip_cli
