// Writes the preview of an image to standard output, for tests of it:
//   show_preview COLUMNS ROWS MODE IMAGE
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "clip/image.h"
#include "terminal/preview.h"

int main(int argc, char** argv) {
  using namespace clip_cli;
  const auto mode = argc == 5 ? preview_mode(argv[3]) : std::nullopt;
  if (!mode) return 2;
  try {
    const PreviewBox box = preview_box(1, std::atoi(argv[1]), std::atoi(argv[2]));
    const std::string bytes = Preview(box, *mode).of(clip::decode_file(argv[4], {}));
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
