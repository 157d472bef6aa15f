/* One model and one index, used by many threads at once, give each the numbers that they give to
   one thread alone: threads MODEL FOLDER IMAGE... */
#include <pthread.h>

#include "check.h"

#define THREADS 8
#define ROUNDS 6

static clip_model* model;
static clip_index* the_index;
static size_t dim, count;
static const char* const* images; /* [count] */
static float* expected_images;    /* [count, dim] */
static float* expected_text;      /* [dim] */
static char best[4096];           /* hit of the text */

static void* use(void* argument) {
  const size_t number = *(size_t*)argument;
  float* row = malloc(count * dim * sizeof(float));
  CHECK(row != NULL);
  for (size_t round = 0; round < ROUNDS; ++round) {
    clip_error* error = NULL;
    const size_t at = (number + round) % count;
    CHECK(clip_embed_image_file(model, images[at], row, dim, &error) == CLIP_OK);
    CHECK(memcmp(row, expected_images + at * dim, dim * sizeof(float)) == 0);
    CHECK(clip_embed_image_file(model, "missing.png", row, dim, &error) == CLIP_NOT_FOUND);
    CHECK_ERROR(error, CLIP_NOT_FOUND, CLIP_HINT_NONE, "missing.png");
    CHECK(clip_embed_text(model, "a cat", 5, row, dim, &error) == CLIP_OK);
    CHECK(memcmp(row, expected_text, dim * sizeof(float)) == 0);
    clip_hits* hits = NULL;
    CHECK(clip_index_search(the_index, row, dim, 1, &hits, &error) == CLIP_OK);
    CHECK(clip_hits_count(hits) == 1 && strcmp(clip_hits_path(hits, 0), best) == 0);
    clip_hits_free(hits);
  }
  if (number % 4 == 0) { /* a batch beside the others: sums in another order */
    clip_error* error = NULL;
    clip_embed_image_files(model, images, count, row, count * dim, NULL, &error);
    CHECK_NO_ERROR(error);
    for (size_t i = 0; i < count; ++i) {
      double cosine = 0;
      for (size_t k = 0; k < dim; ++k) {
        cosine += (double)row[i * dim + k] * expected_images[i * dim + k];
      }
      CHECK(cosine > 0.9999);
    }
  }
  free(row);
  return NULL;
}

int main(int argc, char** argv) {
  CHECK(argc > 3);
  clip_error* error = NULL;
  images = (const char* const*)argv + 3;
  count = (size_t)argc - 3;
  clip_model_options options = {0};
  options.size = sizeof options;
  options.threads = 2;
  /* The numbers to expect are of a model of its own, so that the shared one is first used by all of
     them at once, and its encoders are opened then. */
  clip_model* alone = clip_model_open(argv[1], &options, &error);
  model = clip_model_open(argv[1], &options, &error);
  CHECK_NO_ERROR(error);
  dim = clip_model_dim(model);
  expected_images = malloc(count * dim * sizeof(float));
  expected_text = malloc(dim * sizeof(float));
  CHECK(expected_images != NULL && expected_text != NULL);
  for (size_t i = 0; i < count; ++i) {
    clip_embed_image_file(alone, images[i], expected_images + i * dim, dim, &error);
    CHECK_NO_ERROR(error);
  }
  clip_embed_text(alone, "a cat", 5, expected_text, dim, &error);
  CHECK_NO_ERROR(error);
  the_index = clip_index_open(argv[2], alone, &error);
  CHECK_NO_ERROR(error);
  clip_hits* hits = NULL;
  CHECK(clip_index_search(the_index, expected_text, dim, 1, &hits, &error) == CLIP_OK);
  CHECK(snprintf(best, sizeof best, "%s", clip_hits_path(hits, 0)) < (int)sizeof best);
  clip_hits_free(hits);
  clip_model_close(alone);

  pthread_t threads[THREADS];
  size_t numbers[THREADS];
  for (size_t i = 0; i < THREADS; ++i) {
    numbers[i] = i;
    CHECK(pthread_create(&threads[i], NULL, use, &numbers[i]) == 0);
  }
  for (size_t i = 0; i < THREADS; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
  clip_index_close(the_index);
  clip_model_close(model);
  free(expected_images);
  free(expected_text);
  return 0;
}
