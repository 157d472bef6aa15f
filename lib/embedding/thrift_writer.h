// Thrift's compact protocol, as far as the headers of Parquet files need it: structs of numbers,
// texts, structs, and lists of these. Fields come in the order of their numbers.
// https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace clip {

// Seven bits a byte, the lowest first (ULEB128).
inline void append_varint(std::string* bytes, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) *bytes += static_cast<char>(number | 0x80);
  *bytes += static_cast<char>(number);
}

class ThriftWriter {
 public:
  enum Type { kInt32 = 5, kInt64 = 6, kBinary = 8, kList = 9, kStruct = 12 };

  // Fields of the struct that is open; at first that is the outermost one.
  void number(int field, std::int32_t value) {
    begin_field(field, kInt32);
    signed_number(value);
  }
  void number(int field, std::int64_t value) {
    begin_field(field, kInt64);
    signed_number(value);
  }
  void text(int field, std::string_view value) {
    begin_field(field, kBinary);
    element(value);
  }
  void begin_struct(int field) {
    begin_field(field, kStruct);
    begin_element();
  }
  void end_struct() {
    bytes_ += '\0';
    last_field_.pop_back();
  }

  // A field that is a list; its elements follow.
  void begin_list(int field, Type type, std::size_t count) {
    begin_field(field, kList);
    if (count < 15) {
      bytes_ += static_cast<char>(count << 4 | static_cast<std::size_t>(type));
    } else {
      bytes_ += static_cast<char>(0xf0 | type);
      append_varint(&bytes_, count);
    }
  }
  void begin_element() { last_field_.push_back(0); }  // a struct, up to end_struct()
  void element(std::int32_t value) { signed_number(value); }
  void element(std::string_view value) {
    append_varint(&bytes_, value.size());
    bytes_ += value;
  }

  // Ends the outermost struct, and gives all.
  std::string finish() {
    end_struct();
    return std::move(bytes_);
  }

 private:
  void begin_field(int field, Type type) {
    const int step = field - last_field_.back();
    if (step > 0 && step <= 15) {
      bytes_ += static_cast<char>(step << 4 | type);
    } else {
      bytes_ += static_cast<char>(type);
      signed_number(field);
    }
    last_field_.back() = field;
  }
  // Zigzag: 0, -1, 1, -2 as 0, 1, 2, 3.
  void signed_number(std::int64_t value) {
    append_varint(&bytes_,
                  static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
  }

  std::string bytes_;
  std::vector<int> last_field_ = {0};
};

}  // namespace clip
