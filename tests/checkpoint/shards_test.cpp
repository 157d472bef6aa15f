#include "checkpoint/shards.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "checkpoint/checkpoint.h"
#include "clip/error.h"
#include "support.h"
#include "zip_writer.h"

using namespace clip;
using namespace clip_test;

namespace {

std::string one_tensor(const std::string& name) {
  const std::string header =
      "{\"" + name + "\": {\"dtype\": \"U8\", \"shape\": [2], \"data_offsets\": [0, 2]}}";
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  return bytes + header + "ab";
}

std::string opening_error(const std::string& path) {
  try {
    open_checkpoint(path);
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

std::string folder_of(const std::string& path) {
  return std::filesystem::path(path).parent_path();
}

}  // namespace

TEST_CASE("a model in several files is one, opened by its index or its folder") {
  write_file("model-1.safetensors", one_tensor("a"));
  write_file("model-2.safetensors", one_tensor("b"));
  const std::string index =
      write_file("model.safetensors.index.json",
                 R"({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}})");
  for (const std::string& path : {index, folder_of(index)}) {
    const auto checkpoint = open_checkpoint(path);
    CHECK(checkpoint->tensors().size() == 2);
    CHECK(checkpoint->files().size() == 2);
    CHECK(checkpoint->path() == index);
  }
  const std::string digest = open_checkpoint(index)->content_digest(false);
  write_file("model-2.safetensors", one_tensor("c"));
  CHECK(contains(opening_error(index), "lacks the weight b"));
  write_file("model-2.safetensors", one_tensor("a"));
  write_file("model.safetensors.index.json",
             R"({"weight_map": {"a": "model-1.safetensors", "c": "model-2.safetensors"}})");
  CHECK(contains(opening_error(index), "lacks the weight c"));
  std::filesystem::remove(folder_of(index) + "/model-2.safetensors");
  CHECK(contains(opening_error(index), "model-2.safetensors is missing"));
  std::filesystem::remove(index);
}

TEST_CASE("an index may name only files beside it") {
  write_file("inside.safetensors", one_tensor("a"));
  const auto error_with = [](const std::string& text) {
    const std::string path = write_file("bad.index.json", text);
    const std::string error = opening_error(path);
    std::filesystem::remove(path);
    return error;
  };
  for (const char* name : {"../inside.safetensors", "/etc/passwd", "sub/x", "..", "", ".hidden"}) {
    CAPTURE(name);
    CHECK(contains(error_with(std::string(R"({"weight_map": {"a": ")") + name + "\"}}"),
                   "expected weights beside it"));
  }
  CHECK(contains(error_with(R"({"weight_map": {"a": 5}})"), "expected weights beside it"));
  CHECK(contains(error_with(R"({"weight_map": {}})"), "no weight_map"));
  CHECK(contains(error_with(R"({"weight_map": 1)"), "no valid JSON"));
}
