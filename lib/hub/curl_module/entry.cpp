// The module's side: requests by libcurl. All other symbols of it are hidden.

#include "hub/curl_module/entry.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <memory>
#include <string_view>

#include "base/strings.h"
#include "clip/error.h"

namespace clip {
namespace {

constexpr int kMaxRedirects = 10;
constexpr std::size_t kMaxHeaderBytes = 64 << 10;
constexpr int kMaxRetryAfter = 24 * 3600;

using Curl = std::unique_ptr<CURL, void (*)(CURL*)>;

// One hop of a request.
struct Transfer {
  const HttpRequest* request;
  HttpAnswer* answer;
  CURL* curl;
  std::size_t header_bytes = 0;
  bool stopped = false;
  std::exception_ptr error;  // must not be thrown through curl
};

long status_of(CURL* curl) {
  long code = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
  return code;
}

std::size_t take_bytes(char* data, std::size_t, std::size_t count, void* context) {
  auto* transfer = static_cast<Transfer*>(context);
  const long status = status_of(transfer->curl);
  if (status >= 300) return count;  // the text of a redirect
  try {
    if (transfer->request->body) transfer->request->body(data, count, status);
    return count;
  } catch (...) {
    transfer->error = std::current_exception();
    return 0;
  }
}

std::size_t take_header(char* data, std::size_t, std::size_t count, void* context) {
  auto* transfer = static_cast<Transfer*>(context);
  transfer->header_bytes += count;
  if (transfer->header_bytes > kMaxHeaderBytes) return 0;
  try {
    std::string_view line(data, count);
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return count;
    transfer->answer->headers[lower_ascii(line.substr(0, colon))] =
        std::string(trimmed(line.substr(colon + 1)));
    return count;
  } catch (...) {
    transfer->error = std::current_exception();
    return 0;
  }
}

int show_progress(void* context, curl_off_t total, curl_off_t, curl_off_t, curl_off_t) {
  auto* transfer = static_cast<Transfer*>(context);
  if (!transfer->request->progress) return 0;
  const auto size = total > 0 ? static_cast<std::uint64_t>(total) : 0;
  transfer->stopped = !transfer->request->progress(size, status_of(transfer->curl));
  return transfer->stopped ? 1 : 0;
}

// Where systems keep the certificates of authorities: a libcurl that came along, in the portable
// archive, knows Debian's place alone. Fedora's, openSUSE's, Alpine's and FreeBSD's.
const char* certificates_of_this_system() {
  const char* known = curl_version_info(CURLVERSION_NOW)->cainfo;
  if (known == nullptr || ::access(known, R_OK) == 0) return nullptr;
  for (const char* file : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                           "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"}) {
    if (::access(file, R_OK) == 0) return file;
  }
  return nullptr;
}

// The variables that the curl program reads, and the library leaves to programs.
void use_certificates(CURL* curl) {
  const char* file = nullptr;
  for (const char* variable : {"SSL_CERT_FILE", "CURL_CA_BUNDLE"}) {
    const char* value = std::getenv(variable);
    if (value != nullptr && *value != '\0') file = value;
  }
  if (file == nullptr) file = certificates_of_this_system();
  if (file != nullptr) curl_easy_setopt(curl, CURLOPT_CAINFO, file);
  const char* folder = std::getenv("SSL_CERT_DIR");
  if (folder != nullptr && *folder != '\0') curl_easy_setopt(curl, CURLOPT_CAPATH, folder);
}

// "https://host:443", by which a token is kept to itself; empty for what is no address.
std::string origin_of(const std::string& url) {
  const std::unique_ptr<CURLU, void (*)(CURLU*)> parsed(curl_url(), &curl_url_cleanup);
  if (parsed == nullptr || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) {
    return "";
  }
  std::string origin;
  for (const CURLUPart part : {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT}) {
    char* text = nullptr;
    if (curl_url_get(parsed.get(), part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return "";
    origin += lower_ascii(text) + " ";
    curl_free(text);
  }
  return origin;
}

void allow_protocols(CURL* curl, bool files) {
  // By name since 7.85, and by bits before.
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, files ? "http,https,file" : "http,https");
#else
  long allowed = CURLPROTO_HTTP | CURLPROTO_HTTPS;
  if (files) allowed |= CURLPROTO_FILE;
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS, allowed);
#endif
}

bool is_transient(CURLcode code, long status) {
  switch (code) {
    case CURLE_OK:
    case CURLE_HTTP_RETURNED_ERROR:
      return status >= 500 || status == 408 || status == 429;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return true;
    default:
      return false;
  }
}

// What a range behind the end of the file is answered with.
bool is_behind_the_end(CURLcode code, long status, const std::string& url) {
  return (code == CURLE_HTTP_RETURNED_ERROR && status == 416) ||
         (starts_with(url, "file:") &&
          (code == CURLE_BAD_DOWNLOAD_RESUME || code == CURLE_RANGE_ERROR));
}

void start_curl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) throw Error(ErrorCode::kInternal, "curl cannot be started");
}

// One hop, with its status, headers and failure in the answer. Gives the address that it leads to,
// or nothing.
std::string hop(const HttpRequest& request, const std::string& url, bool first, bool with_token,
                HttpAnswer* answer) {
  const Curl owner(curl_easy_init(), &curl_easy_cleanup);
  CURL* curl = owner.get();
  if (curl == nullptr) throw Error(ErrorCode::kInternal, "curl cannot be started");
  Transfer transfer{&request, answer, curl, 0, false, nullptr};
  char message[CURL_ERROR_SIZE] = "";
  const std::string range = fmt::format("{}-", request.first_byte);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
  allow_protocols(curl, first);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "clip-cli");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 30L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, long{request.stall_seconds});
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, show_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
  if (request.head) curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  // Not CURLOPT_RESUME_FROM, which takes a whole answer for an error.
  if (request.first_byte > 0) curl_easy_setopt(curl, CURLOPT_RANGE, range.c_str());
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(nullptr, &curl_slist_free_all);
  if (with_token) {
    const std::string header = "Authorization: Bearer " + request.token;
    headers.reset(curl_slist_append(nullptr, header.c_str()));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  }
  use_certificates(curl);

  answer->headers.erase("content-length");
  answer->headers.erase("etag");
  const CURLcode code = curl_easy_perform(curl);
  if (transfer.error) std::rethrow_exception(transfer.error);
  answer->status = status_of(curl);
  answer->stopped = transfer.stopped;
  answer->complete = code == CURLE_OK;
  answer->transient = is_transient(code, answer->status);
  answer->behind_the_end = request.first_byte > 0 && is_behind_the_end(code, answer->status, url);
  answer->message = *message != '\0' ? message : curl_easy_strerror(code);
  curl_off_t seconds = 0;
  if (curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK && seconds > 0) {
    answer->retry_after = seconds > kMaxRetryAfter ? kMaxRetryAfter : static_cast<int>(seconds);
  }
  char* next = nullptr;
  curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &next);
  return code == CURLE_OK && next != nullptr ? next : "";
}

void answer_request(const HttpRequest& request, HttpAnswer* answer) {
  start_curl();
  std::string url = request.url;
  const std::string origin = origin_of(url);
  for (int redirects = 0;; ++redirects) {
    const bool own = !origin.empty() && origin_of(url) == origin;
    std::string next = hop(request, url, redirects == 0, own && !request.token.empty(), answer);
    if (next.empty()) return;
    if (request.stop_at && origin_of(next) != origin && request.stop_at(answer->headers)) {
      return;
    }
    if (redirects == kMaxRedirects) {
      answer->complete = false;
      answer->message = fmt::format("more than {} redirects", kMaxRedirects);
      return;
    }
    url = std::move(next);
  }
}

}  // namespace
}  // namespace clip

extern "C" __attribute__((visibility("default"))) void clip_http_entry(
    const clip::HttpRequest& request, clip::HttpAnswer* answer) {
  clip::answer_request(request, answer);
}
