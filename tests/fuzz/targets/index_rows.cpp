// An index whose database is sound for SQLite, and holds any values: rows of all tables, of any of
// SQLite's types. Beside it lies a sound vector file.
#include <fuzzer/FuzzedDataProvider.h>

#include <array>

#include "clip/error.h"
#include "fuzz.h"
#include "read_index.h"

namespace {

struct Table {
  const char* insert;
  int columns;
};

constexpr std::array<Table, 8> kTables = {{
    {"INSERT OR REPLACE INTO facts VALUES(?,?)", 2},
    {"INSERT OR REPLACE INTO folders VALUES(?,?,?)", 3},
    {"INSERT OR REPLACE INTO files VALUES(?,?,?,?,?,?)", 6},
    {"INSERT OR REPLACE INTO contents VALUES(?,?)", 2},
    {"INSERT OR REPLACE INTO models VALUES(?,?,?,?,?,?,?)", 7},
    {"INSERT OR REPLACE INTO embeddings VALUES(?,?,?,?,?)", 5},
    {"INSERT OR REPLACE INTO unused_rows VALUES(?,?)", 2},
    {"INSERT OR REPLACE INTO neutral VALUES(?,?,?,?)", 4},
}};
constexpr std::array<const char*, 5> kFacts = {clip::kRootFact, clip::kExcludeFact,
                                               clip::kFormatsFact, clip::kOrphansFact, "index"};

// The one that the vector file is of.
constexpr const char* kSoundModel =
    "INSERT INTO models VALUES(1, printf('%.64c', 'a'), 'model', x'2f', 8, 1, 4)";

void bind_any(FuzzedDataProvider* data, clip::Statement* statement, int at) {
  switch (data->ConsumeIntegralInRange(0, 7)) {
    case 0:
      statement->bind(at, data->ConsumeIntegral<std::int64_t>());
      break;
    case 1:
      statement->bind_real(at, data->ConsumeFloatingPoint<double>());
      break;
    case 2:
      statement->bind_bytes(at, data->ConsumeRandomLengthString(70));
      break;
    case 3:
      statement->bind_text(at, data->ConsumeRandomLengthString(70));
      break;
    case 4:
      statement->bind_null(at);
      break;
    case 5:
      statement->bind_text(at, std::string(64, 'a'));  // the model's identity
      break;
    default:
      statement->bind(at, data->ConsumeIntegralInRange<std::int64_t>(-1, 9));
  }
}

void fill(FuzzedDataProvider* data, clip::Database* database) {
  while (data->remaining_bytes() > 0) {
    const Table& table = data->PickValueInArray(kTables);
    clip::Statement insert(database, table.insert);
    int at = 1;
    if (table.columns == 2 && data->ConsumeBool()) {
      insert.bind_text(at++, data->PickValueInArray(kFacts));
    }
    for (; at <= table.columns; ++at) bind_any(data, &insert, at);
    try {
      insert.run();
    } catch (const clip::Error&) {
      // A row that the table does not take.
    }
  }
}

}  // namespace

void clip_fuzz::read_input(std::string_view input) {
  FuzzedDataProvider data(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  const clip::IndexPlace place = new_index_place();
  {
    const auto index = clip::Index::open_for_writing(place, nullptr, nullptr);
    clip::Transaction transaction(index->database());
    index->set_fact("index", std::to_string(kIndexNumber));
    if (data.ConsumeBool()) index->database()->run(kSoundModel);
    fill(&data, index->database());
    transaction.commit();
  }
  write_vectors();
  read_index(place);
}
