// What a model's file holds, whatever kind of file it is: tensors by the names that they are stored
// under, and documents that say what the tensors alone cannot. Nothing in the file is executed, and
// nothing is copied: tensors and documents are views into the mapped file. Immutable; views are
// valid as long as the checkpoint.
#pragma once

#include <cstdint>
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
  explicit Checkpoint(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {}
  virtual ~Checkpoint() = default;
  Checkpoint(const Checkpoint&) = delete;
  Checkpoint& operator=(const Checkpoint&) = delete;

  const std::string& path() const { return file_->path(); }
  const MappedFile& file() const { return *file_; }

  virtual const char* format() const = 0;  // "TorchScript"
  // Whether the file holds code of its own, which an engine may run.
  virtual bool has_code() const { return false; }

  const std::map<std::string, Tensor>& tensors() const { return tensors_; }
  const Tensor* find(const std::string& name) const;  // null when there is none

  // By name: "clip.json".
  const std::map<std::string, std::string_view>& documents() const { return documents_; }

  // The value of a tensor with one element; throws Error when it is missing or not one.
  double scalar(const std::string& name) const;
  // The same, where it is a size.
  std::int64_t integer(const std::string& name) const;

  // Elements of all floating-point tensors but BatchNorm's running statistics, as PyTorch counts.
  std::int64_t parameter_count() const;

  // 64 hexadecimal digits that differ where tensors, or, `with_code`, any other contents do. Made
  // of the checksums in the file where it has some, so that it is no matter of reading everything.
  virtual std::string content_digest(bool with_code) const = 0;

  struct Verified {
    std::vector<std::string> parts;    // what has a checksum of its own
    std::vector<std::string> damaged;  // those whose checksum is not that of their contents
  };
  // Reads everything and compares it with the checksums in the file.
  virtual Verified verify() const = 0;

 protected:
  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, Tensor> tensors_;
  std::map<std::string, std::string_view> documents_;
};

// Opens a file by what it holds (formats.h). Throws Error for one that is of no known kind, and for
// one that is damaged.
std::unique_ptr<Checkpoint> open_checkpoint(const std::string& path);

}  // namespace clip
