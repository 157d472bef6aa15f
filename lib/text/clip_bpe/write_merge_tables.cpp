// A program of the build: reads data/bpe/merges.txt and writes the tables of merge_tables.h.
//   write_merge_tables MERGES.txt SIDES SLOTS
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <unordered_map>
#include <vector>

#include "text/clip_bpe/byte_alphabet.h"
#include "text/clip_bpe/merge_tables.h"
#include "text/clip_bpe/unicode.h"

namespace {

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "write_merge_tables: %s\n", message.c_str());
  std::exit(1);
}

template <class Row>
void write(const char* path, const std::vector<Row>& rows) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(rows.data()),
             static_cast<std::streamsize>(rows.size() * sizeof(Row)));
  if (!file.flush()) fail(std::string("cannot write ") + path);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) fail("expected the merges and two files to write");
  std::unordered_map<std::string, std::int32_t> ids;  // by the spelling of the piece
  const clip::ByteAlphabet alphabet;
  for (const char* ending : {"", "</w>"}) {
    for (const std::uint8_t byte : alphabet.byte_at_index) {
      std::string character;
      clip::append_utf8(alphabet.character_of_byte[byte], &character);
      ids.emplace(character + ending, static_cast<std::int32_t>(ids.size()));
    }
  }

  std::vector<clip::MergeSides> sides;
  std::vector<clip::MergeSlot> slots(clip::MergeSlot::kCount, {clip::MergeSlot::kEmpty, -1});
  std::ifstream file(argv[1]);
  for (std::string line; std::getline(file, line);) {
    const auto space = line.find(' ');
    const auto left = ids.find(line.substr(0, space));
    const auto right = space == std::string::npos ? ids.end() : ids.find(line.substr(space + 1));
    if (left == ids.end() || right == ids.end()) fail("no merge of known pieces: " + line);
    const std::uint32_t key = clip::MergeSlot::key_of(left->second, right->second);
    std::uint32_t slot = clip::MergeSlot::first(key);
    while (slots[slot].key != clip::MergeSlot::kEmpty) slot = clip::MergeSlot::next(slot);
    sides.push_back(
        {static_cast<std::uint16_t>(left->second), static_cast<std::uint16_t>(right->second)});
    const auto id = static_cast<std::int32_t>(ids.size());
    slots[slot] = {key, id};
    if (!ids.emplace(left->first + right->first, id).second) fail("merged twice: " + line);
  }
  if (sides.size() != clip::kMergeCount) fail("not as many merges as CLIP has");
  write(argv[2], sides);
  write(argv[3], slots);
}
