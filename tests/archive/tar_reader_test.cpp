#include "archive/tar_reader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

#include "archive/archive_kind.h"
#include "archive/pax_records.h"
#include "support.h"

using namespace clip;
using namespace clip_test;

namespace {

class Text : public ByteSource {
 public:
  explicit Text(std::string text) : text_(std::move(text)) {}
  std::size_t read(char* to, std::size_t size) override {
    const std::size_t count = std::min(size, text_.size() - at_);
    std::memcpy(to, text_.data() + at_, count);
    at_ += count;
    return count;
  }

 private:
  const std::string text_;
  std::size_t at_ = 0;
};

class Failing : public ByteSource {
 public:
  std::size_t read(char*, std::size_t) override { throw Error(ErrorCode::kIo, "a bad sector"); }
};

std::string octal(std::uint64_t number, std::size_t digits) {
  std::string text(digits, '0');
  for (std::size_t i = digits; i-- > 0 && number > 0; number >>= 3) {
    text[i] = static_cast<char>('0' + (number & 7));
  }
  return text;
}

std::string header(const std::string& name, std::uint64_t size, char type = '0') {
  std::string block(kTarBlock, '\0');
  block.replace(0, name.size(), name);
  block.replace(100, 7, "0000644");
  block.replace(124, 11, octal(size, 11));
  block[156] = type;
  block.replace(257, 8,
                std::string("ustar\0"
                            "00",
                            8));
  block.replace(148, 8, "        ");
  unsigned sum = 0;
  for (const char byte : block) sum += static_cast<unsigned char>(byte);
  block.replace(148, 8, octal(sum, 6) + std::string("\0 ", 2));
  return block;
}

std::string file(const std::string& name, std::string bytes) {
  std::string text = header(name, bytes.size());
  bytes.resize((bytes.size() + kTarBlock - 1) / kTarBlock * kTarBlock);
  return text + bytes;
}

const std::string kEnd(2 * kTarBlock, '\0');

// Names and bytes; errors as "! message".
std::vector<std::string> members(const std::string& archive) {
  TarReader reader(std::make_unique<Text>(archive));
  std::vector<std::string> found;
  for (TarMember member; reader.next(&member);) {
    if (member.error) {
      found.push_back(std::string("! ") + member.error->what());
    } else {
      found.push_back(member.name + ": " + reader.read_rest());
    }
  }
  return found;
}

using Members = std::vector<std::string>;

}  // namespace

TEST_CASE("numbers of headers are octal or in base 256") {
  using namespace std::string_view_literals;
  CHECK(tar_number("0000644\0"sv) == 0644U);
  CHECK(tar_number("   12 \0"sv) == 10U);
  CHECK(tar_number(""sv) == 0U);
  CHECK(tar_number("\0\0\0\0"sv) == 0U);
  CHECK(tar_number("777777777777"sv) == 0777777777777U);
  CHECK(tar_number("\x80\0\0\0\x01\0"sv) == 256U);
  CHECK(tar_number("\x80\x7f\xff\xff\xff\xff\xff\xff\xff"sv) == 0x7fffffffffffffffU);
  CHECK_FALSE(tar_number("\x80\x80\xff\xff\xff\xff\xff\xff\xff"sv));
  CHECK_FALSE(tar_number("\xff\xff\xff\xff\xff"sv));
  CHECK_FALSE(tar_number("12x"sv));
  CHECK_FALSE(tar_number("-1"sv));
  CHECK_FALSE(tar_number("9"sv));
}

TEST_CASE("members come with their bytes, and what is not read of one is passed over") {
  CHECK(members(file("a", "one") + file("b", std::string(2000, 'x')) + file("c", "") + kEnd) ==
        Members{"a: one", "b: " + std::string(2000, 'x'), "c: "});
  TarReader reader(
      std::make_unique<Text>(file("a", std::string(5000, 'x')) + file("b", "two") + kEnd));
  TarMember member;
  CHECK(reader.next(&member));
  char bytes[3];
  CHECK(reader.read(bytes, 3) == 3);
  CHECK(reader.next(&member));
  CHECK(member.name == "b");
  CHECK(reader.read_rest() == "two");
  CHECK_FALSE(reader.next(&member));
  CHECK_FALSE(reader.next(&member));
}

TEST_CASE("behind the end mark comes another archive, or nothing") {
  const std::string one = file("a", "1") + kEnd, two = file("b", "2") + kEnd;
  CHECK(members(one + two) == Members{"a: 1", "b: 2"});
  CHECK(members(one + std::string(9 * kTarBlock, '\0') + two) == Members{"a: 1", "b: 2"});
  CHECK(members(one + std::string(3000, 'j')) == Members{"a: 1"});
  CHECK(members(one + std::string(3 * kTarBlock, 'j') + two) == Members{"a: 1", "b: 2"});
  // A lone block of zeros is an end, and no excuse for what is damaged behind it.
  CHECK(members(file("a", "1") + std::string(kTarBlock, '\0')) == Members{"a: 1"});
  CHECK(members(file("a", "1") + std::string(kTarBlock, '\0') + std::string(kTarBlock, 'j'))[1] ==
        "! a member's header is damaged, and no other one follows");
}

TEST_CASE("links, folders and devices have no bytes, whatever their headers say") {
  for (const char type : {'1', '2', '3', '4', '5', '6'}) {
    const std::string archive = header("x", 4000, type) + file("b", "2") + kEnd;
    CHECK(members(archive) == Members{"x: ", "b: 2"});
  }
}

TEST_CASE("a source that fails is the end, and its error") {
  TarReader reader(std::make_unique<Failing>());
  TarMember member;
  REQUIRE(reader.next(&member));
  REQUIRE(member.error);
  CHECK(member.is_damage);
  CHECK(member.error->code() == ErrorCode::kIo);
  CHECK(std::string(member.error->what()) == "a bad sector");
  CHECK_FALSE(reader.next(&member));
}

TEST_CASE("pax records count from the last to the first, and an empty value takes back") {
  PaxRecords records;
  CHECK(records.add("10 path=a\n11 size=12\n13 linkpath=\n"));
  CHECK(records.path == std::string("a"));
  CHECK(records.size == std::uint64_t{12});
  CHECK_FALSE(records.link);
  CHECK(records.add("8 path=\n"));
  CHECK_FALSE(records.path);
  for (const char* wrong : {"10 path=a", "11 path=a\n", "path=a\n", " ", "9 =abcde\n", "0 a=b\n",
                            "12 size=12x\n", "28 size=9223372036854775808\n"}) {
    CAPTURE(wrong);
    CHECK_FALSE(records.add(wrong));
  }
}

TEST_CASE("an archive is known by its first bytes, as soon as they tell") {
  using namespace std::string_view_literals;
  const std::string tar = file("a.jpg", "bytes") + kEnd;
  CHECK(archive_kind(tar) == ArchiveKind::kTar);
  CHECK(archive_kind(std::string(512, '\0')) == ArchiveKind::kTar);
  CHECK(archive_kind("\x1f\x8b\x08 and so on"sv) == ArchiveKind::kCompressed);
  CHECK(archive_kind("BZh91AY&SY and so on") == ArchiveKind::kCompressed);
  CHECK(archive_kind("BZh9 is a name") == ArchiveKind::kNone);
  CHECK(archive_kind("a.jpg\n") == ArchiveKind::kNone);
  CHECK(archive_kind(std::string(600, 'x')) == ArchiveKind::kNone);
  for (std::size_t size = 0; size <= 512; ++size) CHECK(may_be_archive(tar.substr(0, size)));
  CHECK(may_be_archive("\x1f"));
  CHECK(may_be_archive("BZh"));
  CHECK(may_be_archive("photos/a.jp"));
  CHECK_FALSE(may_be_archive("photos/a.jpg\n"));
  CHECK_FALSE(
      may_be_archive("\xff\xfe"
                     "a\0.\0"sv));
  CHECK_FALSE(may_be_archive("a.jpg\0b"sv));
  CHECK_FALSE(may_be_archive(std::string(200, 'x')));
  CHECK(has_archive_extension("x/00000.TAR"));
  CHECK(has_archive_extension("a.tar.gz"));
  CHECK(has_archive_extension("a.tgz"));
  CHECK_FALSE(has_archive_extension("a.gz"));
  CHECK_FALSE(has_archive_extension("x.tar/a.jpg"));
}
