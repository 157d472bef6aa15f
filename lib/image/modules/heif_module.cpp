// The module's side of HEIC and AVIF, by libheif 1.15 or later, and the codecs that it has.
#include <fmt/format.h>
#include <libheif/heif.h>

#include <algorithm>
#include <memory>

#include "clip/error.h"
#include "image/modules/entry.h"
#include "image/modules/library_message.h"

namespace clip {
namespace {

template <typename T, void (*release)(T*)>
struct Release {
  void operator()(T* object) const { release(object); }
};
void release_handle(heif_image_handle* handle) {
  heif_image_handle_release(handle);
}
void release_image(heif_image* image) {
  heif_image_release(image);
}
using Context = std::unique_ptr<heif_context, Release<heif_context, heif_context_free>>;
using Handle = std::unique_ptr<heif_image_handle, Release<heif_image_handle, release_handle>>;
using Options = std::unique_ptr<heif_decoding_options,
                                Release<heif_decoding_options, heif_decoding_options_free>>;
using Decoded = std::unique_ptr<heif_image, Release<heif_image, release_image>>;

void check(const heif_error& error) {
  if (error.code == heif_error_Ok) return;
  const std::string says = library_message(error.message != nullptr ? error.message : "");
  if (error.subcode == heif_suberror_Unsupported_codec) {
    throw Error(ErrorCode::kUnsupported,
                "libheif has no decoder for it (on Debian and Ubuntu: apt-get install "
                "libheif-plugin-libde265 for HEIC, libheif-plugin-dav1d for AVIF)");
  }
  switch (error.code) {
    case heif_error_Unsupported_filetype:
    case heif_error_Unsupported_feature:
      throw Error(ErrorCode::kUnsupported, fmt::format("libheif does not read it: {}", says));
    case heif_error_Memory_allocation_error:
      throw Error(ErrorCode::kLimit,
                  fmt::format("it asks for more than its size allows; libheif says: {}", says));
    default:
      throw Error(ErrorCode::kCorrupt, fmt::format("it is damaged: libheif says: {}", says));
  }
}

heif_chroma chroma_of(bool alpha, bool wide) {
  if (wide) return alpha ? heif_chroma_interleaved_RRGGBBAA_LE : heif_chroma_interleaved_RRGGBB_LE;
  return alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB;
}

// dav1d, which libheif prefers, prints what it finds wrong in a file; libaom gives the same pixels
// and is silent. Null: there is no choice.
const char* decoder_of(bool av1) {
  if (!av1) return nullptr;
  constexpr int kMaxDecoders = 10;
  const heif_decoder_descriptor* decoders[kMaxDecoders];
  const int count = heif_get_decoder_descriptors(heif_compression_AV1, decoders, kMaxDecoders);
  for (int i = 0; i < count; ++i) {
    const char* id = heif_decoder_descriptor_get_id_name(decoders[i]);
    if (id != nullptr && std::string_view(id) == "aom") return id;
  }
  return nullptr;
}

void decode(std::string_view bytes, bool av1, std::uint64_t max_side,
            const std::function<void(const HeifPixels&)>& take) {
  static const heif_error started = heif_init(nullptr);  // finds the plugins; never undone
  check(started);
  const Context context(heif_context_alloc());
  if (context == nullptr) throw std::bad_alloc();
  heif_context_set_maximum_image_size_limit(context.get(), static_cast<int>(max_side));
  // Several images are decoded at once already.
  heif_context_set_max_decoding_threads(context.get(), 0);
  check(heif_context_read_from_memory_without_copy(context.get(), bytes.data(), bytes.size(),
                                                   nullptr));
  heif_image_handle* primary = nullptr;
  check(heif_context_get_primary_image_handle(context.get(), &primary));
  const Handle handle(primary);
  HeifPixels pixels;
  pixels.alpha = heif_image_handle_has_alpha_channel(handle.get()) != 0;
  const bool wide = heif_image_handle_get_luma_bits_per_pixel(handle.get()) > 8;
  const Options options(heif_decoding_options_alloc());
  if (options == nullptr) throw std::bad_alloc();
  options->decoder_id = decoder_of(av1);
  heif_image* image = nullptr;
  check(heif_decode_image(handle.get(), &image, heif_colorspace_RGB, chroma_of(pixels.alpha, wide),
                          options.get()));
  const Decoded decoded(image);
  int stride = 0;
  pixels.data = heif_image_get_plane_readonly(decoded.get(), heif_channel_interleaved, &stride);
  const int width = heif_image_get_width(decoded.get(), heif_channel_interleaved);
  const int height = heif_image_get_height(decoded.get(), heif_channel_interleaved);
  const int bits = heif_image_get_bits_per_pixel_range(decoded.get(), heif_channel_interleaved);
  if (pixels.data == nullptr || width <= 0 || height <= 0 || stride <= 0 || bits < 8 || bits > 16 ||
      wide != (bits > 8)) {
    throw Error(ErrorCode::kInternal, "libheif gives no pixels of it");
  }
  pixels.width = static_cast<std::uint64_t>(width);
  pixels.height = static_cast<std::uint64_t>(height);
  pixels.stride = static_cast<std::uint64_t>(stride);
  pixels.bits = static_cast<std::uint32_t>(bits);
  take(pixels);
}

}  // namespace
}  // namespace clip

extern "C" __attribute__((visibility("default"))) void clip_heif_entry(
    std::string_view bytes, bool av1, std::uint64_t max_side,
    const std::function<void(const clip::HeifPixels&)>& take) {
  clip::decode(bytes, av1, max_side, take);
}
