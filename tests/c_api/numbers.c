/* Prints what the C API computes, for numbers_test.py, which compares it with the command line.
     numbers MODEL                  answers lines "text VALUE", "file PATH" and "bytes PATH" of
                                    standard input: the embedding, a line each
     numbers MODEL FOLDER TOP TEXT  searches the index, once for each line of standard input: lines
                                    "score<TAB>path", then an empty one */
#include "check.h"

#define MAX_LINE 65536

static void* allocated(size_t size) {
  void* memory = malloc(size > 0 ? size : 1);
  CHECK(memory != NULL);
  return memory;
}

static void embed_bytes(clip_model* model, const char* path, float* embedding, size_t dim,
                        clip_error** error) {
  FILE* file = fopen(path, "rb");
  CHECK(file != NULL);
  CHECK(fseek(file, 0, SEEK_END) == 0);
  size_t size = (size_t)ftell(file);
  rewind(file);
  char* bytes = allocated(size);
  CHECK(fread(bytes, 1, size, file) == size);
  fclose(file);
  clip_embed_image_bytes(model, bytes, size, embedding, dim, error);
  free(bytes);
}

static void answer_lines(clip_model* model) {
  static char line[MAX_LINE];
  clip_error* error = NULL;
  size_t dim = clip_model_dim(model);
  float* embedding = allocated(dim * sizeof(float));
  while (fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    char* value = strchr(line, ' ');
    CHECK(value != NULL);
    *value++ = '\0';
    if (strcmp(line, "text") == 0) {
      clip_embed_text(model, value, strlen(value), embedding, dim, &error);
    } else if (strcmp(line, "file") == 0) {
      clip_embed_image_file(model, value, embedding, dim, &error);
    } else {
      CHECK(strcmp(line, "bytes") == 0);
      embed_bytes(model, value, embedding, dim, &error);
    }
    CHECK_NO_ERROR(error);
    for (size_t i = 0; i < dim; ++i) printf("%.9g%c", embedding[i], i + 1 < dim ? ' ' : '\n');
  }
  free(embedding);
}

static void answer_searches(clip_model* model, const char* folder, size_t top, const char* text) {
  char line[16];
  clip_error* error = NULL;
  size_t dim = clip_model_dim(model);
  float* query = allocated(dim * sizeof(float));
  clip_embed_text(model, text, CLIP_NUL_TERMINATED, query, dim, &error);
  CHECK_NO_ERROR(error);
  clip_index* index = clip_index_open(folder, model, &error);
  CHECK_NO_ERROR(error);
  while (fgets(line, sizeof line, stdin) != NULL) {
    clip_hits* hits = NULL;
    CHECK(clip_index_search(index, query, dim, top, &hits, &error) == CLIP_OK);
    for (size_t i = 0; i < clip_hits_count(hits); ++i) {
      printf("%.6f\t%s\n", clip_hits_score(hits, i), clip_hits_path(hits, i));
    }
    printf("\n");
    fflush(stdout);
    clip_hits_free(hits);
  }
  clip_index_close(index);
  free(query);
}

int main(int argc, char** argv) {
  CHECK(argc == 2 || argc == 5);
  clip_error* error = NULL;
  clip_model* model = clip_model_open(argv[1], NULL, &error);
  CHECK_NO_ERROR(error);
  if (argc == 2) {
    answer_lines(model);
  } else {
    answer_searches(model, argv[2], (size_t)atoi(argv[3]), argv[4]);
  }
  clip_model_close(model);
  return 0;
}
