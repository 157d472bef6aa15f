#include "base/digest.h"

#include "base/digest_module/entry.h"
#include "base/module.h"
#include "base/strings.h"
#include "clip/error.h"

extern "C" const clip::EmbeddedFile clip_digest_module[];

namespace clip {
namespace {

// Loaded by the first call; one that fails is tried again by the next.
const DigestFunctions& openssl() {
  static const DigestFunctions functions = [] {
    DigestFunctions loaded = {};
    Module(clip_digest_module[0], "SHA-256 needs OpenSSL", "libssl3")
        .symbol<DigestEntry>(kDigestEntry)(&loaded);
    return loaded;
  }();
  return functions;
}

void check(bool right) {
  if (!right) throw Error(ErrorCode::kInternal, "OpenSSL cannot compute a digest here");
}

}  // namespace

Digest::Digest(const char* algorithm)
    : algorithm_(algorithm), context_(openssl().make(), openssl().free) {
  check(context_ != nullptr);
  restart();
}

void Digest::restart() {
  check(openssl().begin(context_.get(), algorithm_));
}

void Digest::add(const void* data, std::size_t size) {
  check(openssl().add(context_.get(), data, size));
}

std::string Digest::finish() {
  unsigned char digest[DigestFunctions::kMaxBytes];
  const std::size_t size = openssl().finish(context_.get(), digest);
  check(size > 0);
  return hex_of({reinterpret_cast<const char*>(digest), size});
}

}  // namespace clip
