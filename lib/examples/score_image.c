/* Scores an image with texts: score_image_c MODEL IMAGE TEXT... */
#include <clip/c.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(clip_error* error) {
  fprintf(stderr, "score_image_c: %s (%s)\n", clip_error_message(error),
          clip_code_name(clip_error_code(error)));
  clip_error_free(error);
  return 1;
}

int main(int argc, char** argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: score_image_c MODEL IMAGE TEXT...\n");
    return 2;
  }
  clip_error* error = NULL;
  clip_model* model = clip_model_open(argv[1], NULL, &error);
  if (model == NULL) return fail(error);

  const size_t dim = clip_model_dim(model), count = (size_t)argc - 3;
  float* image = malloc(dim * sizeof(float));         /* [dim] */
  float* texts = malloc(count * dim * sizeof(float)); /* [count, dim] */
  const char* const* prompts = (const char* const*)argv + 3;
  if (clip_embed_image_file(model, argv[2], image, dim, &error) == CLIP_OK &&
      clip_embed_texts(model, prompts, NULL, count, texts, count * dim, &error) == CLIP_OK) {
    for (size_t i = 0; i < count; ++i) {
      double cosine = 0; /* of two normalized vectors: their dot product */
      for (size_t k = 0; k < dim; ++k) cosine += (double)image[k] * texts[i * dim + k];
      printf("%.4f\t%s\n", 100 * cosine, prompts[i]);
    }
  }
  free(image);
  free(texts);
  clip_model_close(model);
  return error != NULL ? fail(error) : 0;
}
