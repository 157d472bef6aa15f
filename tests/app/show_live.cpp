// Shows a LiveBlock and a Progress on one terminal, for tests of both in tmux: each line of
// standard input is a step, and "ok" and its number are written to the file that the argument names
// when it is done.
//   show A|B|...   shows the lines A, B and so on
//   progress       counts one image, and shows how far it is
//   notice TEXT    clears both, and writes a notice
//   done TEXT      clears the block, writes TEXT to stdout, and finishes the progress
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "terminal/live_block.h"
#include "terminal/progress.h"
#include "terminal/text.h"

int main(int argc, char** argv) {
  using namespace clip_cli;
  if (argc != 2) return 2;
  LiveBlock block;
  Progress progress("image", false, [] { return std::optional<std::uint64_t>(9); });
  int number = 0;
  for (std::string line; std::getline(std::cin, line);) {
    const std::string step = line.substr(0, line.find(' '));
    const std::string words = step == line ? "" : line.substr(step.size() + 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    if (step == "show") {
      std::vector<std::string> lines;
      std::istringstream text(words);
      for (std::string each; std::getline(text, each, '|');) lines.push_back(each);
      block.show(lines);
    } else if (step == "progress") {
      progress.add(false);
      progress.show();
    } else if (step == "notice") {
      block.clear();
      progress.clear();
      notice(words);
    } else if (step == "done") {
      block.clear();
      progress.clear();
      std::printf("%s\n", words.c_str());
      std::fflush(stdout);
      progress.finish(false);
    } else {
      return 2;
    }
    std::ofstream(argv[1], std::ios::app) << "ok " << ++number << std::endl;
  }
  return 0;
}
