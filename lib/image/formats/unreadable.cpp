#include "image/formats/unreadable.h"

#include <algorithm>
#include <sstream>

#include "base/byte_reader.h"
#include "base/strings.h"
#include "image/formats/formats.h"

namespace clip {
namespace {

struct Kind {
  const char* name;        // for counts: "2 PSD"
  const char* extensions;  // in lower case, separated by spaces
  bool (*matches)(std::string_view first_bytes);
  const char* description;
};

template <std::size_t kSize>
bool begins(std::string_view bytes, const char (&signature)[kSize]) {
  return bytes.substr(0, kSize - 1) == std::string_view(signature, kSize - 1);
}

// A file of ISO base media, by the brand that it names first.
bool has_brand(std::string_view bytes, std::initializer_list<std::string_view> brands) {
  return bytes.substr(std::min<std::size_t>(4, bytes.size()), 4) == "ftyp" && bytes.size() >= 12 &&
         std::find(brands.begin(), brands.end(), bytes.substr(8, 4)) != brands.end();
}

bool is_svg(std::string_view bytes) {
  const std::size_t first = bytes.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  return first != std::string_view::npos && bytes[first] == '<' &&
         (bytes.find("<svg") != std::string_view::npos ||
          bytes.find("<!DOCTYPE svg") != std::string_view::npos);
}

bool is_eps(std::string_view bytes) {
  return begins(bytes, "%!PS") || begins(bytes, "\xc5\xd0\xd3\xc6");
}

bool is_raw(std::string_view bytes) {
  return begins(bytes, "FUJIFILMCCD-RAW") || begins(bytes, "IIRO") || begins(bytes, "IIRS") ||
         begins(bytes, "MMOR") || begins(bytes, "IIU\0\x18") || begins(bytes, "FOVb") ||
         begins(bytes, "\0MRM") || begins(bytes, "II\x1a\0\0\0HEAPCCDR") ||
         (begins(bytes, "II*\0") && ByteReader(bytes).starts_with(8, "CR\2")) ||
         has_brand(bytes, {"crx "});
}

bool is_jpeg_xl(std::string_view bytes) {
  return begins(bytes, "\xff\x0a") || begins(bytes, "\0\0\0\x0cJXL \r\n\x87\n");
}

bool is_radiance(std::string_view bytes) {
  return begins(bytes, "#?RADIANCE") || begins(bytes, "#?RGBE");
}

bool is_pcx(std::string_view bytes) {
  const ByteReader reader(bytes);
  if (!reader.holds(0, 4) || reader.u8(0) != 10 || reader.u8(1) > 5 || reader.u8(1) == 1) {
    return false;
  }
  const std::uint32_t bits = reader.u8(3);
  return reader.u8(2) == 1 && (bits == 1 || bits == 2 || bits == 4 || bits == 8);
}

bool is_dicom(std::string_view bytes) {
  return ByteReader(bytes).starts_with(128, "DICM");
}

const Kind kKinds[] = {
    {"JPEG XL", "jxl", is_jpeg_xl, "it is a JPEG XL image; convert it to PNG, as djxl does"},
    {"PSD", "psd psb", [](std::string_view bytes) { return begins(bytes, "8BPS"); },
     "it is a Photoshop document; save it as a PNG"},
    {"SVG", "svg svgz", is_svg, "it is an SVG drawing; convert it to PNG"},
    {"PDF", "pdf ai", [](std::string_view bytes) { return begins(bytes, "%PDF-"); },
     "it is a PDF document; convert its pages to PNG, as pdftoppm does"},
    {"EPS", "eps epsf ps", is_eps, "it is a PostScript document; convert it to PNG"},
    {"camera raw",
     "3fr arw cr2 cr3 crw dcr dng erf fff iiq k25 kdc mef mos mrw nef nrw orf pef raf raw rw2 rwl "
     "sr2 srf srw x3f",
     is_raw, "it is a camera's raw file; convert it to JPEG"},
    {"OpenEXR", "exr", [](std::string_view bytes) { return begins(bytes, "\x76\x2f\x31\x01"); },
     "it is an OpenEXR image, whose levels have no upper end; convert it to PNG"},
    {"Radiance HDR", "hdr rgbe pic", is_radiance,
     "it is a Radiance HDR image, whose levels have no upper end; convert it to PNG"},
    {"PFM", "pfm",
     [](std::string_view bytes) { return begins(bytes, "PF\n") || begins(bytes, "Pf\n"); },
     "it is a PFM image, whose levels have no upper end; convert it to PNG"},
    {"PAM", "pam", [](std::string_view bytes) { return begins(bytes, "P7\n"); },
     "it is a PAM image; convert it to PNG, as pamtopng does"},
    {"PCX", "pcx dcx", is_pcx, "it is a PCX image; convert it to PNG"},
    {"ICNS", "icns", [](std::string_view bytes) { return begins(bytes, "icns"); },
     "it is a set of Apple's icons; convert it to PNG, as icns2png does"},
    {"DDS", "dds", [](std::string_view bytes) { return begins(bytes, "DDS "); },
     "it is a DDS texture; convert it to PNG"},
    {"QOI", "qoi", [](std::string_view bytes) { return begins(bytes, "qoif"); },
     "it is a QOI image; convert it to PNG"},
    {"FITS", "fits fit fts", [](std::string_view bytes) { return begins(bytes, "SIMPLE  ="); },
     "it is a FITS file of an astronomical image; convert it to PNG"},
    {"DICOM", "dcm dicom", is_dicom,
     "it is a DICOM file of a medical image; convert it to PNG, as dcm2pnm does"},
    {"XCF", "xcf", [](std::string_view bytes) { return begins(bytes, "gimp xcf"); },
     "it is a document of GIMP; export it as a PNG"},
    {"JPEG XR", "jxr wdp hdp", [](std::string_view bytes) { return begins(bytes, "II\xbc\x01"); },
     "it is a JPEG XR image; convert it to PNG"},
    {"SGI", "sgi rgb rgba bw", [](std::string_view bytes) { return begins(bytes, "\x01\xda"); },
     "it is an SGI image; convert it to PNG"},
    {"DjVu", "djvu djv", [](std::string_view bytes) { return begins(bytes, "AT&TFORM"); },
     "it is a DjVu document; convert its pages to PNG"},
};

bool has_extension(const Kind& kind, const std::string& extension) {
  std::istringstream words(kind.extensions);
  for (std::string word; words >> word;) {
    if (word == extension) return true;
  }
  return false;
}

const Kind* kind_of(std::string_view first_bytes, std::string_view path) {
  for (const Kind& kind : kKinds) {
    if (kind.matches(first_bytes)) return &kind;
  }
  const ImageFormat* readable = format_of(first_bytes);
  const std::string extension = extension_of(path);
  for (const Kind& kind : kKinds) {
    const bool raw = kind.matches == is_raw;
    if (readable != nullptr && !(raw && readable == &kTiffFormat)) continue;
    if (!extension.empty() && has_extension(kind, extension)) return &kind;
  }
  return nullptr;
}

}  // namespace

const char* name_of_unreadable(std::string_view first_bytes, std::string_view path) {
  const Kind* kind = kind_of(first_bytes, path);
  return kind != nullptr ? kind->name : nullptr;
}

const char* description_of_unreadable(std::string_view first_bytes, std::string_view path) {
  const Kind* kind = kind_of(first_bytes, path);
  return kind != nullptr ? kind->description : nullptr;
}

}  // namespace clip
