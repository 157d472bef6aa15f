#include "options/query_options.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <optional>

#include "base/file.h"
#include "base/home_folder.h"
#include "base/strings.h"
#include "clip/image.h"
#include "input/argument_texts.h"
#include "terminal/text.h"
#include "usage_error.h"

namespace clip_cli {
namespace {

constexpr double kMaxWeight = 1e6;

bool is_image_path(const std::string& word) {
  for (const char* begin : {"./", "../", "/", "~/"}) {
    if (clip::starts_with(word, begin)) return true;
  }
  return false;
}

// A shell replaces ~/ itself, but not behind a weight.
std::string expanded(const std::string& path) {
  return clip::starts_with(path, "~/") ? clip::home_folder() + path.substr(1) : path;
}

// Takes "2:" or "0.5:" off the front of a word, and gives the number.
std::optional<double> take_weight(std::string* word) {
  const std::size_t colon = word->find(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == word->size()) return std::nullopt;
  const std::string digits = word->substr(0, colon);
  if (digits.find_first_not_of("0123456789.") != std::string::npos) return std::nullopt;
  char* end = nullptr;
  const double weight = std::strtod(digits.c_str(), &end);
  if (end != digits.c_str() + digits.size() || !(weight > 0) || weight > kMaxWeight) {
    throw UsageError(fmt::format("the weight in '{}' is not a number above 0 and up to {:.0f}",
                                 *word, kMaxWeight));
  }
  word->erase(0, colon + 1);
  return weight;
}

void notice_image_names(const std::string& text) {
  if (!clip::has_image_extension(text)) return;
  if (clip::is_regular_file(text)) {
    notice(fmt::format("'{}' is taken as a text; ./{} is the image", text, text));
  } else if (text.find(' ') == std::string::npos) {
    notice(fmt::format("'{}' is taken as a text; --like names an image", text));
  }
}

class TermReader {
 public:
  void add(std::string word) {
    if (word == "+" || word == "-") {
      if (expects_term_) throw UsageError("a + or - in the query is followed by no term");
      finish();
      sign_ = word == "+" ? 1 : -1;
      expects_term_ = true;
      return;
    }
    if (word.size() > 1 && (word[0] == '+' || word[0] == '-')) {
      finish();
      sign_ = word[0] == '+' ? 1 : -1;
      word.erase(0, 1);
    }
    if (const auto weight = take_weight(&word)) {
      if (!text_.empty()) finish();
      weight_ = *weight;
    }
    expects_term_ = false;
    if (is_image_path(word)) {
      const double sign = sign_, weight = weight_;
      if (!text_.empty()) {
        finish();
        terms_.push_back({clip::TermKind::kImage, expanded(word), 1});
        return;
      }
      terms_.push_back({clip::TermKind::kImage, expanded(word), sign * weight});
      sign_ = weight_ = 1;
      return;
    }
    text_ += (text_.empty() ? "" : " ") + word;
  }

  std::vector<TermSpec> terms() {
    if (expects_term_) throw UsageError("a + or - in the query is followed by no term");
    finish();
    return std::move(terms_);
  }

 private:
  void finish() {
    if (!text_.empty()) {
      notice_image_names(text_);
      terms_.push_back({clip::TermKind::kText, text_, sign_ * weight_});
    }
    text_.clear();
    sign_ = weight_ = 1;
  }

  std::vector<TermSpec> terms_;
  std::string text_;
  double sign_ = 1, weight_ = 1;
  bool expects_term_ = false;
};

}  // namespace

void add_query_options(CLI::App* command, QueryOptions* options) {
  command
      ->add_option(
          "QUERY", options->words,
          "What to find: a text, an image (./file.jpg), or several with + and -\n"
          "Words that follow each other are one text. + and - begin the next term, wanted or "
          "not; 2: in front of a term doubles its weight; and what begins with ./, ../, / or "
          "~/ is an image.")
      ->type_name("");
  command->add_option("--like", options->like, "Find what is like this image")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->take_all();
  command
      ->add_option("--not", options->no,
                   "A text, or an image (./file.jpg), that hits should not show")
      ->type_name("TERM")
      ->allow_extra_args(false)
      ->take_all();
  command
      ->add_option("--vector", options->vector,
                   "Find what is near an embedding: the one row of this file")
      ->type_name("FILE.npy");
}

std::vector<TermSpec> read_terms(const QueryOptions& options) {
  TermReader reader;
  for (const std::string& word : options.words) {
    if (word.empty()) throw UsageError("a term of the query is empty");
    reader.add(word);
  }
  std::vector<TermSpec> terms = reader.terms();
  for (const std::string& image : options.like) {
    terms.push_back({clip::TermKind::kImage, image, 1});
  }
  for (std::string term : options.no) {
    const double weight = take_weight(&term).value_or(1);
    if (term.empty()) throw UsageError("a term of the query is empty");
    const bool image = is_image_path(term);
    terms.push_back({image ? clip::TermKind::kImage : clip::TermKind::kText,
                     image ? expanded(term) : term, -weight});
  }
  for (const TermSpec& term : terms) {
    if (term.kind == clip::TermKind::kText) note_bytes({term.value});
  }
  return terms;
}

std::string title_of(const QueryOptions& options) {
  std::string title;
  const auto add = [&](const std::string& text) { title += (title.empty() ? "" : " ") + text; };
  for (const std::string& word : options.words) add(word);
  for (const std::string& image : options.like) add("like " + image);
  for (const std::string& term : options.no) add("not " + term);
  if (!options.vector.empty()) add("near " + options.vector);
  return title;
}

}  // namespace clip_cli
