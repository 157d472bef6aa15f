#include "hub/model_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/file.h"
#include "base/strings.h"
#include "checkpoint/model_files.h"
#include "clip/error.h"

namespace clip {
namespace {

constexpr std::string_view kQuickGelu = "quickgelu";
constexpr std::size_t kMaxRepositoryId = 96;
constexpr std::size_t kMaxRevision = 256;

bool is_letter_or_digit(char c) {
  return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9');
}

// Letters and digits, in lower case.
std::string folded(std::string_view name) {
  std::string folded = lower_ascii(name);
  folded.erase(
      std::remove_if(folded.begin(), folded.end(), [](char c) { return !is_letter_or_digit(c); }),
      folded.end());
  return folded;
}

std::string_view without_ending(std::string_view text, std::string_view ending) {
  if (text.size() > ending.size() && ends_with(text, ending)) text.remove_suffix(ending.size());
  return text;
}

std::string folded_architecture(std::string_view name) {
  return std::string(without_ending(folded(name), "px"));
}

bool take_prefix(std::string_view* text, std::string_view prefix) {
  if (!starts_with(lower_ascii(text->substr(0, prefix.size())), prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

void refuse_what_cannot_run(const CatalogModel& model) {
  if (model.runs()) return;
  throw Error(ErrorCode::kUnsupported, fmt::format("{} ({}) cannot be run here: {}", model.name(),
                                                   model.repository, model.cannot_run));
}

ModelName in_repository(const CatalogModel& model) {
  refuse_what_cannot_run(model);
  ModelName name;
  name.kind = ModelName::Kind::kRepository;
  name.repository = model.repository;
  name.catalog = &model;
  return name;
}

// A revision becomes a path below refs/, and a part of an address.
bool is_revision(std::string_view revision) {
  if (revision.empty() || revision.size() > kMaxRevision) return false;
  for (std::string_view rest = revision;;) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  return std::none_of(revision.begin(), revision.end(), [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == '\\';
  });
}

// ORG/NAME[@REVISION].
ModelName repository(std::string_view text) {
  ModelName name;
  name.kind = ModelName::Kind::kRepository;
  const std::size_t at = text.find('@');
  name.repository = text.substr(0, at);
  if (at != std::string_view::npos) name.revision = text.substr(at + 1);
  if (!is_repository_id(name.repository)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is no repository of the hub; expected ORG/NAME, as in "
                            "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
                            name.repository));
  }
  if (!is_revision(name.revision)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is no revision of {}; expected a branch, a tag, a commit, or "
                            "refs/pr/N",
                            name.revision, name.repository));
  }
  name.catalog = find_by_repository(name.repository);
  if (name.catalog != nullptr) {
    refuse_what_cannot_run(*name.catalog);
    name.repository = name.catalog->repository;
  }
  return name;
}

// An architecture and a tag as they were written.
struct ArchitectureAndTag {
  std::string architecture, tag;
};

bool is_architecture(const std::string& folded_name) {
  return std::any_of(catalog().begin(), catalog().end(), [&](const CatalogModel& model) {
    return folded_architecture(model.architecture) == folded_name;
  });
}

// Whether a first part was meant as an architecture's: "ViT-B" as of "ViT-B-32".
bool begins_like_an_architecture(std::string_view text) {
  constexpr std::size_t kMinLetters = 3;
  const std::string begin = folded(text);
  if (begin.size() < kMinLetters) return false;
  return std::any_of(catalog().begin(), catalog().end(), [&](const CatalogModel& model) {
    return starts_with(folded(model.architecture), begin) ||
           starts_with(begin, folded(model.architecture));
  });
}

// Split where what stands before is an architecture.
std::optional<ArchitectureAndTag> split(std::string_view text) {
  for (const std::string_view separator : {"::", "__", ":", ",", "/"}) {
    for (std::size_t at = text.find(separator); at != std::string_view::npos;
         at = text.find(separator, at + 1)) {
      const std::string_view before = text.substr(0, at);
      const std::string_view after = text.substr(at + separator.size());
      const std::string name = folded_architecture(before);
      if (after.empty() || folded(after).empty()) continue;
      if (is_architecture(name) || is_architecture(std::string(without_ending(name, kQuickGelu)))) {
        return ArchitectureAndTag{std::string(before), std::string(after)};
      }
    }
  }
  return std::nullopt;
}

ModelName in_catalog(const ArchitectureAndTag& named) {
  const std::string whole = folded_architecture(named.architecture);
  const std::string plain(is_architecture(whole) ? std::string_view(whole)
                                                 : without_ending(whole, kQuickGelu));
  const bool quick_gelu = plain != whole;
  const std::string tag = folded(named.tag);
  std::vector<std::string> tags;
  std::string architecture;
  for (const CatalogModel& model : catalog()) {
    if (folded_architecture(model.architecture) != plain) continue;
    architecture = model.architecture;
    tags.push_back(model.tag);
    if (folded(model.tag) != tag) continue;
    if (quick_gelu && model.activation != "quick_gelu") {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{} was trained with GELU, not QuickGELU; name it without -quickgelu",
                              model.name()));
    }
    return in_repository(model);
  }
  throw Error(ErrorCode::kNotFound,
              fmt::format("{} has no weights tagged {}; did you mean {}/{}?", architecture,
                          named.tag, architecture, nearest_name(named.tag, tags)));
}

[[noreturn]] void refuse_unknown(const std::string& named) {
  // An architecture alone stands for no weights.
  const std::string architecture = folded_architecture(named);
  std::string tags;
  for (const CatalogModel& model : catalog()) {
    if (folded_architecture(model.architecture) != architecture || !model.runs()) continue;
    tags += fmt::format("{}{}", tags.empty() ? "" : ", ", model.name());
  }
  if (!tags.empty()) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{} is an architecture; say which weights: {}", named, tags));
  }
  std::vector<std::string> names = published_names();
  for (const CatalogModel& model : catalog()) names.push_back(model.name());
  for (const CatalogModel& model : catalog()) names.push_back(model.repository);
  const std::string similar = similar_name(named, names);
  throw Error(ErrorCode::kNotFound,
              fmt::format("there is neither a file nor a published model {}{}", named,
                          similar.empty() ? "" : fmt::format("; did you mean {}?", similar)));
}

// The address of a repository's page, as people copy it: https://huggingface.co/ORG/NAME, perhaps
// with /tree/REVISION behind it, or /blob/REVISION/FILE.
std::optional<ModelName> page_named(std::string_view text) {
  if (!take_prefix(&text, "https://")) take_prefix(&text, "http://");
  if (!take_prefix(&text, "huggingface.co/") && !take_prefix(&text, "hf.co/")) return std::nullopt;
  while (ends_with(text, "/")) text.remove_suffix(1);
  std::string name(text);
  for (const std::string_view kind : {"/tree/", "/blob/", "/resolve/"}) {
    const std::size_t at = text.find(kind);
    if (at == std::string_view::npos) continue;
    // Of a file in it, the revision.
    std::string_view revision = text.substr(at + kind.size());
    if (kind != "/tree/") revision = revision.substr(0, revision.find('/'));
    name = fmt::format("{}@{}", text.substr(0, at), revision);
  }
  return repository(name);
}

ModelName path_named(std::string path) {
  ModelName name;
  name.path = std::move(path);
  return name;
}

bool begins_like_a_path(const std::string& named) {
  return named.front() == '/' || named.front() == '.' || named.front() == '~';
}

}  // namespace

const PublishedModel* find_by_name(const std::string& name) {
  const std::string wanted = folded_architecture(without_ending(name, ".pt"));
  for (const PublishedModel& model : published_models()) {
    if (wanted == folded_architecture(model.name)) return &model;
  }
  return nullptr;
}

std::vector<std::string> published_names() {
  std::vector<std::string> names;
  for (const PublishedModel& model : published_models()) names.emplace_back(model.name);
  return names;
}

bool is_repository_id(std::string_view id) {
  if (id.size() > kMaxRepositoryId || std::count(id.begin(), id.end(), '/') > 1) return false;
  if (id.find("--") != std::string_view::npos || id.find("..") != std::string_view::npos ||
      ends_with(id, ".git")) {
    return false;
  }
  const std::size_t slash = id.find('/');
  const auto is_part = [](std::string_view part) {
    const auto is_edge = [](char c) { return c == '-' || c == '.'; };
    return !part.empty() && !is_edge(part.front()) && !is_edge(part.back()) &&
           std::all_of(part.begin(), part.end(), [](char c) {
             return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.';
           });
  };
  return slash == std::string_view::npos
             ? is_part(id)
             : is_part(id.substr(0, slash)) && is_part(id.substr(slash + 1));
}

ModelName parse_model_name(const std::string& named) {
  std::string_view text = named;
  if (take_prefix(&text, "local-dir:")) {
    if (text.empty()) throw Error(ErrorCode::kInvalidArgument, "local-dir: names no folder");
    return path_named(std::string(text));
  }
  if (named.empty()) throw Error(ErrorCode::kInvalidArgument, "a model's name is empty");
  const bool is_here = exists(named) && (!is_folder(named) || is_model_folder(named));
  if (is_here || begins_like_a_path(named)) return path_named(named);

  if (const auto page = page_named(text)) return *page;
  const bool of_open_clip = take_prefix(&text, "open_clip:");
  for (const char* prefix : {"hf:", "hf-hub:", "hf_clip:"}) {
    if (take_prefix(&text, prefix)) return repository(text);
  }
  if (!of_open_clip) {
    if (const PublishedModel* published = find_by_name(named)) {
      ModelName name;
      name.kind = ModelName::Kind::kPublished;
      name.published = published;
      name.catalog = &clip::in_catalog(*published);
      return name;
    }
  }
  if (const auto parts = split(text)) return in_catalog(*parts);
  if (of_open_clip) refuse_unknown(std::string(text));
  if (has_model_extension(named) || is_folder(named)) return path_named(named);
  const std::size_t slash = named.find('/');
  if (slash != std::string::npos && is_repository_id(named.substr(0, named.find('@'))) &&
      !begins_like_an_architecture(named.substr(0, slash))) {
    return repository(text);
  }
  refuse_unknown(named);
}

}  // namespace clip
