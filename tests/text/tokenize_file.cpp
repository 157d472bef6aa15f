// tokenize_file FILE [REPEATS]: the ids of each line's field `text` in a JSON Lines file, a line of
// numbers each; with REPEATS, instead the seconds that this many passes over all texts take.
#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "clip/tokenizer.h"

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::ifstream file(argv[1]);
  std::vector<std::string> texts;
  for (std::string line; std::getline(file, line);) {
    // "bytes": hexadecimal, for texts that JSON cannot hold because they are not UTF-8.
    const auto json = nlohmann::json::parse(line);
    if (json.contains("bytes")) {
      texts.push_back(clip::bytes_of_hex(json["bytes"].get<std::string>()));
    } else {
      texts.push_back(json["text"].get<std::string>());
    }
  }
  const auto start = std::chrono::steady_clock::now();
  const auto tokenizer = clip::make_clip_tokenizer();
  const auto built = std::chrono::steady_clock::now();
  if (argc < 3) {
    for (const auto& text : texts) fmt::print("{}\n", fmt::join(tokenizer->encode(text), " "));
    return 0;
  }
  std::size_t ids = 0;
  for (int i = std::stoi(argv[2]); i > 0; --i) {
    for (const auto& text : texts) ids += tokenizer->encode(text).size();
  }
  const auto done = std::chrono::steady_clock::now();
  const auto seconds = [](auto span) { return std::chrono::duration<double>(span).count(); };
  fmt::print("{} {} {}\n", seconds(done - built), seconds(built - start), ids);
}
