#include "c_api/guard.h"
#include "c_api/handles.h"
#include "c_api/options.h"

namespace {

clip_model* opened(const std::string& path, const clip_model_options& options) {
  auto model = clip::Model::open(path, clip::open_options(options));
  const clip::EncoderOptions encoder = clip::encoder_options(options);
  // What no engine can run is an error here, not with the first text.
  const clip::Precision precision = resolve_precision(*model, encoder);
  const std::string& name = model->config().name;
  clip::TextOptions texts;
  texts.encoder = encoder;
  texts.truncate = options.truncate != 0;
  return new clip_model{model,           name.empty() ? path : name,    precision,
                        encoder,         clip::decode_options(options), {model, texts},
                        {model, encoder}};
}

}  // namespace

clip_model* clip_model_open(const char* path, const clip_model_options* options,
                            clip_error** error) {
  clip_model* model = nullptr;
  clip::guarded(error, [&] {
    clip::require(path, "path");
    model = opened(path, clip::read_options(options));
  });
  return model;
}

void clip_model_close(clip_model* model) {
  delete model;
}

size_t clip_model_dim(const clip_model* model) {
  return model != nullptr ? static_cast<size_t>(model->model->config().embedding_dim) : 0;
}

double clip_model_logit_scale(const clip_model* model) {
  return model != nullptr ? static_cast<double>(model->model->config().logit_scale) : 0;
}

size_t clip_model_context_length(const clip_model* model) {
  return model != nullptr ? static_cast<size_t>(model->model->config().text.context_length) : 0;
}

size_t clip_model_image_size(const clip_model* model) {
  return model != nullptr ? static_cast<size_t>(model->model->config().vision.image_size) : 0;
}

clip_precision clip_model_precision(const clip_model* model) {
  if (model == nullptr) return CLIP_PRECISION_FP32;
  switch (model->precision) {
    case clip::Precision::kBFloat16:
      return CLIP_PRECISION_BF16;
    case clip::Precision::kInt8:
      return CLIP_PRECISION_INT8;
    default:
      return CLIP_PRECISION_FP32;
  }
}

const char* clip_model_name(const clip_model* model) {
  return model != nullptr ? model->name.c_str() : "";
}

const char* clip_model_identity(const clip_model* model) {
  return model != nullptr ? model->model->identity().c_str() : "";
}
