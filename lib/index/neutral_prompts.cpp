#include "index/neutral_prompts.h"

#include <algorithm>
#include <string_view>

#include "base/embedded_file.h"
#include "base/strings.h"

extern "C" const clip::EmbeddedFile clip_neutral_prompts[], clip_neutral_prompts_end[];

namespace clip {

std::vector<std::string> neutral_prompts() {
  std::vector<EmbeddedFile> files(clip_neutral_prompts, clip_neutral_prompts_end);
  std::sort(files.begin(), files.end(), [](const EmbeddedFile& a, const EmbeddedFile& b) {
    return std::string_view(a.name) < std::string_view(b.name);
  });
  std::vector<std::string> prompts;
  for (const EmbeddedFile& file : files) {
    Lines lines(file.bytes());
    for (std::string_view line; lines.next(&line);) prompts.emplace_back(line);
  }
  return prompts;
}

}  // namespace clip
