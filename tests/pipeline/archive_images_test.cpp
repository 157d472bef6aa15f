#include "pipeline/archive_images.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "clip/image_paths.h"
#include "support.h"
#include "test_images.h"

using namespace clip;
using namespace clip_test;

namespace {

// A header of POSIX.1-1988 with its bytes behind it.
std::string member(const std::string& name, std::string bytes, char type = '0') {
  std::string block(kTarBlock, '\0');
  const auto octal = [](std::uint64_t number, std::size_t digits) {
    std::string text(digits, '0');
    for (std::size_t i = digits; i-- > 0; number >>= 3) {
      text[i] = static_cast<char>('0' + (number & 7));
    }
    return text;
  };
  block.replace(0, name.size(), name);
  block.replace(124, 11, octal(bytes.size(), 11));
  block[156] = type;
  block.replace(157, 5, "other");
  block.replace(148, 8, "        ");
  std::uint64_t sum = 0;
  for (const char byte : block) sum += static_cast<unsigned char>(byte);
  block.replace(148, 7, octal(sum, 6) + '\0');
  bytes.resize((bytes.size() + kTarBlock - 1) / kTarBlock * kTarBlock);
  return block + bytes;
}

const std::string kEnd(2 * kTarBlock, '\0');

// Names, and behind them the texts; errors as "! message". All of a named file.
std::vector<std::string> images(const std::string& archive,
                                const std::vector<std::string>& exclude = {}) {
  const TemporaryFolder folder;
  const std::string path = folder.write("a.tar", archive);
  ImagePathsOptions options;
  options.archives = Archives::kRead;
  options.exclude = exclude;
  ImagePaths paths(
      [named = false, path](std::string* name) mutable {
        *name = path;
        return !std::exchange(named, true);
      },
      options);
  std::vector<std::string> found;
  for (ImageSource image; paths.next(&image);) {
    CHECK(image.archive == path);
    CHECK(image.state.size == archive.size());
    if (image.error) {
      const std::string message = image.error->what();
      found.push_back("!" + message.substr(message.find(path) + path.size()));
      continue;
    }
    std::string text = image.name.substr(path.size() + 1);
    if (image.texts != nullptr) {
      text += ' ' + image.texts->caption.value_or("-") + ' ' + image.texts->cls.value_or("-") +
              ' ' + image.texts->json.value_or("-");
    }
    CHECK(contains(image.load(), "P5"));
    found.push_back(text);
  }
  return found;
}

using Found = std::vector<std::string>;

}  // namespace

TEST_CASE("members of one key that follow each other are a sample") {
  const std::string gray = gray_image(7);
  CHECK(images(member("1.pgm", gray) + member("1.txt", "one\r\n") + member("2.cls", "5\n") +
               member("2.JSON", "{}") + member("2.pgm", gray) + member("3.pgm", gray) +
               member("4.txt", "of none") + member("d/3.txt", "in a folder") +
               member("d/3.a.pgm", gray) + member("d/3.b.pgm", gray) + kEnd) ==
        Found{"1.pgm one - -", "2.pgm - 5 {}", "3.pgm", "d/3.a.pgm in a folder - -",
              "d/3.b.pgm in a folder - -"});
}

TEST_CASE("a sample of very many images is several") {
  const std::string gray = gray_image(7);
  std::string archive = member("k.txt", "of all");
  for (std::size_t i = 0; i < 3 * kMaxSampleImages; ++i) archive += member("k.pgm", gray);
  const Found found = images(archive + kEnd);
  CHECK(found.size() == 3 * kMaxSampleImages);
  CHECK(std::all_of(found.begin(), found.end(),
                    [](const std::string& each) { return each == "k.pgm of all - -"; }));
}

TEST_CASE("images are told by their names and by what they hold") {
  const std::string gray = gray_image(7);
  CHECK(images(member("./a", gray) + member("./b.npy", "other") + member(".hidden.pgm", gray) +
               member("x/y/c.pgm", gray) + member("d/", "", '5') + member("e.png", "") +
               member("f.bin", "", '2') + kEnd,
               {"y/"}) == Found{"a", "!/e.png: it is empty"});
}

TEST_CASE("an image that is a link is an error, and so is one whose text is") {
  const std::string gray = gray_image(7);
  CHECK(images(member("a.png", "", '2') + member("b.png", "", '1') + member("c.pgm", gray) +
               member("c.txt", "", '2') + member("d.pgm", gray) + kEnd) ==
        Found{"!/a.png: it is a link to other, and links in archives are not followed",
              "!/b.png: it is a link to other, and links in archives are not followed",
              "!/c.pgm: its c.txt: it is a link to other, and links in archives are not followed",
              "d.pgm"});
}

TEST_CASE("what is whole of an archive that ends early is kept") {
  const std::string gray = gray_image(7, 40);
  const std::string whole = member("a.pgm", gray) + member("a.txt", "A") + member("b.pgm", gray);
  CHECK(images(whole) == Found{"a.pgm A - -", "b.pgm", "!: the archive ends early, without its end mark"});
  CHECK(images(whole.substr(0, whole.size() - 1000)) ==
        Found{"a.pgm A - -", "!/b.pgm: the archive ends early, behind 1048 of its 1613 bytes"});
}

TEST_CASE("where archives are refused, one is an error, and a file like any other without it") {
  const TemporaryFolder folder;
  const std::string path = folder.write("a.tar", member("a.pgm", gray_image(7)) + kEnd);
  for (const Archives archives : {Archives::kRefuse, Archives::kFiles}) {
    ImagePathsOptions options;
    options.archives = archives;
    ImagePaths paths(
        [named = false, path](std::string* name) mutable {
          *name = path;
          return !std::exchange(named, true);
        },
        options);
    ImageSource image;
    REQUIRE(paths.next(&image));
    CHECK(image.name == path);
    CHECK(image.error.has_value() == (archives == Archives::kRefuse));
    CHECK_FALSE(paths.next(&image));
  }
}
