// What people name a model by. In this order, the first that fits:
//
// 1. `local-dir:PATH`, and whatever is a file on this machine, or a folder that holds a file of a
//    model (checkpoint/model_files.h), or begins with "/", "./", "../" or "~": a path.
// 2. `hf:ORG/NAME`, `hf-hub:ORG/NAME`, `hf_clip:ORG/NAME`: a repository of the Hugging Face Hub, at
//    its branch main, or, with `@REVISION` behind it, at a branch, a tag, a commit or refs/pr/N.
//    The address of its page, https://huggingface.co/ORG/NAME[/tree/REVISION], is the same.
// 3. OpenAI's names: "ViT-B/32" or any spelling that differs in case and separators alone, or the
//    file's name.
// 4. open_clip's names: ARCH/TAG, ARCH:TAG, ARCH::TAG, ARCH,TAG, ARCH__TAG, with or without
//    `open_clip:` in front, in any case; ARCH may end in -quickgelu where that is the model's
//    activation. They stand for a repository.
// 5. What ends like a weight file: a path, of a file that is missing.
// 6. `ORG/NAME` or `ORG/NAME@REVISION`, unless ORG begins like an architecture ("ViT-B/33" is a
//    mistyped name; hf:ViT-B/33 would be the repository).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hub/catalog.h"

namespace clip {

struct ModelName {
  enum class Kind { kPath, kPublished, kRepository };

  Kind kind = Kind::kPath;
  std::string path;                           // kPath
  const PublishedModel* published = nullptr;  // kPublished
  std::string repository;  // kRepository: "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
  std::string revision = "main";
  const CatalogModel* catalog =
      nullptr;  // what is known of the repository, or of the published one
};

// Throws Error: kNotFound for what is no name, with the nearest one; kUnsupported, with the reason,
// for models that are known and cannot be run; kInvalidArgument for malformed repositories and
// revisions.
ModelName parse_model_name(const std::string& named);

// The published model that is meant: OpenAI's spelling, or any other that differs in case and
// separators alone ("vit-b-32"), or the file's name. Null when there is none.
const PublishedModel* find_by_name(const std::string& name);

// Of all published models, as OpenAI writes them.
std::vector<std::string> published_names();

// "ORG/NAME" or "NAME", by the hub's rules (huggingface_hub, utils/_validators.py).
bool is_repository_id(std::string_view id);

}  // namespace clip
