// Bytes that come one after the other: of a file, a pipe, what is decompressed of another. For one
// thread at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

namespace clip {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Up to `size` bytes, at least one of them but at the end. Throws Error that says what cannot be
  // read.
  virtual std::size_t read(char* to, std::size_t size) = 0;

  // Passes over as many bytes without reading them. False where that cannot be done, and then
  // nothing is passed over.
  virtual bool skip(std::uint64_t) { return false; }
};

// What has been read of a source, and then the rest of it.
class ResumedSource : public ByteSource {
 public:
  ResumedSource(std::string head, std::unique_ptr<ByteSource> rest)
      : head_(std::move(head)), rest_(std::move(rest)) {}

  std::size_t read(char* to, std::size_t size) override {
    if (at_ == head_.size()) return rest_->read(to, size);
    const std::size_t count = std::min(size, head_.size() - at_);
    std::memcpy(to, head_.data() + at_, count);
    at_ += count;
    return count;
  }
  bool skip(std::uint64_t count) override { return at_ == head_.size() && rest_->skip(count); }

 private:
  const std::string head_;
  std::size_t at_ = 0;
  const std::unique_ptr<ByteSource> rest_;
};

}  // namespace clip
