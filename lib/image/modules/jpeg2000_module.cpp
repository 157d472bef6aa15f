// The module's side of JPEG 2000, by OpenJPEG 2.
#include <fmt/format.h>
#include <openjpeg.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "clip/error.h"
#include "image/modules/entry.h"
#include "image/modules/library_message.h"

namespace clip {
namespace {

// The file in memory, as OpenJPEG reads it.
struct File {
  std::string_view bytes;
  std::uint64_t at = 0;
};

constexpr auto kEnd = static_cast<OPJ_SIZE_T>(-1);

OPJ_SIZE_T read_file(void* to, OPJ_SIZE_T size, void* data) {
  File& file = *static_cast<File*>(data);
  const OPJ_SIZE_T count = std::min<OPJ_SIZE_T>(size, file.bytes.size() - file.at);
  if (count == 0) return kEnd;
  std::memcpy(to, file.bytes.data() + file.at, count);
  file.at += count;
  return count;
}

OPJ_OFF_T skip_file(OPJ_OFF_T count, void* data) {
  File& file = *static_cast<File*>(data);
  if (count < 0 || static_cast<std::uint64_t>(count) > file.bytes.size() - file.at) return -1;
  file.at += static_cast<std::uint64_t>(count);
  return count;
}

OPJ_BOOL seek_file(OPJ_OFF_T offset, void* data) {
  File& file = *static_cast<File*>(data);
  if (offset < 0 || static_cast<std::uint64_t>(offset) > file.bytes.size()) return OPJ_FALSE;
  file.at = static_cast<std::uint64_t>(offset);
  return OPJ_TRUE;
}

void keep_error(const char* message, void* data) {
  std::string& error = *static_cast<std::string*>(data);
  if (error.empty()) error = message;
}

void drop_message(const char*, void*) {}

template <typename T, void (*destroy)(T*)>
struct Destroy {
  void operator()(T* object) const { destroy(object); }
};

using Stream = std::unique_ptr<opj_stream_t, Destroy<opj_stream_t, opj_stream_destroy>>;
using Codec = std::unique_ptr<opj_codec_t, Destroy<opj_codec_t, opj_destroy_codec>>;
using DecodedImage = std::unique_ptr<opj_image_t, Destroy<opj_image_t, opj_image_destroy>>;

[[noreturn]] void damaged(const std::string& error) {
  throw Error(ErrorCode::kCorrupt,
              fmt::format("it is damaged: OpenJPEG says: {}", library_message(error)));
}

void decode(const Jpeg2000Request& request, const Jpeg2000Take& take) {
  File file;
  file.bytes = request.bytes;
  std::string error;
  const Stream stream(opj_stream_create(1 << 16, OPJ_TRUE));
  const Codec codec(opj_create_decompress(request.boxed ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K));
  if (stream == nullptr || codec == nullptr) throw std::bad_alloc();
  opj_stream_set_read_function(stream.get(), read_file);
  opj_stream_set_skip_function(stream.get(), skip_file);
  opj_stream_set_seek_function(stream.get(), seek_file);
  opj_stream_set_user_data(stream.get(), &file, nullptr);
  opj_stream_set_user_data_length(stream.get(), file.bytes.size());
  opj_set_error_handler(codec.get(), keep_error, &error);
  opj_set_warning_handler(codec.get(), drop_message, nullptr);
  opj_set_info_handler(codec.get(), drop_message, nullptr);
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  if (!request.apply_palette) parameters.flags |= OPJ_DPARAMETERS_IGNORE_PCLR_CMAP_CDEF_FLAG;
  if (opj_setup_decoder(codec.get(), &parameters) == OPJ_FALSE) damaged(error);

  opj_image_t* read = nullptr;
  const OPJ_BOOL header = opj_read_header(stream.get(), codec.get(), &read);
  const DecodedImage image(read);
  if (header == OPJ_FALSE || image == nullptr) damaged(error);
  // Before it takes memory for the pixels.
  if (image->x1 - image->x0 != request.width || image->y1 - image->y0 != request.height) {
    throw Error(ErrorCode::kCorrupt, "it is damaged: its codestream has another size");
  }
  if (opj_decode(codec.get(), stream.get(), image.get()) == OPJ_FALSE ||
      opj_end_decompress(codec.get(), stream.get()) == OPJ_FALSE) {
    damaged(error);
  }
  std::vector<Jpeg2000Component> components;
  for (OPJ_UINT32 i = 0; i < image->numcomps; ++i) {
    const opj_image_comp_t& coded = image->comps[i];
    if (coded.data == nullptr || coded.w == 0 || coded.h == 0 || coded.dx == 0 || coded.dy == 0 ||
        coded.prec == 0 || coded.prec > 31) {
      damaged(error);
    }
    Jpeg2000Component component;
    component.width = coded.w;
    component.height = coded.h;
    component.dx = coded.dx;
    component.dy = coded.dy;
    component.bits = coded.prec;
    component.is_signed = coded.sgnd != 0;
    component.samples = coded.data;
    components.push_back(component);
  }
  take(components);
}

}  // namespace
}  // namespace clip

extern "C" __attribute__((visibility("default"))) void clip_jpeg2000_entry(
    const clip::Jpeg2000Request& request, const clip::Jpeg2000Take& take) {
  clip::decode(request, take);
}
