// fuzz_model_files, fuzz_images TARGET SECONDS [SEED]: opens mutated files for so long. Every input
// is opened or refused with a clip::Error; anything else ends the program: another exception, a
// signal, or memory of more than the files' size and 64 MiB. The input lies in fuzz_input then, in
// the folder where it was started, and FILE in place of SECONDS opens it again.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <string>

#include "allocations.h"
#include "base/file.h"
#include "clip/error.h"
#include "mutation.h"
#include "support.h"
#include "targets.h"

namespace {

constexpr std::size_t kMaxBytes = std::size_t{64} << 20;  // beside the files' size

// The file that the input of the moment is kept in: a signal or a sanitizer ends the program at
// once.
class Kept {
 public:
  Kept() : file_(::open("fuzz_input", O_RDWR | O_CREAT | O_TRUNC, 0666)) {}
  ~Kept() { ::close(file_); }
  bool write(const std::string& input) const {
    return ::ftruncate(file_, 0) == 0 && clip::write_all_at(file_, 0, input.data(), input.size());
  }

 private:
  int file_;
};

// Whether it was opened; false where it was refused.
bool try_input(const clip_fuzz::Target& target, const std::string& input) {
  const std::size_t before = clip_fuzz::bytes_in_use();
  clip_fuzz::reset_peak();
  std::size_t size = input.size();
  bool opened = false;
  try {
    size = target.open(input);
    opened = true;
  } catch (const clip::Error&) {
  }
  const std::size_t taken = clip_fuzz::peak_bytes() - before;
  if (taken > size + kMaxBytes) {
    std::fprintf(stderr, "an input of %zu bytes took %zu bytes of memory\n", input.size(), taken);
    std::abort();
  }
  return opened;
}

int fuzz(const clip_fuzz::Target& target, double seconds, unsigned long seed) {
  std::mt19937_64 random(seed);
  for (const std::string& input : target.seeds) try_input(target, input);
  const Kept kept;
  std::size_t opened = 0, count = 0;
  const auto start = std::chrono::steady_clock::now();
  while (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() <
         seconds) {
    const std::string& from = target.seeds[random() % target.seeds.size()];
    const std::string input = clip_fuzz::mutated(from, target.words, &random);
    if (!kept.write(input)) {
      std::perror("fuzz_input");
      return 1;
    }
    opened += try_input(target, input);
    ++count;
  }
  std::remove("fuzz_input");
  std::printf("%s: %zu inputs, %zu of them opened\n", target.name, count, opened);
  // Where nearly nothing is opened, or nothing refused, only one path was tried.
  return count > 100 && opened > 0 && opened < count ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: fuzz_model_files|fuzz_images TARGET SECONDS|FILE [SEED]\n", stderr);
    return 2;
  }
  const clip_test::TemporaryFolder folder;
  ::mkdir(folder.path("transformers").c_str(), 0777);
  for (const clip_fuzz::Target& target : clip_fuzz::targets(folder.path())) {
    if (target.name != std::string(argv[1])) continue;
    char* end = nullptr;
    const double seconds = std::strtod(argv[2], &end);
    if (*end == '\0')
      return fuzz(target, seconds, argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 1);
    std::ifstream file(argv[2], std::ios::binary);
    const std::string input{std::istreambuf_iterator<char>(file), {}};
    std::printf("%s\n", try_input(target, input) ? "opened" : "refused");
    return 0;
  }
  std::fprintf(stderr, "there is no target %s\n", argv[1]);
  return 2;
}
