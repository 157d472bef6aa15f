#include "image/formats/unreadable.h"

#include <doctest/doctest.h>

#include "clip/image.h"
#include "support.h"

namespace {

std::string name_of(std::string_view bytes, std::string_view path = {}) {
  const char* name = clip::name_of_unreadable(bytes, path);
  return name != nullptr ? name : "";
}

template <std::size_t kSize>
std::string literal(const char (&text)[kSize]) {
  return std::string(text, kSize - 1);
}

}  // namespace

TEST_CASE("well-known kinds that cannot be read have names, by their signatures") {
  CHECK(name_of("8BPS") == "PSD");
  CHECK(name_of("<svg xmlns='...'>") == "SVG");
  CHECK(name_of("\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x -->\n<svg>") == "SVG");
  CHECK(name_of("%PDF-1.4") == "PDF");
  CHECK(name_of("%!PS-Adobe-3.0 EPSF-3.0") == "EPS");
  CHECK(name_of("\xc5\xd0\xd3\xc6") == "EPS");
  CHECK(name_of("\x76\x2f\x31\x01") == "OpenEXR");
  CHECK(name_of("#?RADIANCE\n") == "Radiance HDR");
  CHECK(name_of(literal("\xff\x0a")) == "JPEG XL");
  CHECK(name_of(literal("\0\0\0\x0cJXL \r\n\x87\n")) == "JPEG XL");
  CHECK(name_of(literal("\x0a\x05\x01\x08")) == "PCX");
  CHECK(name_of("icns") == "ICNS");
  CHECK(name_of("DDS ") == "DDS");
  CHECK(name_of("qoif") == "QOI");
  CHECK(name_of("SIMPLE  =                    T") == "FITS");
  CHECK(name_of("PF\n3 2\n-1.0\n") == "PFM");
  CHECK(name_of("P7\nWIDTH 3") == "PAM");
  CHECK(name_of(std::string(128, '\0') + "DICM") == "DICOM");
  CHECK(name_of("FUJIFILMCCD-RAW ") == "camera raw");
  CHECK(name_of(literal("II*\0\x10\0\0\0CR\2\0")) == "camera raw");
  CHECK(name_of(literal("\0\0\0\x18"
                        "ftypcrx \0\0\0\0")) == "camera raw");
}

TEST_CASE("... and by their extensions, where their content says nothing else") {
  CHECK(name_of("?", "a/b.PSD") == "PSD");
  CHECK(name_of("", "x.svgz") == "SVG");
  CHECK(name_of("junk", "scan.dcm") == "DICOM");
  CHECK(name_of(literal("II*\0\x08\0\0\0"), "photo.NEF") == "camera raw");
  CHECK(name_of("\xff\xd8\xff\xe0", "photo.psd") == "");
  CHECK(name_of("\xff\xd8\xff\xe0", "photo.nef") == "");
}

TEST_CASE("a file that ends within its first bytes is looked at no further") {
  for (const std::string& whole :
       {literal("II*\0\x10\0\0\0CR\2\0"), literal("MM\0*\0\0\0\x08"),
        literal("\0\0\0\x18"
                "ftypcrx \0\0\0\0"),
        literal("\0\0\0\x18"
                "ftypheic\0\0\0\0mif1"),
        literal("\0\0\0\x0cJXL \r\n\x87\n"), literal("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        literal("\xff\xd8\xff\xe0\0\x10JFIF"), literal("GIF89a"), literal("RIFF\x10\0\0\0WEBPVP8 "),
        literal("BM\x10\0\0\0\0\0\0\0"), literal("P6 2 2 255\n"), literal("\0\0\1\0\1\0\x10\x10"),
        literal("\x0a\x05\x01\x08"), literal("<?xml?><svg"), std::string(128, '\0') + "DICM"}) {
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      CHECK_NOTHROW(clip::kind_of_bytes(whole.substr(0, size), "notes"));
    }
  }
}

TEST_CASE("other files have none") {
  for (const char* text : {"", "P7", "a text", "<html><body>", "%", "GIF", "PFx", "P6 2 2 255"}) {
    CHECK(name_of(text, "folder.psd/notes.txt") == "");
  }
  CHECK(name_of(literal("\x0a\x05\x01")) == "");
  CHECK(name_of("", "psd") == "");
}

TEST_CASE("errors say what such a file is, and what to do") {
  const auto error = [](std::string_view bytes, const std::string& name) {
    return clip_test::error_of([&] { clip::decode_bytes(bytes, name, {}); });
  };
  CHECK(clip_test::contains(error("<svg>", "a.png"), "it is an SVG drawing; convert it to PNG"));
  CHECK(clip_test::contains(error("?", "a.xcf"), "it is a document of GIMP"));
  CHECK(clip_test::contains(error("?", "a.png"), "unsupported image format"));
}
