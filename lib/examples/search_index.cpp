// Finds images of a folder that has an index: search_index MODEL FOLDER TEXT
#include <clip/error.h>
#include <clip/image_index.h>
#include <clip/model.h>
#include <clip/text_embedder.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: search_index MODEL FOLDER TEXT\n");
    return 2;
  }
  try {
    const auto model = clip::Model::open(argv[1]);
    const auto index = clip::ImageIndex::open(argv[2], model);  // `clip-cli index FOLDER` makes it
    // [1, dim]; the embedding of an image is a query, too, and so is a sum of several.
    const clip::Embeddings query = clip::TextEmbedder(model, {}).embed({argv[3]});
    for (const clip::ImageHit& hit : index->search(query.row(0))) {
      std::printf("%.4f\t%s\n", hit.score, hit.path.c_str());
    }
    return 0;
  } catch (const clip::Error& error) {
    std::fprintf(stderr, "search_index: %s\n", error.what());
    return 1;
  }
}
