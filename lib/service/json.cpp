#include "service/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "base/utf8.h"

namespace clip {
namespace {

// Characters that end a line for some readers, which JSON may hold as they are, and their escapes.
struct LineEnd {
  std::string_view bytes, escape;
};
constexpr LineEnd kLineEnds[] = {{"\xc2\x85", "\\u0085"},       // NEXT LINE
                                 {"\xe2\x80\xa8", "\\u2028"},   // LINE SEPARATOR
                                 {"\xe2\x80\xa9", "\\u2029"}};  // PARAGRAPH SEPARATOR

// JSON holds them inside strings only, where an escape means the same.
void escape_line_ends(std::string* json) {
  for (const LineEnd& each : kLineEnds) {
    std::size_t at = json->find(each.bytes);
    if (at == std::string::npos) continue;
    std::string escaped;
    std::size_t begin = 0;
    for (; at != std::string::npos; at = json->find(each.bytes, begin)) {
      escaped.append(*json, begin, at - begin).append(each.escape);
      begin = at + each.bytes.size();
    }
    *json = escaped.append(*json, begin, std::string::npos);
  }
}

bool has_equal_keys(const Json::object_t& object) {
  constexpr std::size_t kFew = 16;  // that are compared one by one
  if (object.size() <= kFew) {
    for (auto one = object.begin(); one != object.end(); ++one) {
      for (auto other = std::next(one); other != object.end(); ++other) {
        if (one->first == other->first) return true;
      }
    }
    return false;
  }
  std::unordered_map<std::string_view, bool> seen;
  return std::any_of(object.begin(), object.end(),
                     [&](const auto& each) { return !seen.emplace(each.first, true).second; });
}

// Of equal keys the last one counts, as in Python and JavaScript, in the place of the first.
void keep_last_values(Json::object_t* object) {
  if (!has_equal_keys(*object)) return;
  Json::object_t kept;
  std::unordered_map<std::string, std::size_t> places;
  for (auto& [key, value] : *object) {
    const auto [place, is_new] = places.emplace(key, kept.size());
    if (is_new) {
      kept.push_back({key, std::move(value)});
    } else {
      (kept.begin() + static_cast<std::ptrdiff_t>(place->second))->second = std::move(value);
    }
  }
  *object = std::move(kept);
}

Error no_json(std::size_t byte) {
  return Error(ErrorCode::kCorrupt, fmt::format("it is no JSON: byte {}", byte));
}

// Builds a value out of what the parser finds. The library's own way takes time in the square of an
// object's keys, and goes as deep as the text does.
class Builder : public nlohmann::json_sax<Json> {
 public:
  explicit Builder(std::size_t max_depth) : max_depth_(max_depth) {}

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t& value) override { return add(std::move(value)); }

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool key(string_t& name) override {
    open_.back()->get_ref<Json::object_t&>().push_back({std::move(name), nullptr});
    return true;
  }
  bool end_object() override {
    keep_last_values(open_.back()->get_ptr<Json::object_t*>());
    open_.pop_back();
    return true;
  }
  bool end_array() override {
    open_.pop_back();
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    constexpr int kNumberOverflow = 406;
    error_ = error.id == kNumberOverflow
                 ? Error(ErrorCode::kCorrupt,
                         fmt::format("it is no JSON that can be read: a double cannot hold the "
                                     "number that ends at byte {}",
                                     position))
                 : no_json(position);
    return false;
  }

  // Throws Error when the text was no JSON.
  Json take() {
    if (error_) throw *error_;
    return std::move(root_);
  }

 private:
  bool open(Json&& container) {
    if (open_.size() == max_depth_) {
      error_ = Error(ErrorCode::kLimit, fmt::format("it is nested more than {} deep", max_depth_));
      return false;
    }
    open_.push_back(place(std::move(container)));
    return true;
  }

  bool add(Json&& value) {
    place(std::move(value));
    return true;
  }

  // Where the value stands now. Containers that are still open do not move: only the innermost
  // grows.
  Json* place(Json&& value) {
    Json* at = &root_;
    if (!open_.empty() && open_.back()->is_array()) {
      auto& array = open_.back()->get_ref<Json::array_t&>();
      array.emplace_back();
      at = &array.back();
    } else if (!open_.empty()) {
      at = &open_.back()->get_ref<Json::object_t&>().back().second;
    }
    *at = std::move(value);
    return at;
  }

  const std::size_t max_depth_;
  Json root_;
  std::vector<Json*> open_;  // from the root to the innermost
  std::optional<Error> error_;
};

}  // namespace

std::string json_text(const Json& json) {
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  escape_line_ends(&text);
  return text;
}

std::string json_line(const Json& json) {
  return json_text(json) + '\n';
}

void put_name(Json* object, const std::string& key, const std::string& bytes) {
  (*object)[key] = bytes;
  if (!is_utf8(bytes)) (*object)[key + "_hex"] = hex_of(bytes);
}

std::string name_in(const Json& object, const std::string& key) {
  const auto hex = object.find(key + "_hex");
  if (hex != object.end()) return bytes_of_hex(hex->get_ref<const std::string&>());
  return object.at(key).get<std::string>();
}

Json parse_json(std::string_view text, std::size_t max_depth) {
  // The parser takes a NUL byte for the end of the text. JSON holds none, not even in strings.
  const std::size_t nul = text.find('\0');
  if (nul != std::string_view::npos) throw no_json(nul + 1);
  Builder builder(max_depth);
  Json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

}  // namespace clip
