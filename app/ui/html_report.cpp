#include "ui/html_report.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string_view>

#include "ui/json.h"

extern "C" const char clip_report_begin[], clip_report_end[];

namespace clip_cli {
namespace {

constexpr std::string_view kMarker = "<!--CLIP_DATA-->";

std::string_view page() {
  return std::string_view(clip_report_begin, std::size_t(clip_report_end - clip_report_begin));
}

// JSON that stands in a script element, which nothing in it may end.
std::string in_script(const Json& json) {
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  for (std::size_t at = 0; (at = text.find('<', at)) != std::string::npos;) {
    text.replace(at, 1, "\\u003c");
  }
  return text;
}

std::string script(const char* id, const std::string& text) {
  return fmt::format("<script type=\"application/json\" id=\"{}\">{}</script>\n", id, text);
}

// RFC 4648, section 4.
std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = i; k < i + 3; ++k) {
      group = group << 8 | (k < bytes.size() ? static_cast<unsigned char>(bytes[k]) : 0U);
    }
    const std::size_t digits = std::min<std::size_t>(bytes.size() - i, 3) + 1;
    for (std::size_t k = 0; k < 4; ++k) {
      text += k < digits ? kDigits[group >> (18 - 6 * k) & 63] : '=';
    }
  }
  return text;
}

// The file's address, by RFC 8089; nothing where it is not there any more.
std::string file_url(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (real == nullptr) return "";
  std::string url = "file://";
  for (const char* c = real.get(); *c != '\0'; ++c) {
    const auto byte = static_cast<unsigned char>(*c);
    const bool plain = std::string_view("-._~/").find(*c) != std::string_view::npos ||
                       ('0' <= *c && *c <= '9') || ('a' <= *c && *c <= 'z') ||
                       ('A' <= *c && *c <= 'Z');
    url += plain ? std::string(1, *c) : fmt::format("%{:02X}", byte);
  }
  return url;
}

}  // namespace

HtmlReport::HtmlReport(const std::string& path, const ReportRun& run)
    : output_(Output::replacing(path)) {
  const Json json = {
      {"model", run.model},
      {"version", CLIP_VERSION},
      {"created", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))},
      {"labels", run.labels},
      {"threshold", run.threshold}};
  output_.write(page().substr(0, page().find(kMarker)));
  output_.write(script("run", in_script(json)));
  output_.write("<script type=\"application/json\" id=\"pictures\">[\n");
}

void HtmlReport::add(const Classified& result, const std::string& thumbnail) {
  Json json = {{"image", result.image}};
  const std::string url = file_url(result.filed.empty() ? result.image : result.filed);
  if (!url.empty()) json["href"] = url;
  if (result.ranking.empty()) {
    json["error"] = result.error;
  } else {
    json["thumbnail"] = base64(thumbnail);
    json["label"] = result.label;
    json["probability"] = result.probability();
    for (const Choice& choice : result.ranking) {
      json["ranking"].push_back(Json::array({choice.label, choice.probability}));
    }
  }
  output_.write((first_ ? "" : ",\n") + in_script(json));
  first_ = false;
}

void HtmlReport::finish(const ReportSummary& summary) {
  output_.write("\n]</script>\n");
  output_.write(script("summary", in_script({{"pictures", summary.pictures},
                                             {"failed", summary.failed},
                                             {"seconds", summary.seconds},
                                             {"interrupted", summary.interrupted}})));
  output_.write(page().substr(page().find(kMarker) + kMarker.size()));
  output_.commit();
}

}  // namespace clip_cli
