#include "input/image_urls.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/file.h"
#include "base/strings.h"
#include "clip/error.h"
#include "hub/http.h"

namespace clip_cli {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{256} << 20;
constexpr int kStallSeconds = 30;
constexpr std::chrono::minutes kMaxTime{5};
constexpr std::size_t kShownOfData = 48;  // bytes of a data URL that its name keeps

[[noreturn]] void refuse(const std::string& name, const std::string& why) {
  throw clip::Error(clip::ErrorCode::kInvalidArgument, fmt::format("cannot use {}: {}", name, why));
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 3986, 2.1. A "%" that no two digits follow stands for itself.
std::string without_percents(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) {
      bytes += text[i];
      continue;
    }
    bytes += static_cast<char>(16 * high + low);
    i += 2;
  }
  return bytes;
}

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;  // the second of each pair: RFC 4648's alphabet for URLs
  if (c == '/' || c == '_') return 63;
  return -1;
}

// RFC 4648, with blanks and line ends passed over, and the padding left to the writer. Nothing for
// other characters, and for digits that make no whole byte.
std::optional<std::string> bytes_of_base64(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 3);
  std::uint32_t bits = 0;
  int count = 0;  // of digits
  std::size_t i = 0;
  for (; i < text.size() && text[i] != '='; ++i) {
    if (text[i] == ' ' || (text[i] >= '\t' && text[i] <= '\r')) continue;
    const int digit = base64_digit(text[i]);
    if (digit < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if (++count % 4 != 1) bytes += static_cast<char>(bits >> (6 - 2 * ((count - 1) % 4)) & 0xff);
  }
  const bool only_padding = text.find_first_not_of("= \t\r\n", i) == std::string_view::npos;
  if (count % 4 == 1 || !only_padding) return std::nullopt;
  return bytes;
}

// data:[<media type>][;base64],<data>
std::string bytes_of_data_url(const std::string& url, const std::string& name) {
  const std::size_t comma = url.find(',');
  if (comma == std::string::npos) refuse(name, "its comma is missing: data:image/png;base64,...");
  const std::string head = clip::lower_ascii(std::string_view(url).substr(0, comma));
  std::string bytes = without_percents(std::string_view(url).substr(comma + 1));
  if (!clip::ends_with(head, ";base64")) return bytes;
  std::optional<std::string> decoded = bytes_of_base64(bytes);
  if (!decoded) refuse(name, "its data are no base64");
  return *std::move(decoded);
}

// file:/PATH, file:///PATH, file://localhost/PATH (RFC 8089).
std::string path_of_file_url(const std::string& url) {
  std::string_view rest = std::string_view(url).substr(5);
  if (clip::starts_with(rest, "//")) {
    rest.remove_prefix(2);
    const std::size_t slash = rest.find('/');
    const std::string host = clip::lower_ascii(rest.substr(0, slash));
    if (!host.empty() && host != "localhost") {
      refuse(url, fmt::format("it names a file of another machine, {}", host));
    }
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
  }
  if (rest.empty() || rest.front() != '/') refuse(url, "a file URL goes on as file:///folder/name");
  return without_percents(rest);
}

std::string fetch(const std::string& url, const clip::CancelToken* stop) {
  const auto start = std::chrono::steady_clock::now();
  std::string bytes;
  bool too_large = false, too_slow = false;
  clip::HttpRequest request;
  request.url = url;
  request.stall_seconds = kStallSeconds;
  request.body = [&](const char* data, std::size_t size, long) {
    // What is too large ends at the next call of progress().
    too_large = too_large || size > kMaxBytes - bytes.size();
    if (!too_large) bytes.append(data, size);
  };
  request.progress = [&](std::uint64_t size, long) {
    too_large = too_large || size > kMaxBytes;
    too_slow = std::chrono::steady_clock::now() - start > kMaxTime;
    return !too_large && !too_slow && (stop == nullptr || !stop->cancelled());
  };
  const clip::HttpAnswer answer = clip::http(request);
  if (too_large) {
    throw clip::Error(clip::ErrorCode::kLimit,
                      fmt::format("cannot use {}: it is larger than {} MiB", url, kMaxBytes >> 20));
  }
  if (too_slow) {
    throw clip::Error(
        clip::ErrorCode::kIo,
        fmt::format("cannot fetch {}: it takes more than {} min", url, kMaxTime.count()));
  }
  if (answer.stopped) throw clip::Error(clip::ErrorCode::kCancelled, "interrupted");
  if (!answer.complete) {
    throw clip::Error(answer.status == 404 ? clip::ErrorCode::kNotFound : clip::ErrorCode::kIo,
                      fmt::format("cannot fetch {}: {}", url, answer.message));
  }
  if (bytes.empty()) refuse(url, "it is empty");
  return bytes;
}

}  // namespace

UrlKind url_kind(std::string_view name) {
  const std::string scheme = clip::lower_ascii(name.substr(0, 8));
  if (clip::starts_with(scheme, "http://") || scheme == "https://") return UrlKind::kHttp;
  if (clip::starts_with(scheme, "file:/")) return UrlKind::kFile;
  if (clip::starts_with(scheme, "data:")) {
    const std::string_view type = name.substr(5, name.find(',') - 5);
    if (type.size() < name.size() - 5 && type.find(' ') == std::string_view::npos) {
      return UrlKind::kData;
    }
  }
  return UrlKind::kNone;
}

void resolve_url(const clip::CancelToken* stop, clip::ImageSource* source) {
  const std::string url = source->name;
  switch (url_kind(url)) {
    case UrlKind::kNone:
      return;
    case UrlKind::kData:
      if (url.size() > kShownOfData) source->name = url.substr(0, kShownOfData) + "...";
      source->load = [url, name = source->name] { return bytes_of_data_url(url, name); };
      return;
    case UrlKind::kFile:
      source->load = [url] { return clip::read_file(path_of_file_url(url)); };
      return;
    case UrlKind::kHttp:
      source->load = [url, stop] { return fetch(url, stop); };
      return;
  }
}

}  // namespace clip_cli
