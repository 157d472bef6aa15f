// Scores an image with prompts: score_image MODEL IMAGE PROMPT...
#include <clip/embeddings.h>
#include <clip/engine.h>
#include <clip/error.h>
#include <clip/image.h>
#include <clip/model.h>
#include <clip/preprocessing.h>
#include <clip/text_embedder.h>

#include <cstdio>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: score_image MODEL IMAGE PROMPT...\n");
    return 2;
  }
  try {
    const auto model = clip::Model::open(argv[1]);

    // Prompts to normalized embeddings, [prompts, dim].
    const std::vector<std::string> prompts(argv + 3, argv + argc);
    const clip::Embeddings texts = clip::TextEmbedder(model, {}).embed(prompts);

    // The image to its own, [1, dim].
    const clip::Image image = clip::decode_file(argv[2], {});
    const auto pixels = clip::preprocess(image, model->config().preprocessing);
    clip::Embeddings embedded = clip::open_image_encoder(model, {})->encode(pixels.data(), 1);
    clip::normalize(embedded.row(0), embedded.dim);

    const std::vector<double> cosines = clip::cosines_with(embedded.row(0), texts);
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      std::printf("%.4f\t%s\n", 100 * cosines[i], prompts[i].c_str());
    }
    return 0;
  } catch (const clip::Error& error) {
    std::fprintf(stderr, "score_image: %s (%s)\n", error.what(), clip::name_of(error.code()));
    return 1;
  }
}
