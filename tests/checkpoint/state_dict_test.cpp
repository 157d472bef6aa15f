// State dicts as torch.save writes them, with made-up pickles; those of PyTorch itself are read by
// the tests of the command line.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/formats.h"
#include "clip/error.h"
#include "support.h"
#include "zip_writer.h"

using namespace clip;
using namespace clip_test;

namespace {

std::string text(const std::string& value) {
  return std::string("X") + static_cast<char>(value.size()) + std::string(3, '\0') + value;
}

// torch._utils._rebuild_tensor_v2 of storage "0", which has one float; shape and strides are
// tuples.
std::string tensor_of(const std::string& offset, const std::string& shape,
                      const std::string& strides, const std::string& storage = "FloatStorage") {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\n" + storage + "\n" +
         text("0") + text("cpu") + "K\1tQ" + offset + shape + strides + "\x89)tR";
}

// LONG1, of eight bytes.
std::string number(std::int64_t value) {
  std::string bytes = "\x8a\x08";
  for (int i = 0; i < 64; i += 8) {
    bytes += static_cast<char>(static_cast<std::uint64_t>(value) >> i & 0xff);
  }
  return bytes;
}

std::string tuple(const std::vector<std::int64_t>& values) {
  std::string items = "(";
  for (const std::int64_t value : values) items += number(value);
  return items + "t";
}

std::string tensor() {
  return tensor_of(number(0), tuple({1}), tuple({1}));
}

std::string parameter() {
  return "ctorch._utils\n_rebuild_parameter\n" + tensor() + "\x88)\x87R";
}

std::string dict(const std::string& items) {
  return "}(" + items + "u";
}

std::string ordered(const std::string& items) {
  return "ccollections\nOrderedDict\n)R(" + items + "u}" + text("_metadata") + "}sb";
}

std::unique_ptr<Checkpoint> open(const std::string& pickle) {
  return open_checkpoint_file(
      write_file("state.bin", zip({{"archive/data.pkl", "\x80\x02" + pickle + "."},
                                   {"archive/data/0", std::string("\0\0\xc0\x3f", 4)}})));
}

std::string opening_error(const std::string& pickle) {
  try {
    open(pickle);
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("a state dict is found wherever training programs put it") {
  const std::string items = text("logit_scale") + tensor() + text("w") + parameter();
  const std::string wrapped =
      text("module.logit_scale") + tensor() + text("module.w") + parameter();
  for (const std::string& pickle :
       {dict(items), ordered(items),
        dict(text("epoch") + "K\5" + text("state_dict") + ordered(items)),
        dict(text("model_state_dict") + dict(items) + text("epoch") + "K\5"),
        dict(text("optimizer") + dict("K\2" + tensor()) + text("model") + dict(items)),
        dict(wrapped), dict(text("state_dict") + ordered(wrapped)),
        dict(text("_orig_mod.module.logit_scale") + tensor() + text("_orig_mod.module.w") +
             tensor())}) {
    const auto checkpoint = open(pickle);
    CHECK(std::string(checkpoint->format()) == "PyTorch state dict");
    CHECK_FALSE(checkpoint->has_code());
    REQUIRE(checkpoint->tensors().size() == 2);
    CHECK(checkpoint->scalar("logit_scale") == 1.5);
    CHECK(checkpoint->scalar("w") == 1.5);
  }
}

TEST_CASE("what is no state dict is called what it is, and nothing of it is run") {
  CHECK(contains(opening_error(dict(text("epoch") + "K\5")), "holds no state dict"));
  CHECK(contains(opening_error("cos\nsystem\n" + text("touch /tmp/never") + "\x85R"),
                 "holds a Python object"));
  CHECK(contains(opening_error("K\1"), "holds a Python object"));
  // A wrapper that only some names have is a part of their names.
  const auto some = open(dict(text("module.a") + tensor() + text("b") + tensor()));
  CHECK(some->find("module.a") != nullptr);
}

TEST_CASE("shapes, strides and offsets that no storage has are errors that name the tensor") {
  constexpr std::int64_t kMax = INT64_MAX, kMin = INT64_MIN, kLarge = std::int64_t{1} << 32;
  struct Case {
    std::int64_t offset;
    std::vector<std::int64_t> shape, strides;
    const char* message;
  };
  const Case cases[] = {
      {0, {2}, {1}, "needs 2 elements"},
      {1, {1}, {1}, "its storage has 0"},
      {kMax, {1}, {1}, "its storage has 0"},
      {-1, {1}, {1}, "malformed size"},
      {0, {-1}, {1}, "malformed size"},
      {0, {kMin}, {1}, "malformed size"},
      {0, {1}, {-1}, "malformed size"},
      {0, {2}, {kMax}, "too many elements"},
      {0, {kMax}, {1}, "too many elements"},
      {0, {kMax}, {0}, "too many elements"},
      {0, {kLarge}, {0}, "none"},  // one number over and over: no memory is taken before it is read
      {0, {kLarge, kLarge}, {0, 0}, "too many elements"},
      {0, {0, kLarge, kLarge}, {1, 1, 1}, "too many elements"},
      {0, {kLarge, kLarge, 0}, {1, 1, 1}, "too many elements"},
      {0, {3, 3}, {1, 1}, "needs 5 elements"},
      {0, {1, 1}, {1}, "no proper strides"},
      {0, std::vector<std::int64_t>(17, 1), std::vector<std::int64_t>(17, 1), "no proper shape"},
      {0, std::vector<std::int64_t>(100'000, 1), {1}, "no proper shape"},
      {0, {0}, {1}, "none"},
      {0, {}, {}, "none"},
  };
  for (const Case& each : cases) {
    CAPTURE(to_string(each.shape));
    const std::string error = opening_error(
        dict(text("w") + tensor_of(number(each.offset), tuple(each.shape), tuple(each.strides))));
    CAPTURE(error);
    CHECK(contains(error, each.message));
    CHECK(contains(error, error == "none" ? "" : "tensor w"));
  }
  CHECK(contains(opening_error(dict(text("w") +
                                    tensor_of(number(0), tuple({1}), tuple({1}), "DoubleStorage"))),
                 "its storage has 0"));
  CHECK(contains(opening_error(dict(text("w") + tensor_of(number(0), tuple({1}), tuple({1}),
                                                          "ComplexFloatStorage"))),
                 "elements of type torch.ComplexFloatStorage"));
  // Integers of more than 64 bits are none.
  CHECK(contains(
      opening_error(dict(
          text("w") + tensor_of(number(0), "(\x8a\x09" + std::string(9, '\1') + "t", tuple({1})))),
      "malformed size"));
}

TEST_CASE("a small pickle cannot take much memory") {
  CHECK(contains(opening_error(std::string(300'000, 'N')), "more than 200000 values"));
  CHECK(contains(opening_error("Nq\1" +
                               [] {
                                 std::string recalls;
                                 for (int i = 0; i < 2'100'000; ++i) recalls += "h\1";
                                 return recalls;
                               }()),
                 "more than 2000000 times"));
}
