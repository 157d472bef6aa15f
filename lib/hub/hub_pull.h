// Fetches a model's files from the Hugging Face Hub into its cache (hub_cache.h), in the layout
// that Python's huggingface_hub reads. A file has its name only when it is whole and its digest is
// the one that the hub states: SHA-256 for large files (X-Linked-Etag), git's SHA-1 for small ones
// (ETag). Until then it is blobs/DIGEST.incomplete, from which the next pull goes on. The ref is
// written last, so that a snapshot that a ref leads to is complete.
//
// Two pulls at once, Python's among them, wait for each other by the locks in .locks.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "hub/download.h"
#include "hub/hub_cache.h"

namespace clip {

// HF_ENDPOINT without slashes at its end, else https://huggingface.co.
std::string hub_endpoint();

struct HubPullOptions {
  std::string endpoint;  // http or https
  std::string token;     // sent to the endpoint alone, empty for none
  bool symlinks = true;  // where the file system has them; else snapshots hold the files themselves
  // Attempts, stalls and notices of each transfer; token, part, progress and max_bytes are not
  // used.
  DownloadOptions download;
  // Told what a person should know: that another process is waited for, that a file was damaged.
  std::function<void(const std::string&)> notice;
  // Called now and then; false ends the pull, and keeps what has come.
  std::function<bool(const std::string& file, const DownloadProgress&)> progress;
};

// HF_HUB_DISABLE_SYMLINKS, as huggingface_hub reads it.
bool hub_uses_symlinks();

struct PulledModel {
  std::string folder;  // of the snapshot
  std::string commit;
  std::vector<std::string> files;  // of the model, by their names
  bool fetched = false;            // else everything was here before
};

// Only what a model needs is fetched: the best weights of weight_files_of(), and the JSON beside
// them. What is in the cache is compared with its digest, and fetched again where it is damaged.
// Throws Error: kNotFound where the repository, the revision or weights are missing;
// kInvalidArgument where a token or an accepted licence is needed; kLimit, kIo, kCorrupt and
// kCancelled as download() does.
PulledModel pull_model(const HubCache& cache, const std::string& repository,
                       const std::string& revision, const HubPullOptions& options);

}  // namespace clip
