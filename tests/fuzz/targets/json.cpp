// JSON from outside: what is read is written as it was.
#include "service/json.h"

#include "fuzz.h"

void clip_fuzz::read_input(std::string_view input) {
  const clip::Json json = clip::parse_json(input);
  require(clip::parse_json(clip::json_text(json)) == json, "JSON that is written is read again");
}
