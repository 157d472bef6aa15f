#include "checkpoint/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "base/byte_reader.h"
#include "clip/error.h"

namespace clip {
namespace {

constexpr std::uint64_t kMaxHeader = 100'000'000;  // of the reference reader
constexpr std::uint64_t kLengthSize = 8;
constexpr std::uint64_t kMaxPlausible = std::uint64_t{1} << 40;  // text begins with larger numbers
constexpr std::size_t kMaxTensors = 100'000;
constexpr std::size_t kMaxRank = 16;
constexpr const char* kMetadata = "__metadata__";

struct Dtype {
  const char* name;
  TensorType type;
};

constexpr Dtype kDtypes[] = {
    {"F32", TensorType::kFloat32}, {"F16", TensorType::kFloat16}, {"BF16", TensorType::kBFloat16},
    {"F64", TensorType::kFloat64}, {"I64", TensorType::kInt64},   {"I32", TensorType::kInt32},
    {"I16", TensorType::kInt16},   {"I8", TensorType::kInt8},     {"U8", TensorType::kUInt8},
    {"BOOL", TensorType::kBool},
};

struct Entry {
  std::optional<TensorType> type;
  std::optional<Shape> shape;
  std::optional<std::vector<std::uint64_t>> offsets;
};

// Takes the header's values as the parser finds them, so that no tree of a header of megabytes is
// ever built. What is not as the format has it ends the parsing, with a reason.
class Header : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Header(std::map<std::string, Entry>* entries) : entries_(*entries) {}

  const std::string& problem() const { return problem_; }

  bool start_object(std::size_t) override {
    if (++depth_ > 2 || in_array_) return refuse("it nests objects where none belong");
    if (depth_ == 2 && !metadata_) entry_ = {};
    return true;
  }

  bool key(std::string& name) override {
    if (depth_ == 1) {
      metadata_ = name == kMetadata;
      if (metadata_) {
        if (seen_metadata_) return refuse("it has __metadata__ twice");
        seen_metadata_ = true;
      } else if (entries_.size() >= kMaxTensors) {
        return refuse(fmt::format("it has more than {} tensors", kMaxTensors));
      } else if (entries_.count(name) > 0) {
        return refuse(fmt::format("it names the tensor {} twice", name));
      }
      name_ = name;
    }
    field_ = name;
    return true;
  }

  bool string(std::string& value) override {
    if (depth_ != 2 || in_array_) return refuse_value();
    if (metadata_) return true;
    if (field_ != "dtype" || entry_.type) return refuse_value();
    for (const Dtype& known : kDtypes) {
      if (value == known.name) {
        entry_.type = known.type;
        return true;
      }
    }
    std::string names;
    for (const Dtype& known : kDtypes) {
      names += fmt::format("{}{}", names.empty() ? "" : ", ", known.name);
    }
    return refuse(
        fmt::format("the tensor {} has type {}, which is none of {}", name_, value, names));
  }

  bool start_array(std::size_t) override {
    if (depth_ != 2 || in_array_ || metadata_) return refuse_value();
    if (field_ == "shape" ? entry_.shape.has_value()
                          : field_ != "data_offsets" || entry_.offsets.has_value()) {
      return refuse_value();
    }
    in_array_ = true;
    numbers_.clear();
    return true;
  }

  bool number_unsigned(std::uint64_t value) override {
    if (!in_array_ || numbers_.size() >= kMaxRank) return refuse_value();
    numbers_.push_back(value);
    return true;
  }

  bool end_array() override {
    in_array_ = false;
    if (field_ == "data_offsets") {
      if (numbers_.size() != 2) return refuse_value();
      entry_.offsets = numbers_;
      return true;
    }
    Shape shape;
    for (const std::uint64_t size : numbers_) {
      if (size > static_cast<std::uint64_t>(INT64_MAX)) return refuse_value();
      shape.push_back(static_cast<std::int64_t>(size));
    }
    entry_.shape = std::move(shape);
    return true;
  }

  bool end_object() override {
    if (depth_-- != 2 || metadata_) return true;
    if (!entry_.type || !entry_.shape || !entry_.offsets) {
      return refuse(fmt::format("the tensor {} lacks dtype, shape or data_offsets", name_));
    }
    entries_.emplace(name_, std::move(entry_));
    return true;
  }

  bool null() override { return refuse_value(); }
  bool boolean(bool) override { return refuse_value(); }
  bool number_integer(std::int64_t) override { return refuse_value(); }
  bool number_float(double, const std::string&) override { return refuse_value(); }
  bool binary(nlohmann::json::binary_t&) override { return refuse_value(); }

  bool parse_error(std::size_t at, const std::string&, const nlohmann::json::exception&) override {
    return refuse(fmt::format("it is no valid JSON (at byte {})", kLengthSize + at));
  }

 private:
  bool refuse(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
    return false;
  }
  bool refuse_value() {
    return refuse(depth_ < 2 ? std::string("it is no object of objects")
                             : fmt::format("{} of {} is not what the format has there", field_,
                                           metadata_ ? kMetadata : name_));
  }

  std::map<std::string, Entry>& entries_;
  int depth_ = 0;
  bool in_array_ = false, metadata_ = false, seen_metadata_ = false;
  std::string name_, field_;
  Entry entry_;
  std::vector<std::uint64_t> numbers_;
  std::string problem_;
};

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::kCorrupt, what);
}

// Bytes of a tensor, or nothing where that is more than fits 63 bits.
std::optional<std::uint64_t> byte_count(TensorType type, const Shape& shape) {
  std::int64_t count = static_cast<std::int64_t>(size_of(type));
  bool overflow = false, empty = false;
  for (const std::int64_t size : shape) {
    empty = empty || size == 0;
    // A size of 0 hides no others: who multiplies them may begin at any end.
    overflow = overflow || __builtin_mul_overflow(count, std::max<std::int64_t>(size, 1), &count);
  }
  if (overflow) return std::nullopt;
  return empty ? 0 : static_cast<std::uint64_t>(count);
}

Shape row_major(const Shape& shape) {
  Shape strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) {
    strides[i - 1] = strides[i] * std::max<std::int64_t>(shape[i], 1);
  }
  return strides;
}

class Safetensors : public Checkpoint {
 public:
  explicit Safetensors(const std::shared_ptr<const MappedFile>& file)
      : Checkpoint(file->path(), {file}) {
    try {
      read();
    } catch (const Error& error) {
      throw error.within(fmt::format("cannot read the weights of {}", path()));
    }
    release_pages(files_[0]->data(), files_[0]->size());
  }

  const char* format() const override { return "safetensors"; }

  std::string content_digest(bool) const override { return sample_digest(); }

  // The format has no checksums.
  Verified verify() const override { return {}; }

 private:
  void read() {
    const std::string_view bytes = files_[0]->bytes();
    const ByteReader reader(bytes, /*big_endian=*/false);
    const std::uint64_t length = reader.u64(0);
    if (length > kMaxHeader) {
      throw Error(ErrorCode::kLimit, fmt::format("its header has {} bytes, more than the {} that "
                                                 "the format allows",
                                                 length, kMaxHeader));
    }
    if (!reader.holds(kLengthSize, length)) {
      refuse(fmt::format("it is cut short: its header has {} bytes, the file {}", length,
                         bytes.size()));
    }
    const std::string_view header = bytes.substr(kLengthSize, length);
    std::map<std::string, Entry> entries;
    Header handler(&entries);
    if (!nlohmann::json::sax_parse(header.begin(), header.end(), &handler)) {
      refuse(fmt::format("its header is damaged: {}",
                         handler.problem().empty() ? "it is no object" : handler.problem()));
    }
    const std::string_view data = bytes.substr(kLengthSize + length);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> places;
    for (const auto& [name, entry] : entries) {
      const std::uint64_t begin = (*entry.offsets)[0], end = (*entry.offsets)[1];
      const auto size = byte_count(*entry.type, *entry.shape);
      if (end > data.size()) {
        refuse(fmt::format("it is cut short: the tensor {} ends at byte {} of {}", name, end,
                           data.size()));
      }
      if (begin > end || !size || *size != end - begin) {
        refuse(fmt::format("the tensor {} of shape {} and type {} cannot lie at bytes {} to {}",
                           name, to_string(*entry.shape), name_of(*entry.type), begin, end));
      }
      if (begin < end) places.emplace_back(begin, end);
      tensors_.emplace(name, Tensor{*entry.type, *entry.shape, row_major(*entry.shape),
                                    reinterpret_cast<const std::byte*>(data.data()) + begin});
    }
    std::sort(places.begin(), places.end());
    std::uint64_t covered = 0;
    for (const auto& [begin, end] : places) {
      if (begin != covered) {
        refuse(fmt::format("bytes {} to {} of its tensors belong to {}", std::min(begin, covered),
                           std::max(begin, covered), begin < covered ? "two of them" : "none"));
      }
      covered = end;
    }
    if (covered != data.size()) {
      refuse(fmt::format("{} bytes behind its tensors belong to none", data.size() - covered));
    }
  }
};

}  // namespace

bool is_safetensors(std::string_view bytes) {
  const ByteReader reader(bytes, /*big_endian=*/false);
  if (!reader.holds(0, kLengthSize + 2)) return false;
  const std::uint64_t length = reader.u64(0);
  return length >= 2 && length <= kMaxPlausible && bytes[kLengthSize] == '{';
}

std::unique_ptr<Checkpoint> open_safetensors(std::shared_ptr<const MappedFile> file) {
  return std::make_unique<Safetensors>(file);
}

}  // namespace clip
