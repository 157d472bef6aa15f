// The module's side of CIE L*a*b*, by Little CMS 2.
#include <lcms2.h>

#include "clip/error.h"
#include "image/modules/entry.h"

namespace clip {
namespace {

// Between the profiles that Pillow makes for it. Used by all threads, and never freed.
cmsHTRANSFORM make_transform() {
  const cmsHPROFILE lab = cmsCreateLab2Profile(cmsD50_xyY());
  const cmsHPROFILE srgb = cmsCreate_sRGBProfile();
  constexpr cmsUInt32Number kLab8 = COLORSPACE_SH(PT_Lab) | CHANNELS_SH(3) | BYTES_SH(1);
  const cmsHTRANSFORM transform =
      cmsCreateTransform(lab, kLab8, srgb, TYPE_RGB_8, INTENT_PERCEPTUAL, 0);
  cmsCloseProfile(lab);
  cmsCloseProfile(srgb);
  if (transform == nullptr) {
    throw Error(ErrorCode::kInternal, "Little CMS cannot convert CIE L*a*b* to RGB");
  }
  return transform;
}

}  // namespace
}  // namespace clip

extern "C" __attribute__((visibility("default"))) void clip_lab_entry(const std::uint8_t* lab,
                                                                      std::size_t count,
                                                                      std::uint8_t* rgb) {
  static const cmsHTRANSFORM transform = clip::make_transform();
  cmsDoTransform(transform, lab, rgb, static_cast<cmsUInt32Number>(count));
}
