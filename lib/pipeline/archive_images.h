// The images in a tar archive, one source at a time, in the order of its members. Their bytes are
// read here; a source hands its own out to the thread that decodes it, so that no more of them are
// in memory than are being decoded, and those of one sample.
//
// Members are samples as in webdatasets: those that follow each other and have the same key, which
// is the name up to the first dot behind the last slash. A sample's KEY.txt, KEY.cls and KEY.json,
// before or behind its image, are the texts of all its images. Archives that are no webdataset are
// read the same way. A sample that holds more than kMaxSampleImages images, or kMaxSampleBytes of
// them, is several: memory is bounded whatever members are called.
//
// An image is a member that is called like one or begins like one. Excluded are, as in folders
// (pipeline/folder_walk.h), hidden members and folders, and what patterns exclude. An image that is
// a link is an error: what a link names is never looked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/byte_source.h"
#include "archive/tar_reader.h"
#include "clip/cancel.h"
#include "clip/image_paths.h"
#include "clip/image_source.h"
#include "pipeline/ignore_patterns.h"

namespace clip {

constexpr std::size_t kMaxSampleImages = 16;
constexpr std::uint64_t kMaxSampleBytes = std::uint64_t{64} << 20;
constexpr std::uint64_t kMaxMemberBytes = std::uint64_t{1} << 30;  // of an image
constexpr std::uint64_t kMaxTextBytes = std::uint64_t{4} << 20;

struct ArchiveImagesOptions {
  std::vector<std::string> exclude;   // patterns, relative to the archive's root
  FileState state;                    // of the archive
  const CancelToken* stop = nullptr;  // ends the reading
};

class ArchiveImages {
 public:
  // `bytes`: all of the archive, compressed or not; their Errors of the codes kIo and kCancelled say
  // what cannot be read. `name`: what it is called. Throws Error where its first bytes cannot be
  // read, and (kUnsupported) where it is compressed and libarchive cannot be loaded.
  ArchiveImages(std::unique_ptr<ByteSource> bytes, std::string name,
                const ArchiveImagesOptions& options);
  ~ArchiveImages();

  // A source with an image's bytes and texts, or with an error: of a member, or of the archive,
  // which has no more then. False at the end.
  bool next(ImageSource* source);

  // Members that are images of kinds that cannot be read.
  const LeftOut& left_out() const { return left_out_; }

 private:
  void read_member();
  void take_text(const TarMember& member, std::string_view suffix);
  void take_file(const TarMember& member);
  void add(const std::string& member, std::string bytes);
  void add_error(const std::string& member, const Error& error);
  void begin_sample(std::string_view key);
  void end_sample();
  void hand_out();
  bool is_excluded(std::string_view name) const;
  ImageSource source_of(const std::string& member) const;

  const std::string name_;
  const FileState state_;
  IgnorePatterns exclude_;
  TarReader reader_;
  LeftOut left_out_;

  // Of the sample that is being read.
  std::string key_;
  SampleTexts texts_;
  std::optional<Error> texts_error_;
  std::vector<ImageSource> images_;
  std::uint64_t image_bytes_ = 0;

  std::deque<ImageSource> ready_;
  bool ended_ = false;
};

// Where an archive's images cannot be used as such.
Error refused_archive(const std::string& name);

}  // namespace clip
