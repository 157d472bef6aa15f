#include "c_api/shared_encoder.h"

#include <omp.h>

#include <utility>

namespace clip {
namespace {

// Puts the calling thread's number of threads back.
class KeptThreads {
 public:
  KeptThreads() : threads_(omp_get_max_threads()) {}
  ~KeptThreads() { omp_set_num_threads(threads_); }
  KeptThreads(const KeptThreads&) = delete;
  KeptThreads& operator=(const KeptThreads&) = delete;

 private:
  const int threads_;
};

}  // namespace

class SharedImageEncoder::Passage : public ImageEncoder {
 public:
  explicit Passage(SharedImageEncoder* shared) : shared_(shared) {}

  Embeddings encode(const float* pixels, std::int64_t count) override {
    const std::lock_guard<std::mutex> lock(shared_->mutex_);
    const KeptThreads kept;
    return shared_->encoder_->encode(pixels, count);
  }

 private:
  SharedImageEncoder* const shared_;
};

SharedImageEncoder::SharedImageEncoder(std::shared_ptr<const Model> model, EncoderOptions options)
    : model_(std::move(model)), options_(std::move(options)) {}

SharedImageEncoder::~SharedImageEncoder() = default;

std::unique_ptr<ImageEncoder> SharedImageEncoder::open() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (encoder_ == nullptr) {
    const KeptThreads kept;
    blocking_wait_.emplace(options_.threads);
    encoder_ = open_image_encoder(model_, options_);
  }
  return std::make_unique<Passage>(this);
}

SharedTextEmbedder::SharedTextEmbedder(std::shared_ptr<const Model> model,
                                       const TextOptions& options)
    : embedder_(std::move(model), options) {}

Embeddings SharedTextEmbedder::embed(const std::vector<std::string>& prompts) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const KeptThreads kept;
  return embedder_.embed(prompts);
}

}  // namespace clip
