// Writes a Parquet file of made-up rows, and prints the same rows as JSON Lines:
//   write_parquet FILE ROWS GROUP_BYTES SEED
// Columns: always (text, never missing), text, whole, number, flag, never (always missing).
#include <cstdio>
#include <cstdlib>
#include <random>

#include "embedding/parquet.h"

using namespace clip;

namespace {

constexpr const char* kTexts[] = {"",
                                  "a cat",
                                  "caf\xc3\xa9",
                                  "\xe7\x8c\xab",
                                  "two words",
                                  "0123456789012345678901234567890123456789"};

void print(const char* name, const ParquetValue& value, const char* end) {
  std::printf("\"%s\":", name);
  if (const auto* flag = std::get_if<bool>(&value)) {
    std::printf("%s", *flag ? "true" : "false");
  } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    std::printf("\"%lld\"", static_cast<long long>(*whole));
  } else if (const auto* number = std::get_if<double>(&value)) {
    std::printf("%.17g", *number);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    std::printf("\"%s\"", text->c_str());
  } else {
    std::printf("null");
  }
  std::printf("%s", end);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: write_parquet FILE ROWS GROUP_BYTES SEED\n", stderr);
    return 2;
  }
  try {
    const std::vector<ParquetColumn> columns = {
        {"always", ParquetType::kText}, {"text", ParquetType::kText},
        {"whole", ParquetType::kInt64}, {"number", ParquetType::kDouble},
        {"flag", ParquetType::kBool},   {"never", ParquetType::kText}};
    ParquetWriter writer(argv[1], columns, {{"model", "b0f5"}, {"empty", ""}},
                         std::strtoull(argv[3], nullptr, 10));
    std::mt19937_64 random(std::strtoull(argv[4], nullptr, 10));
    const auto count = std::strtoll(argv[2], nullptr, 10);
    for (long long i = 0; i < count; ++i) {
      std::vector<ParquetValue> row(columns.size());
      row[0] = std::string("row ") + std::to_string(i);
      if (random() % 3 != 0) row[1] = std::string(kTexts[random() % 6]);
      if (random() % 3 != 0) row[2] = static_cast<std::int64_t>(random());
      if (random() % 3 != 0) {
        row[3] =
            (static_cast<double>(random() % 2000001) - 1e6) / (std::int64_t{1} << random() % 40);
      }
      if (random() % 3 != 0) row[4] = random() % 2 == 0;
      writer.write(row);
      std::printf("{");
      for (std::size_t at = 0; at < columns.size(); ++at) {
        print(columns[at].name.c_str(), row[at], at + 1 < columns.size() ? "," : "}\n");
      }
    }
    writer.finish();
  } catch (const Error& error) {
    std::fprintf(stderr, "%s: %s\n", name_of(error.code()), error.what());
    return 1;
  }
}
