#include "explain/patches.h"

#include <limits>

namespace clip {

PatchEncoder* patch_encoder(ImageEncoder* encoder) {
  auto* const patches = dynamic_cast<PatchEncoder*>(encoder);
  return patches == nullptr || patches->patch_grid() == 0 ? nullptr : patches;
}

HeatGrid explain_by_patches(PatchEncoder* encoder, const ExplainedInput& input,
                            const Embeddings& texts) {
  Embeddings embeddings = encoder->encode_without_patches(input.pixels);
  normalize_rows(&embeddings);
  HeatGrid grid;
  grid.cells = encoder->patch_grid();
  grid.texts = texts.count;
  grid.cosines = cosines_with(embeddings.row(0), texts);
  const std::int64_t patches = grid.cells * grid.cells;
  grid.falls.assign(static_cast<std::size_t>(texts.count * patches),
                    std::numeric_limits<double>::quiet_NaN());
  for (std::int64_t patch = 0; patch < patches; ++patch) {
    if (!shows_image(input, grid.cells, patch / grid.cells, patch % grid.cells)) continue;
    const std::vector<double> without = cosines_with(embeddings.row(1 + patch), texts);
    for (std::int64_t text = 0; text < texts.count; ++text) {
      const auto i = static_cast<std::size_t>(text);
      grid.falls[static_cast<std::size_t>(text * patches + patch)] =
          100 * (grid.cosines[i] - without[i]);
    }
  }
  return grid;
}

}  // namespace clip
