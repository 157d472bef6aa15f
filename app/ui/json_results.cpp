#include <utility>

#include "ui/classified.h"
#include "ui/json.h"

namespace clip_cli {
namespace {

class JsonResults : public ResultFormat {
 public:
  explicit JsonResults(const ResultColumns& columns) : columns_(columns) {}

  std::string row(const Classified& result) const override {
    Json json = {{"image", result.image}};
    if (const std::string hex = hex_unless_utf8(result.image); !hex.empty())
      json["image_hex"] = hex;
    json["model"] = columns_.model;
    if (!result.ranking.empty()) {
      json["label"] = result.label;
      json["probability"] = result.probability();
      Json ranking = Json::array();
      for (const Choice& choice : result.ranking) {
        ranking.push_back({{"label", choice.label},
                           {"probability", choice.probability},
                           {"score", choice.score}});
      }
      json["ranking"] = std::move(ranking);
    }
    if (!result.filed.empty()) json["filed"] = result.filed;
    if (!result.error.empty()) json["error"] = result.error;
    return json_line(json);
  }

 private:
  const ResultColumns columns_;
};

}  // namespace

std::unique_ptr<ResultFormat> json_results(const ResultColumns& columns) {
  return std::make_unique<JsonResults>(columns);
}

}  // namespace clip_cli
