#include "archive/decompress_module/entry.h"

#include <archive.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "clip/error.h"

namespace clip {
namespace {

struct Free {
  void operator()(struct archive* made) const { ::archive_read_free(made); }
};
using Archive = std::unique_ptr<struct archive, Free>;

class Decompressed : public ByteSource {
 public:
  explicit Decompressed(std::unique_ptr<ByteSource> compressed)
      : compressed_(std::move(compressed)), buffer_(kBuffer), archive_(::archive_read_new()) {
    if (archive_ == nullptr) throw std::bad_alloc();
    for (const auto support :
         {::archive_read_support_filter_gzip, ::archive_read_support_filter_bzip2,
          ::archive_read_support_filter_xz, ::archive_read_support_filter_zstd,
          ::archive_read_support_filter_lz4, ::archive_read_support_filter_lzip,
          ::archive_read_support_filter_compress}) {
      // What libarchive was built without, it would start a program for.
      const Archive probe(::archive_read_new());
      if (support(probe.get()) == ARCHIVE_OK) support(archive_.get());
    }
    ::archive_read_support_format_raw(archive_.get());
  }

  std::size_t read(char* to, std::size_t size) override {
    if (!opened_) open();
    // Block by block: archive_read_data would lose those in front of one that is damaged.
    while (left_ == 0 && !ended_) {
      la_int64_t offset = 0;
      const void* block = nullptr;
      const int outcome = ::archive_read_data_block(archive_.get(), &block, &left_, &offset);
      if (outcome != ARCHIVE_OK && outcome != ARCHIVE_EOF) fail();
      ended_ = outcome == ARCHIVE_EOF;
      if (ended_) left_ = 0;
      block_ = static_cast<const char*>(block);
    }
    const std::size_t count = std::min(size, left_);
    if (count == 0) return 0;
    std::memcpy(to, block_, count);
    block_ += count;
    left_ -= count;
    return count;
  }

 private:
  static constexpr std::size_t kBuffer = std::size_t{256} << 10;

  static la_ssize_t read_compressed(struct archive*, void* self, const void** bytes) {
    auto* const from = static_cast<Decompressed*>(self);
    *bytes = from->buffer_.data();
    // No exception may pass through C.
    try {
      return static_cast<la_ssize_t>(
          from->compressed_->read(from->buffer_.data(), from->buffer_.size()));
    } catch (const Error& error) {
      from->error_ = error;
    } catch (const std::exception& error) {
      from->error_ = Error(ErrorCode::kInternal, error.what());
    }
    return -1;
  }

  void open() {
    opened_ = true;
    struct archive_entry* entry = nullptr;
    if (::archive_read_open(archive_.get(), this, nullptr, read_compressed, nullptr) !=
            ARCHIVE_OK ||
        ::archive_read_next_header(archive_.get(), &entry) < ARCHIVE_WARN) {
      fail();
    }
  }

  [[noreturn]] void fail() {
    ended_ = true;
    left_ = 0;
    if (error_) throw *error_;
    const char* const said = ::archive_error_string(archive_.get());
    throw Error(ErrorCode::kCorrupt, fmt::format("it is damaged, or cut short: libarchive says: {}",
                                                 said != nullptr ? said : "nothing"));
  }

  const std::unique_ptr<ByteSource> compressed_;
  std::vector<char> buffer_;
  const Archive archive_;
  const char* block_ = nullptr;  // what libarchive has decompressed
  std::size_t left_ = 0;         // of it
  std::optional<Error> error_;   // of the source
  bool opened_ = false, ended_ = false;
};

}  // namespace
}  // namespace clip

extern "C" __attribute__((visibility("default"))) clip::ByteSource* clip_decompress_entry(
    std::unique_ptr<clip::ByteSource> compressed) {
  return new clip::Decompressed(std::move(compressed));
}
