#include "checkpoint/safetensors.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

#include "checkpoint/checkpoint.h"
#include "checkpoint/formats.h"
#include "clip/error.h"
#include "support.h"
#include "zip_writer.h"

using namespace clip;
using namespace clip_test;

namespace {

std::string file_of(const std::string& header, const std::string& data) {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(header.size() >> (8 * i));
  return bytes + header + data;
}

std::string opening_error(const std::string& bytes) {
  try {
    open_checkpoint_file(write_file("weights.safetensors", bytes));
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("tensors of every type are views of the file, wherever they lie") {
  const std::string header = R"({"__metadata__": {"format": "pt"},
    "b": {"dtype": "F16", "shape": [2, 3], "data_offsets": [1, 13]},
    "a": {"dtype": "BOOL", "shape": [1], "data_offsets": [0, 1]},
    "scalar": {"shape": [], "data_offsets": [13, 17], "dtype": "F32"},
    "empty": {"dtype": "I64", "shape": [0, 4], "data_offsets": [17, 17]},
    "d": {"dtype": "F64", "shape": [1], "data_offsets": [17, 25]},
    "h": {"dtype": "BF16", "shape": [1, 1], "data_offsets": [25, 27]}}   )";
  std::string data(27, '\0');
  const float number = 1.5F;
  std::memcpy(&data[13], &number, 4);
  data[1] = 0x00, data[2] = 0x3c;    // 1.0 in float16
  data[25] = 0x40, data[26] = 0x40;  // 3.0 in bfloat16
  const auto checkpoint = open_checkpoint_file(write_file("good.bin", file_of(header, data)));
  CHECK(std::string(checkpoint->format()) == "safetensors");
  CHECK_FALSE(checkpoint->has_code());
  REQUIRE(checkpoint->tensors().size() == 6);
  CHECK(checkpoint->scalar("scalar") == 1.5);
  CHECK(element(*checkpoint->find("b"), 0) == 1.0F);
  CHECK(element(*checkpoint->find("h"), 0) == 3.0F);
  CHECK(checkpoint->find("b")->strides == Shape{3, 1});
  CHECK(checkpoint->find("empty")->shape == Shape{0, 4});
  CHECK(checkpoint->find("a")->type == TensorType::kBool);
  CHECK(checkpoint->verify().damaged.empty());

  // What is in a tensor, and what it is called, make the digest.
  const std::string digest = checkpoint->content_digest(false);
  CHECK(
      open_checkpoint_file(write_file("same.bin", file_of(header, data)))->content_digest(false) ==
      digest);
  std::string other = data;
  other[26] ^= 1;
  CHECK(open_checkpoint_file(write_file("other.bin", file_of(header, other)))
            ->content_digest(false) != digest);
}

TEST_CASE("whatever the header says that cannot be is an error that names it") {
  const std::string good = R"("x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]})";
  const std::string data(8, '\1');
  CHECK(opening_error(file_of("{" + good + "}", data)) == "none");
  struct Case {
    std::string header;
    const char* message;
  };
  const Case cases[] = {
      {"{" + good + ", " + good + "}", "names the tensor x twice"},
      {R"({"__metadata__": {}, "__metadata__": {}, )" + good + "}", "__metadata__ twice"},
      {R"({"__metadata__": {"a": 1}, )" + good + "}", "a of __metadata__"},
      {R"({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]})", "no valid JSON"},
      {"{" + good + "} x", "no valid JSON"},
      {R"({"x": {"dtype": "F8_E4M3", "shape": [8], "data_offsets": [0, 8]}})", "type F8_E4M3"},
      {R"({"x": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}})", "cannot lie at"},
      {R"({"x": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}})", "cannot lie at"},
      {R"({"x": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}})", "cut short"},
      {R"({"x": {"dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 8]}})",
       "cannot lie at"},
      {R"({"x": {"dtype": "F32", "shape": [0, 4294967296, 4294967296], "data_offsets": [0, 0]}})",
       "cannot lie at"},
      {R"({"x": {"dtype": "F32", "shape": [4294967296, 4294967296, 0], "data_offsets": [0, 0]}})",
       "cannot lie at"},
      {R"({"x": {"dtype": "F64", "shape": [2305843009213693952], "data_offsets": [0, 8]}})",
       "cannot lie at"},
      {R"({"x": {"dtype": "F32", "shape": [9223372036854775808], "data_offsets": [0, 8]}})",
       "shape of x"},
      {R"({"x": {"dtype": "F32", "shape": [18446744073709551616], "data_offsets": [0, 8]}})",
       "shape of x"},
      {R"({"x": {"dtype": "F32", "shape": [2], "data_offsets": [18446744073709551608, 8]}})",
       "cannot lie at"},
      {R"({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 18446744073709551615]}})",
       "cut short"},
      {R"({"x": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}})", "shape of x"},
      {R"({"x": {"dtype": "F32", "shape": [2.0], "data_offsets": [0, 8]}})", "shape of x"},
      {R"({"x": {"dtype": "F32", "shape": [[2]], "data_offsets": [0, 8]}})", "shape of x"},
      {R"({"x": {"dtype": "F32", "shape": 2, "data_offsets": [0, 8]}})", "shape of x"},
      {R"({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0]}})", "data_offsets of x"},
      {R"({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], "z": 1}})", "z of x"},
      {R"({"x": {"dtype": "F32", "shape": [2]}})", "lacks dtype, shape or data_offsets"},
      {R"({"x": {"dtype": "F32", "dtype": "F32", "shape": [2], "data_offsets": [0, 8]}})",
       "dtype of x"},
      {R"({"x": 5})", "no object of objects"},
      {R"({"x": {"y": {}}})", "nests objects"},
      {R"({"x": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}})", "belong to none"},
      {R"({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})",
       "4 bytes behind its tensors"},
      {R"({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
           "y": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}})",
       "belong to two of them"},
      {R"({"x": {"dtype": "F32", "shape": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2],
           "data_offsets": [0, 8]}})",
       "shape of x"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.header);
    const std::string error = opening_error(file_of(each.header, data));
    CAPTURE(error);
    CHECK(contains(error, each.message));
  }
  std::string longer = file_of("{" + good + "}", data);
  longer[6] = 1;  // a header of 2^48 bytes is no safetensors file at all
  CHECK(contains(opening_error(longer), "not a model file of a known format"));
  longer[6] = 0, longer[4] = 1;  // of 4 GiB
  CHECK(contains(opening_error(longer), "more than the 100000000"));
  longer[4] = 0, longer[2] = 1;
  CHECK(contains(opening_error(longer), "cut short"));
}

TEST_CASE("a header of a million dimensions is refused") {
  std::string shape = "1";
  for (int i = 0; i < 1'000'000; ++i) shape += ",1";
  CHECK(contains(opening_error(file_of(R"({"x": {"dtype": "F32", "shape": [)" + shape +
                                           R"(], "data_offsets": [0, 4]}})",
                                       "1234")),
                 "shape of x"));
}

TEST_CASE("files of other kinds are called by their names") {
  const std::pair<std::string, const char*> files[] = {
      {"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git lfs pull"},
      {"\n <!DOCTYPE html><html></html>", "a web page"},
      {"<html><body>404</body></html>", "a web page"},
      {"<?xml version=\"1.0\"?><Error/>", "an XML document"},
      {"GGUF\3", "a GGUF file"},
      {std::string("\x08\x07\x12\x07pytorch\x1a\x05"
                   "2.0.1",
                   17),
       "an ONNX model"},
      {"\x89HDF\r\n\x1a\n", "an HDF5 file"},
      {std::string("\x1c\0\0\0TFL3", 8), "TensorFlow Lite"},
      {"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", "before PyTorch 1.6"},
      {"\x80\x04\x95", "a pickle of Python"},
      {"\x1f\x8b\x08", "gzip"},
      {"{\"a\": 1}", "a JSON document"},
      {"just text\n", "a text file"},
  };
  for (const auto& [bytes, kind] : files) {
    const std::string what = kind;
    CAPTURE(what);
    CHECK(contains(opening_error(bytes), what));
  }
  CHECK(contains(opening_error(""), "empty"));
}
