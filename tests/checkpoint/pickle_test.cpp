#include "checkpoint/pickle.h"

#include <doctest/doctest.h>

#include <string>

#include "clip/error.h"

using clip::Error;
using clip::Pickle;
using Kind = clip::PickleValue::Kind;

namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

}  // namespace

TEST_CASE("numbers keep sign and size") {
  CHECK(Pickle(bytes({0x80, 2, 'K', 200, '.'})).root().integer == 200);
  CHECK(Pickle(bytes({0x80, 2, 'M', 0x34, 0x12, '.'})).root().integer == 0x1234);
  CHECK(Pickle(bytes({'J', 0xfe, 0xff, 0xff, 0xff, '.'})).root().integer == -2);
  CHECK(Pickle(bytes({0x8a, 0, '.'})).root().integer == 0);
  CHECK(Pickle(bytes({0x8a, 2, 0x00, 0xff, '.'})).root().integer == -256);
  CHECK(Pickle(bytes({0x8a, 5, 0, 0, 0, 0, 1, '.'})).root().integer == (std::int64_t{1} << 32));
  CHECK(Pickle(bytes({'G', 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, '.'})).root().real == 1.5);
}

TEST_CASE("containers, memo and objects become plain values") {
  // {"a": (1, True)} with the key memoized, as torch writes dicts.
  const Pickle pickle("\x80\x02}q\x01(X\x01" + std::string(3, '\0') + "aq\x02K\x01\x88\x86u.");
  const auto* value = pickle.root().find("a");
  REQUIRE(value != nullptr);
  REQUIRE(value->is(Kind::kTuple));
  CHECK(value->items[0]->integer == 1);
  CHECK(value->items[1]->is(Kind::kBool));
  CHECK(pickle.root().find("b") == nullptr);

  const Pickle object("c__torch__\nModel\n)\x81}b.");
  CHECK(object.root().made_by("__torch__.Model"));
  REQUIRE(object.root().state() != nullptr);
  CHECK(object.root().state()->is(Kind::kDict));
}

TEST_CASE("what torch never writes is refused, and functions are never called") {
  CHECK_THROWS_AS(Pickle("i__builtin__\neval\n."), Error);  // INST
  // os.system("true") as a REDUCE stays a record of the call.
  const Pickle call("cos\nsystem\nU\x04true\x85R.");
  CHECK(call.root().made_by("os.system"));
}

TEST_CASE("malformed pickles are errors") {
  for (const std::string& text :
       {std::string(), std::string("\x80"), std::string("."), std::string("}"), std::string("t."),
        std::string("u."), std::string("a."), std::string("\x85."), std::string("h\x05."),
        std::string("cmodule"),
        std::string("X\xff\xff\xff\xff"
                    "."),
        std::string("K\x01N\x86"
                    "b."),
        std::string("}(K\x01u."), std::string("N(\x85.")}) {
    CAPTURE(text);
    CHECK_THROWS_AS(Pickle{text}, Error);
  }
}
