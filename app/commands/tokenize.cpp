#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "clip/tokenizer.h"
#include "commands/commands.h"
#include "exit_code.h"
#include "input/argument_texts.h"
#include "input/input_lists.h"
#include "options/encoding_option.h"
#include "terminal/text.h"
#include "usage_error.h"
#include "writers/print_json.h"

namespace clip_cli {
namespace {

struct TokenizeOptions {
  std::vector<std::string> texts;
  std::string list, encoding;
  bool json = false;
};

void print_tokens(const clip::Tokenizer& tokenizer, const std::string& text, bool json) {
  const clip::TokenIds ids = tokenizer.encode(text);
  if (json) {
    print_json({{"text", text}, {"ids", ids}});
    return;
  }
  fmt::print("{}\n", printable(text));
  for (const std::int32_t id : ids) fmt::print("{:>7}  {}\n", id, printable(tokenizer.piece(id)));
}

int run_tokenize(const TokenizeOptions& options) {
  if (options.texts.empty() && options.list.empty()) {
    throw UsageError("no text: give one, or a file of them with --texts FILE");
  }
  const std::unique_ptr<const clip::Tokenizer> tokenizer = clip::make_clip_tokenizer();
  note_bytes(options.texts);
  for (const std::string& text : options.texts) print_tokens(*tokenizer, text, options.json);
  if (!options.list.empty()) {
    for_each_text({options.list, options.encoding},
                  [&](const std::string& text) { print_tokens(*tokenizer, text, options.json); });
  }
  return kDone;
}

}  // namespace

void setup_tokenize(CLI::App* tokenize, Command* command) {
  auto options = std::make_shared<TokenizeOptions>();
  tokenize->add_option("TEXT", options->texts, "Texts to tokenize")->type_name("");
  tokenize
      ->add_option("--texts", options->list,
                   "A file of texts, one per line; - is standard input\n"
                   "Where its name ends in .jsonl, it is JSON Lines with a field `text`.")
      ->type_name("FILE");
  add_encoding_option(tokenize, &options->encoding);
  tokenize->add_flag("--json", options->json,
                     "Print one JSON object per text: the text and its token ids");
  tokenize->footer("Example:\n  clip-cli tokenize \"a photo of a cat\"");
  tokenize->callback([=] { *command = [=] { return run_tokenize(*options); }; });
}

}  // namespace clip_cli
