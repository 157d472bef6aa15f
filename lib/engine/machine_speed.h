// How fast this machine multiplies matrices of the sizes that CLIP's towers have, so that the speed
// of a model can be told before there is a file of it.
#pragma once

namespace clip {

// Floating-point operations a second, two a multiplication with its addition, in float32 with
// `threads` threads: the best of some products as those of a ViT-B/32's MLP for 16 images, the
// backend of the native engine. Takes about 0.1 s.
double matrix_flops(int threads);

}  // namespace clip
