#include "writers/html_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/embedded_file.h"
#include "base/file.h"

extern "C" const clip::EmbeddedFile clip_report[];

namespace clip_cli {
namespace {

constexpr std::string_view kMarker = "<!--CLIP_DATA-->";

std::string in_script(const clip::Json& json) {
  std::string text = clip::json_text(json);
  for (std::size_t at = 0; (at = text.find('<', at)) != std::string::npos;) {
    text.replace(at, 1, "\\u003c");
  }
  return text;
}

std::string script(const char* id, const std::string& text) {
  return fmt::format("<script type=\"application/json\" id=\"{}\">{}</script>\n", id, text);
}

}  // namespace

void HtmlReport::begin(const clip::Json& run, Output* output) {
  const std::string_view page = clip_report[0].bytes();
  output->write(page.substr(0, page.find(kMarker)));
  output->write(script("run", in_script(run)));
  output->write("<script type=\"application/json\" id=\"images\">[\n");
}

void HtmlReport::add(const clip::Json& image, Output* output) {
  output->write((first_ ? "" : ",\n") + in_script(image));
  first_ = false;
}

void HtmlReport::end(const clip::Json& summary, Output* output) {
  const std::string_view page = clip_report[0].bytes();
  output->write("\n]</script>\n");
  output->write(script("summary", in_script(summary)));
  output->write(page.substr(page.find(kMarker) + kMarker.size()));
}

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

std::string file_url(const std::string& path) {
  const std::string real = clip::real_path(path);
  if (real.empty()) return "";
  std::string url = "file://";
  for (const char c : real) {
    const bool plain = std::string_view("-._~/").find(c) != std::string_view::npos ||
                       ('0' <= c && c <= '9') || ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z');
    url += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return url;
}

}  // namespace clip_cli
