#include "checkpoint/foreign.h"

#include <algorithm>

#include "base/strings.h"

namespace clip {
namespace {

constexpr const char* kGetWeights =
    "get the weights themselves, as safetensors or as PyTorch saves them";

struct ForeignKind {
  bool (*matches)(std::string_view bytes);
  const char* what;
  const char* advice;  // null: kGetWeights
};

bool begins(std::string_view bytes, std::string_view with) {
  return bytes.substr(0, with.size()) == with;
}

// The first characters that are no blanks, in lower case.
std::string first_text(std::string_view bytes) {
  const auto start = bytes.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  return start == std::string_view::npos ? "" : lower_ascii(bytes.substr(start, 64));
}

bool is_lfs_pointer(std::string_view bytes) {
  return begins(bytes, "version https://git-lfs.github.com/spec/");
}

bool is_web_page(std::string_view bytes) {
  const std::string text = first_text(bytes);
  return begins(text, "<!doctype html") || begins(text, "<html") || begins(text, "<head");
}

bool is_xml(std::string_view bytes) {
  return begins(first_text(bytes), "<?xml");
}

// A ModelProto: field 1, the version of the format, then field 2, the producer, or another one.
bool is_onnx(std::string_view bytes) {
  return bytes.size() > 16 && bytes[0] == 0x08 && bytes[1] > 0 && bytes[1] < 32 &&
         (bytes[2] == 0x12 || bytes[2] == 0x1a || bytes[2] == 0x22 || bytes[2] == 0x3a ||
          bytes[2] == 0x42);
}

// What torch.save wrote before PyTorch 1.6: pickles, the first of which is the number
// 0x1950a86a20f9469cfc6c.
bool is_old_torch_save(std::string_view bytes) {
  return begins(bytes, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19");
}

bool is_pickle(std::string_view bytes) {
  return bytes.size() > 2 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5;
}

bool is_tar(std::string_view bytes) {
  return bytes.size() > 262 && bytes.substr(257, 5) == "ustar";
}

bool is_json(std::string_view bytes) {
  const std::string text = first_text(bytes);
  return begins(text, "{") || begins(text, "[");
}

bool is_text(std::string_view bytes) {
  const std::string_view start = bytes.substr(0, 512);
  return std::all_of(start.begin(), start.end(), [](char c) {
    return c == '\n' || c == '\r' || c == '\t' || static_cast<unsigned char>(c) >= 32;
  });
}

// In this order: the last ones are the vaguest.
constexpr ForeignKind kKinds[] = {
    {is_lfs_pointer, "a pointer of Git LFS and not the file that it stands for",
     "run `git lfs pull` in its repository, or download the file itself"},
    {is_web_page, "a web page, as a server sends one instead of a file that it refuses",
     "open the address in a browser, and download the file itself"},
    {[](std::string_view bytes) { return begins(bytes, "GGUF"); },
     "a GGUF file of llama.cpp's kind", nullptr},
    {[](std::string_view bytes) { return bytes.substr(0, 4) == "ggml" || begins(bytes, "lmgg"); },
     "a GGML file", nullptr},
    {[](std::string_view bytes) { return begins(bytes, "\x89HDF"); },
     "an HDF5 file, as Keras and TensorFlow write them", nullptr},
    {[](std::string_view bytes) {
       return bytes.substr(std::min<std::size_t>(bytes.size(), 4), 4) == "TFL3";
     },
     "a TensorFlow Lite model", nullptr},
    {is_old_torch_save, "a file that torch.save wrote before PyTorch 1.6",
     "save it anew with a later one: torch.save(torch.load(FILE), FILE)"},
    {is_pickle, "a pickle of Python, which is a program and is not run here",
     "save the weights as safetensors, or as a state dict with torch.save"},
    {[](std::string_view bytes) { return begins(bytes, "\x1f\x8b"); }, "compressed with gzip",
     "decompress it with gunzip"},
    {[](std::string_view bytes) {
       return begins(bytes,
                     "\xfd"
                     "7zXZ");
     },
     "compressed with xz", "decompress it with unxz"},
    {[](std::string_view bytes) { return begins(bytes, "\x28\xb5\x2f\xfd"); },
     "compressed with zstd", "decompress it with unzstd"},
    {is_tar, "a tar archive", "unpack it with tar, and name the model's file or folder"},
    {[](std::string_view bytes) { return begins(bytes, "\x93NUMPY"); }, "an array of NumPy",
     nullptr},
    {is_onnx, "an ONNX model", nullptr},
    {is_xml, "an XML document, such as a server's error or a part of an OpenVINO model", nullptr},
    {is_json, "a JSON document", "name the folder that it is in, which has the weights beside it"},
    {is_text, "a text file", nullptr},
};

}  // namespace

std::string describe_foreign_file(std::string_view bytes) {
  for (const ForeignKind& kind : kKinds) {
    if (!kind.matches(bytes)) continue;
    return std::string(kind.what) + "; " + (kind.advice != nullptr ? kind.advice : kGetWeights);
  }
  return "";
}

}  // namespace clip
