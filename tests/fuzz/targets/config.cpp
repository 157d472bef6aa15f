// The JSON documents beside a model's weights, between NULs, in the order of CLIP_FUZZ_DOCUMENTS.
// The weights are those of a small ViT, in the layout that the documents belong to.
#include "checkpoint/formats.h"
#include "clip/error.h"
#include "clip_archive.h"
#include "fuzz.h"
#include "model/canonical.h"
#include "model/layouts/hugging_face.h"
#include "model/layouts/layout.h"

namespace {

const std::vector<std::string> kDocuments = {CLIP_FUZZ_DOCUMENTS};

std::string weights() {
  const clip::ModelConfig config = clip_test::small_config(clip::VisionKind::kTransformer);
  const clip_test::Tensors openai = clip_test::small_weights(config);
  if (kDocuments.front() == "clip.json") return clip_test::zip(clip_test::module_records(openai));
  if (kDocuments.front() != "config.json") return clip_test::safetensors_file(openai);
  clip_test::Tensors tensors;
  const clip::Layout layout = clip::hugging_face_layout();
  for (const auto& weight : clip::canonical_weights(config)) {
    const clip::StoredWeight stored = clip::stored_weight(layout, weight);
    const auto count = static_cast<std::size_t>(clip::element_count(stored.shape));
    tensors[stored.name] = {stored.shape, std::vector<float>(count, 0.5F)};
  }
  return clip_test::safetensors_file(tensors);
}

}  // namespace

void clip_fuzz::read_input(std::string_view input) {
  static const MemoryFile file = [] {
    MemoryFile written;
    written.write(weights());
    return written;
  }();
  const auto checkpoint = clip::open_checkpoint_file(file.path());
  const auto texts = parts_of(input, kDocuments.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i == 0 || !texts[i].empty()) {
      checkpoint->add_document(kDocuments[i], std::string(texts[i]));
    }
  }
  const clip::Layout& layout = clip::layout_of(*checkpoint);
  clip::ModelConfig config = layout.read_config(*checkpoint, {});
  clip::resolve_weights(layout, *checkpoint, &config);
}
