#include "configuration/file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "base/file.h"
#include "base/strings.h"
#include "clip/error.h"
#include "usage_error.h"

namespace clip_cli {
namespace {

constexpr std::uint64_t kMaxBytes = 64 << 10;
// Dots of a line, outside of quotes, that make tables in tables: toml++ frees them one within the
// other, which would take as much stack as a hostile file wants.
constexpr int kMaxDots = 16;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

[[noreturn]] void fail(const std::string& path, std::size_t line, const std::string& what) {
  throw UsageError(fmt::format("{}:{}: {}", path, line, what));
}

// toml++ 3.3 takes for granted that a key follows the brackets of a section, whatever is there.
bool begins_without_name(std::string_view line) {
  const auto skip = [&] {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  };
  skip();
  if (line.empty() || line.front() != '[') return false;
  line.remove_prefix(1);
  skip();
  if (!line.empty() && line.front() == '[') line.remove_prefix(1);
  skip();
  if (line.empty()) return true;
  const auto first = static_cast<unsigned char>(line.front());
  return first >= 0x80 || (std::isalnum(first) == 0 && std::strchr("_-\"']", first) == nullptr);
}

void check_lines(const std::string& text, const std::string& path) {
  clip::Lines lines(text);
  for (std::string_view line; lines.next(&line);) {
    if (begins_without_name(line)) {
      fail(path, lines.number(), "a name is expected behind the bracket, as in [classify]");
    }
    int dots = 0;
    char quote = 0;
    for (const char each : line) {
      if (quote != 0) {
        if (each == quote) quote = 0;
      } else if (each == '"' || each == '\'') {
        quote = each;
      } else if (each == '#') {
        break;
      } else if (each == '.' && ++dots > kMaxDots) {
        fail(path, lines.number(), fmt::format("more than {} dots in a key", kMaxDots));
      }
    }
  }
}

// One value as text; nothing for what no option takes.
bool text_of(const toml::node& node, std::string* text) {
  if (const auto* string = node.as_string()) {
    *text = string->get();
  } else if (const auto* integer = node.as_integer()) {
    *text = fmt::format("{}", integer->get());
  } else if (const auto* number = node.as_floating_point()) {
    *text = fmt::format("{}", number->get());
  } else if (const auto* boolean = node.as_boolean()) {
    *text = boolean->get() ? "true" : "false";
  } else {
    return false;
  }
  // It would end there for whoever uses it.
  return text->find('\0') == std::string::npos;
}

class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  void read(const toml::table& table, const std::vector<std::string>& section) {
    for (const auto& [name, node] : table) {
      const std::string key(name.str());
      const std::size_t line = node.source().begin.line;
      if (const auto* below = node.as_table()) {
        std::vector<std::string> names = section;
        names.push_back(key);
        if (names.size() > 2) {  // no command is nested deeper
          fail(path_, line, fmt::format("there is no section [{}]", fmt::join(names, ".")));
        }
        // An empty section counts as well: its name may be wrong.
        settings.push_back({names, "", {}, false, false, false, line});
        read(*below, names);
        continue;
      }
      settings.push_back(setting_of(section, key, node, line));
    }
  }

  std::vector<Setting> settings;

 private:
  Setting setting_of(const std::vector<std::string>& section, const std::string& key,
                     const toml::node& node, std::size_t line) const {
    Setting setting;
    setting.section = section;
    setting.key = key;
    setting.line = line;
    const auto add = [&](const toml::node& value) {
      std::string text;
      if (!text_of(value, &text)) {
        fail(path_, line,
             fmt::format("{} takes a text, a number, true or false, or a list of them", key));
      }
      setting.values.push_back(text);
    };
    if (const auto* list = node.as_array()) {
      setting.is_list = true;
      for (const toml::node& each : *list) add(each);
    } else {
      setting.is_flag = node.is_boolean();
      setting.is_number = node.is_number();
      add(node);
    }
    return setting;
  }

  const std::string path_;
};

}  // namespace

std::string Setting::name() const {
  std::vector<std::string> names = section;
  if (!key.empty()) names.push_back(key);
  return fmt::format("{}", fmt::join(names, "."));
}

ConfigurationPlace configuration_place(const std::string& named, bool none) {
  if (none) return {};
  if (!named.empty()) return {named, true};
  if (const char* chosen = std::getenv("CLIP_CONFIG")) {
    return {chosen, *chosen != '\0'};
  }
  // The specification has relative paths ignored.
  const std::string folder = variable("XDG_CONFIG_HOME");
  if (!folder.empty() && folder.front() == '/') return {folder + "/clip-cli/config.toml", false};
  const std::string home = variable("HOME");
  if (home.empty()) return {};
  return {home + "/.config/clip-cli/config.toml", false};
}

ConfigurationFile read_configuration(const ConfigurationPlace& place) {
  ConfigurationFile file;
  file.path = place.path;
  if (place.path.empty()) return file;
  struct stat status;
  if (::stat(place.path.c_str(), &status) != 0) {
    if ((errno == ENOENT || errno == ENOTDIR) && !place.is_named) return file;
    throw UsageError(clip::file_error("read the configuration file", place.path, errno).what());
  }
  if (!S_ISREG(status.st_mode)) {
    throw UsageError(fmt::format("the configuration file {} is not a regular file", place.path));
  }
  file.exists = true;
  if (status.st_size == 0) return file;
  std::string text;
  try {
    clip::ReadOptions options;
    options.only_regular = true;
    options.max_bytes = kMaxBytes;
    text = clip::read_file(place.path, options);
  } catch (const clip::Error& error) {
    throw UsageError(fmt::format("the configuration file cannot be used: {}", error.what()));
  }
  file.settings = parse_configuration(text, place.path);
  return file;
}

std::vector<Setting> parse_configuration(const std::string& text, const std::string& path) {
  check_lines(text, path);
  Reader reader(path);
  try {
    reader.read(toml::parse(text, path), {});
  } catch (const toml::parse_error& error) {
    std::string what(error.description());
    if (what.find("determine value type") != std::string::npos) {
      what = "the value is neither true, false nor a number; texts need quotes: model = \"demo\"";
    }
    fail(path, error.source().begin.line, what);
  }
  std::stable_sort(reader.settings.begin(), reader.settings.end(),
                   [](const Setting& a, const Setting& b) { return a.line < b.line; });
  return reader.settings;
}

std::string toml_string(const std::string& text) {
  std::string quoted = "\"";
  for (const char each : text) {
    const auto byte = static_cast<unsigned char>(each);
    if (each == '"' || each == '\\') {
      quoted += '\\';
      quoted += each;
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\u{:04x}", byte);
    } else {
      quoted += each;
    }
  }
  return quoted + "\"";
}

}  // namespace clip_cli
