// The Hugging Face Hub's cache, where and as Python's huggingface_hub keeps it: a folder a
// repository, models--ORG--NAME, in which refs/REVISION holds a commit, snapshots/COMMIT/FILE is a
// link into blobs (or a file, on file systems without links), blobs/ETAG is named by its contents,
// and .no_exist/COMMIT/FILE marks what the repository does not have.
//
// Reading needs no network and writes nothing. Files are found or not found as by
// huggingface_hub.try_to_load_from_cache; tests/hub/hub_cache_test.py holds both to each other.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clip {

// HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE, else hub_home()/hub; "~" and $VARIABLES are expanded.
// Unlike Python, a variable that is set to nothing counts as not set.
std::string hub_cache_folder();

// HF_HOME, else XDG_CACHE_HOME/huggingface, else ~/.cache/huggingface.
std::string hub_home();

// Whether HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE forbids to go out.
bool hub_is_offline();

// Of HF_TOKEN (HUGGING_FACE_HUB_TOKEN), else the file HF_TOKEN_PATH or hub_home()/token; empty
// where there is none. It must go into no message.
std::string hub_token();

enum class CachedState {
  kHere,
  kKnownMissing,  // the repository does not have it, as the cache knows
  kBroken,        // a link to a blob that is gone
  kUnknown,       // not in the cache
};

struct CachedFile {
  CachedState state = CachedState::kUnknown;
  std::string path;  // in the snapshot, of kHere and kBroken
};

// What the cache has of a model.
struct CachedModel {
  enum class State { kNone, kPartial, kWhole };

  State state = State::kNone;
  std::string commit;                         // empty: the revision is not known
  std::string folder;                         // of the snapshot; empty where there is none
  std::vector<std::string> weights, configs;  // the files that are here, by their names
  std::vector<std::string> missing;           // what a kPartial one lacks
};

class HubCache {
 public:
  explicit HubCache(std::string folder) : folder_(std::move(folder)) {}

  const std::string& folder() const { return folder_; }
  std::string repository_folder(std::string_view repository) const;

  // The commit that a revision stands for: what its ref says, else the revision itself.
  std::string commit_of(std::string_view repository, const std::string& revision) const;

  // Another snapshot than the revision's own is never taken.
  CachedFile find_file(std::string_view repository, const std::string& revision,
                       const std::string& name) const;

  // Weights by the order of weight_files_of(), with all shards, and what JSON there is. A
  // repository of the catalog needs no JSON, as open_clip fetches weights alone; any other lacks
  // something without the JSON file that belongs to its weights. Throws Error (kCorrupt) for a bad
  // index.
  CachedModel find_model(const std::string& repository, const std::string& revision) const;

 private:
  std::string folder_;
};

// The digest that a file of a snapshot must have: the name of its blob, which is the SHA-256 of
// large files and git's SHA-1 of small ones. Empty where the file is no link into blobs.
std::string blob_name(const std::string& path);

// The same of a file that huggingface_hub fetched into a folder (local_dir): from
// .cache/huggingface/download/NAME.metadata there. Empty where there is none.
std::string local_dir_digest(const std::string& path);

// Throws Error (kCorrupt) naming both digests where the contents are not those of the name.
void verify_blob(const std::string& path, const std::string& name);

}  // namespace clip
