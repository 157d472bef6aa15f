#include "hub/http.h"

#include "base/module.h"
#include "hub/curl_module/entry.h"

extern "C" const clip::EmbeddedFile clip_curl_module[];

namespace clip {
namespace {

HttpEntry load() {
  const Module module(clip_curl_module[0], "a download needs libcurl", "libcurl4");
  return module.symbol<HttpEntry>(kHttpEntry);
}

// Loaded by the first call; one that fails is tried again by the next.
HttpEntry loaded() {
  static const HttpEntry entry = load();
  return entry;
}

}  // namespace

std::string HttpAnswer::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

HttpAnswer http(const HttpRequest& request) {
  HttpAnswer answer;
  loaded()(request, &answer);
  return answer;
}

}  // namespace clip
