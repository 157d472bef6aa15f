#include "index/neutral_bank.h"

#include <cstring>
#include <string>

#include "base/sha256.h"
#include "index/neutral_prompts.h"

namespace clip {
namespace {

// What a bank is of: with other prompts it is of no use.
std::string digest_of_prompts() {
  std::string text;
  for (const std::string& prompt : neutral_prompts()) text += prompt + '\n';
  return sha256(text);
}

}  // namespace

std::optional<NeutralBank> read_bank(Index* index, const IndexedModel& model) {
  Statement query(index->database(),
                  "SELECT near_synonym, vectors FROM neutral WHERE model = ? AND prompts = ?");
  query.bind(1, model.id).bind_text(2, digest_of_prompts());
  if (!query.step()) return std::nullopt;
  NeutralBank bank;
  bank.near_synonym = query.real(0);
  const std::string_view bytes = query.bytes(1);
  bank.prompts.dim = model.dim;
  bank.prompts.count = static_cast<std::int64_t>(neutral_prompts().size());
  const auto numbers = static_cast<std::size_t>(bank.prompts.count * bank.prompts.dim);
  if (bytes.size() != numbers * sizeof(float)) return std::nullopt;
  bank.prompts.values.resize(numbers);
  std::memcpy(bank.prompts.values.data(), bytes.data(), bytes.size());
  return bank;
}

void write_bank(Index* index, const IndexedModel& model, const NeutralBank& bank) {
  const auto* bytes = reinterpret_cast<const char*>(bank.prompts.values.data());
  Statement insert(index->database(),
                   "INSERT OR REPLACE INTO neutral(model, prompts, near_synonym, vectors) "
                   "VALUES(?, ?, ?, ?)");
  insert.bind(1, model.id).bind_text(2, digest_of_prompts()).bind_real(3, bank.near_synonym);
  insert.bind_bytes(4, {bytes, bank.prompts.values.size() * sizeof(float)}).run();
}

}  // namespace clip
