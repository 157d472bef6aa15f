#include "zip_writer.h"

#include <zlib.h>

#include <cstdint>

#include "support.h"

namespace clip_test {
namespace {

void put(std::string* out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i, value >>= 8) out->push_back(static_cast<char>(value));
}

}  // namespace

std::string zip(const Records& records) {
  std::string out, directory;
  for (const auto& [name, data] : records) {
    const auto crc = crc32(0, reinterpret_cast<const Bytef*>(data.data()), uInt(data.size()));
    const std::size_t header = out.size();
    const std::size_t extra = 4 + (64 - (header + 30 + name.size() + 4) % 64) % 64;
    std::string sizes;
    put(&sizes, crc, 4);
    put(&sizes, data.size(), 4);
    put(&sizes, data.size(), 4);
    put(&sizes, name.size(), 2);
    put(&out, 0x04034b50, 4);
    put(&out, 0, 10);
    out += sizes;
    put(&out, extra, 2);
    out += name;
    put(&out, 0x4246, 2);  // "FB", torch's padding field
    put(&out, extra - 4, 2);
    out += std::string(extra - 4, 'Z');
    out += data;

    put(&directory, 0x02014b50, 4);
    put(&directory, 0, 12);
    directory += sizes;
    put(&directory, 0, 12);
    put(&directory, header, 4);
    directory += name;
  }
  const std::size_t start = out.size();
  out += directory;
  put(&out, 0x06054b50, 4);
  put(&out, 0, 4);
  put(&out, records.size(), 2);
  put(&out, records.size(), 2);
  put(&out, directory.size(), 4);
  put(&out, start, 4);
  put(&out, 0, 2);
  return out;
}

std::string write_file(const std::string& name, const std::string& bytes) {
  static const TemporaryFolder folder;
  return folder.write(name, bytes);
}

}  // namespace clip_test
