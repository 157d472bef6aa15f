// What a model's file or files hold, whatever kind they are: tensors by the names that they are
// stored under, and documents that say what the tensors alone cannot. Nothing in a file is
// executed, and no tensor is copied: tensors are views into the mapped files. Immutable once it is
// opened; views are valid as long as the checkpoint.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "checkpoint/tensor.h"

namespace clip {

class Checkpoint {
 public:
  using Files = std::vector<std::shared_ptr<const MappedFile>>;

  // `path`: of the file, or of what names the files, for messages.
  Checkpoint(std::string path, Files files) : path_(std::move(path)), files_(std::move(files)) {}
  virtual ~Checkpoint() = default;
  Checkpoint(const Checkpoint&) = delete;
  Checkpoint& operator=(const Checkpoint&) = delete;

  const std::string& path() const { return path_; }
  // At least one; several where the weights are sharded.
  const Files& files() const { return files_; }

  virtual const char* format() const = 0;  // "TorchScript", "safetensors", ...
  // Whether the file holds code of its own, which an engine may run.
  virtual bool has_code() const { return false; }

  const std::map<std::string, Tensor>& tensors() const { return tensors_; }
  const Tensor* find(const std::string& name) const;  // null when there is none

  // By name: "clip.json", "open_clip_config.json". They are in the file, or beside it.
  const std::map<std::string, std::string_view>& documents() const { return documents_; }
  void add_document(const std::string& name, std::string text);

  // The value of a tensor with one element; throws Error when it is missing or not one.
  double scalar(const std::string& name) const;
  // The same, where it is a size.
  std::int64_t integer(const std::string& name) const;

  // Elements of all floating-point tensors but BatchNorm's running statistics, as PyTorch counts.
  std::int64_t parameter_count() const;

  // 64 hexadecimal digits that differ where tensors, or, `with_code`, any other contents do. It is
  // no matter of reading everything: it is made of the checksums in the file where it has some,
  // else of all small tensors and of samples of the large ones (sample_digest).
  virtual std::string content_digest(bool with_code) const = 0;

  struct Verified {
    std::vector<std::string> parts;    // what has a checksum of its own
    std::vector<std::string> damaged;  // those whose checksum is not that of their contents
  };
  // Reads everything and compares it with the checksums in the file. Without parts: it has none.
  virtual Verified verify() const = 0;

 protected:
  // For formats without checksums. All bytes of tensors of up to 64 KiB, such as biases and norms,
  // and 8 pieces of 512 bytes of every larger one: whatever trains a model changes each of these.
  std::string sample_digest() const;

  const std::string path_;
  const Files files_;
  std::map<std::string, Tensor> tensors_;
  std::map<std::string, std::string_view> documents_;
  std::deque<std::string> texts_;  // of documents that are not in a mapped file
};

// Opens a file by what it holds (formats.h), or a folder by the files in it (folder.h). Throws
// Error for one that is of no known kind, saying what it is instead where that can be seen
// (foreign.h), and for one that is damaged.
std::unique_ptr<Checkpoint> open_checkpoint(const std::string& path);

}  // namespace clip
