// Embeds all images of folders, a line each, path and numbers: embed_folder MODEL FOLDER...
#include <clip/error.h>
#include <clip/image_embedder.h>
#include <clip/image_paths.h>
#include <clip/model.h>

#include <cstdio>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: embed_folder MODEL FOLDER...\n");
    return 2;
  }
  try {
    const auto model = clip::Model::open(argv[1]);
    clip::ImagePaths images([next = argv + 2](std::string* path) mutable {
      if (*next == nullptr) return false;
      *path = *next++;
      return true;
    });
    // Threads decode ahead; memory is bounded, however many images there are.
    clip::ImageEmbedder embedder(
        model, [&](clip::ImageSource* source) { return images.next(source); }, {});
    bool failed = false;
    for (std::vector<clip::ImageResult> batch; embedder.next(&batch);) {
      for (const clip::ImageResult& result : batch) {
        if (result.error.has_value()) {  // one bad image never ends the run
          std::fprintf(stderr, "embed_folder: %s\n", result.error->what());
          failed = true;
          continue;
        }
        std::printf("%s", result.source.name.c_str());
        for (int i = 0; i < model->config().embedding_dim; ++i) {
          std::printf("\t%.9g", static_cast<double>(result.embedding[i]));
        }
        std::printf("\n");
      }
    }
    return failed ? 1 : 0;
  } catch (const clip::Error& error) {
    std::fprintf(stderr, "embed_folder: %s\n", error.what());
    return 1;
  }
}
