#include "base/ready_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "clip/error.h"

namespace clip {
namespace {

// The file begins with these 64 bytes, in the processor's order of bytes (another order is another
// version), then the key, the note, and the pieces of ReadyHeader.
struct Fixed {
  char magic[8];
  std::uint64_t version, file_size, key_size, note_size, piece_count;
  std::uint64_t digest;  // of all other bytes of the header
  std::uint64_t unused;
};
constexpr char kMagic[8] = {'C', 'L', 'I', 'P', 'r', 'd', 'y', '\n'};
constexpr std::uint64_t kVersion = 1;
constexpr std::uint64_t kMaxText = 1 << 16, kMaxPieces = 1 << 20;

// Large contents begin where a huge page could.
constexpr std::uint64_t kHugePage = std::uint64_t{2} << 20, kPage = 4096;
constexpr std::uint64_t kPieceUnit = 64;

std::uint64_t rounded_up(std::uint64_t size, std::uint64_t unit) {
  return (size + unit - 1) / unit * unit;
}

// The whole header as bytes, its digest set.
std::string header_bytes(const ReadyHeader& header) {
  Fixed fixed = {};
  std::memcpy(fixed.magic, kMagic, sizeof(kMagic));
  fixed.version = kVersion;
  fixed.file_size = header.file_size;
  fixed.key_size = header.key.size();
  fixed.note_size = header.note.size();
  fixed.piece_count = header.pieces.size();
  std::string bytes(sizeof(fixed), '\0');
  bytes += header.key + header.note;
  bytes.append(reinterpret_cast<const char*>(header.pieces.data()),
               header.pieces.size() * sizeof(ReadyHeader::Piece));
  std::memcpy(bytes.data(), &fixed, sizeof(fixed));
  fixed.digest = fnv_hash(bytes.data(), bytes.size());
  std::memcpy(bytes.data(), &fixed, sizeof(fixed));
  return bytes;
}

std::unique_ptr<ReadyHeader> parse_header(std::string_view bytes) {
  Fixed fixed;
  if (bytes.size() < sizeof(fixed)) return nullptr;
  std::memcpy(&fixed, bytes.data(), sizeof(fixed));
  if (std::memcmp(fixed.magic, kMagic, sizeof(kMagic)) != 0 || fixed.version != kVersion ||
      fixed.file_size != bytes.size() || fixed.key_size > kMaxText || fixed.note_size > kMaxText ||
      fixed.piece_count > kMaxPieces) {
    return nullptr;
  }
  const std::uint64_t texts = fixed.key_size + fixed.note_size;
  const std::uint64_t size = sizeof(fixed) + texts + fixed.piece_count * sizeof(ReadyHeader::Piece);
  if (size > bytes.size()) return nullptr;
  auto header = std::make_unique<ReadyHeader>();
  header->key = bytes.substr(sizeof(fixed), fixed.key_size);
  header->note = bytes.substr(sizeof(fixed) + fixed.key_size, fixed.note_size);
  header->file_size = fixed.file_size;
  header->pieces.resize(fixed.piece_count);
  if (fixed.piece_count > 0) {
    std::memcpy(header->pieces.data(), bytes.data() + sizeof(fixed) + texts,
                fixed.piece_count * sizeof(ReadyHeader::Piece));
  }
  // As it would be written: all of it, digest included.
  if (header_bytes(*header) != bytes.substr(0, size)) return nullptr;
  for (const ReadyHeader::Piece& piece : header->pieces) {
    if (piece.begin < size || piece.begin % kPieceUnit != 0 || piece.begin > bytes.size() ||
        piece.size > bytes.size() - piece.begin) {
      return nullptr;
    }
  }
  return header;
}

// Null where there is no file that can be read: what it holds is never missed.
std::unique_ptr<MappedFile> map(const std::string& path) {
  try {
    return std::make_unique<MappedFile>(path);
  } catch (const Error&) {
    return nullptr;
  }
}

// A file beside `path` that is removed unless it takes that name.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& path) : path_(path), name_(path + ".XXXXXX") {
    file_ = Descriptor(::mkostemp(name_.data(), O_CLOEXEC));
    if (!file_.valid()) throw file_error("write", path_, errno);
    ::fchmod(file_.get(), 0644);
  }
  ~TemporaryFile() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(std::uint64_t offset, const void* data, std::size_t size) {
    if (!write_all_at(file_.get(), offset, data, size)) throw file_error("write", path_, errno);
  }

  void set_size(std::uint64_t size) {
    if (::ftruncate(file_.get(), static_cast<off_t>(size)) != 0) {
      throw file_error("write", path_, errno);
    }
  }

  void take_name() {
    if (::fsync(file_.get()) != 0 || ::rename(name_.c_str(), path_.c_str()) != 0) {
      throw file_error("write", path_, errno);
    }
    name_.clear();
  }

 private:
  std::string path_, name_;
  Descriptor file_;
};

}  // namespace

std::unique_ptr<ReadyHeader> read_ready_header(const std::string& path) {
  const auto file = map(path);
  return file == nullptr ? nullptr : parse_header(file->bytes());
}

std::uint64_t fnv_hash(const void* data, std::size_t size, std::uint64_t hash) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  for (std::size_t i = 0; i < size; ++i) hash = (hash ^ bytes[i]) * 1099511628211U;
  return hash;
}

std::string ReadyHeader::value(const std::string& name) const {
  const std::size_t line = ("\n" + key).find("\n" + name + " ");
  if (line == std::string::npos) return "";
  const std::size_t begin = line + name.size() + 1;
  return key.substr(begin, key.find('\n', begin) - begin);
}

std::unique_ptr<ReadyFile> ReadyFile::open(const std::string& path, const std::string& key,
                                           bool* found) {
  auto file = map(path);
  if (found != nullptr) *found = file != nullptr;
  if (file == nullptr) return nullptr;
  auto header = parse_header(file->bytes());
  if (header == nullptr || header->key != key) return nullptr;
  return std::unique_ptr<ReadyFile>(new ReadyFile(std::move(*header), std::move(file)));
}

void ReadyFile::write(const std::string& path, const std::string& key, const std::string& note,
                      const std::vector<NewPiece>& pieces) {
  ReadyHeader header;
  header.key = key;
  header.note = note.substr(0, kMaxText);
  header.pieces.resize(pieces.size());
  std::uint64_t size = 0;
  for (const NewPiece& piece : pieces) size += piece.size;
  const std::uint64_t begin =
      rounded_up(header_bytes(header).size(), size >= kHugePage ? kHugePage : kPage);
  std::uint64_t end = begin;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    header.pieces[i] = {pieces[i].kind, end, pieces[i].size};
    end = rounded_up(end + pieces[i].size, kPieceUnit);
  }
  header.file_size = end;

  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::filesystem::create_directories(folder, error);
  if (error) throw file_error("make the folder", folder.string(), error.value());
  TemporaryFile file(path);
  const std::string bytes = header_bytes(header);
  file.write(0, bytes.data(), bytes.size());
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    file.write(header.pieces[i].begin, pieces[i].data, pieces[i].size);
  }
  file.set_size(end);  // the last piece may end before the file does
  file.take_name();
}

}  // namespace clip
