/* What the C API says to mistakes of every kind: errors MODEL FOLDER, where FOLDER is as
   numbers_test.py makes it. */
#include <math.h>

#include "check.h"

#define SENTINEL 12345.0F

static const char* folder;
static float* room; /* [3, dim] */
static size_t dim;

/* The path of a name in the folder, until the next but three calls. */
static const char* in(const char* name) {
  static char paths[4][4096];
  static int at = 0;
  char* path = paths[at++ % 4];
  CHECK(snprintf(path, sizeof paths[0], "%s/%s", folder, name) < (int)sizeof paths[0]);
  return path;
}

static void clear_room(void) {
  for (size_t i = 0; i < 3 * dim; ++i) room[i] = SENTINEL;
}

static int untouched(void) {
  for (size_t i = 0; i < 3 * dim; ++i) {
    if (room[i] != SENTINEL) return 0;
  }
  return 1;
}

/* Whether embedding `at` is normalized. */
static int is_unit(size_t at) {
  double sum = 0;
  for (size_t i = at * dim; i < (at + 1) * dim; ++i) sum += (double)room[i] * room[i];
  return fabs(sum - 1) < 1e-5;
}

static void check_models(const char* path) {
  clip_error* error = NULL;
  CHECK(clip_model_open(NULL, NULL, &error) == NULL);
  CHECK_ERROR(error, CLIP_INVALID_ARGUMENT, CLIP_HINT_NONE, "path is NULL");
  CHECK(clip_model_open(in("missing.pt"), NULL, &error) == NULL);
  CHECK_ERROR(error, CLIP_NOT_FOUND, CLIP_HINT_NONE, in("missing.pt"));
  CHECK(clip_model_open(in("missing.pt"), NULL, NULL) == NULL); /* nobody wants the error */
  CHECK(clip_model_open(in("cut.pt"), NULL, &error) == NULL);
  CHECK_ERROR(error, CLIP_CORRUPT, CLIP_HINT_NONE, in("cut.pt"));
  CHECK(clip_model_open(in("good.png"), NULL, &error) == NULL);
  CHECK(error != NULL && strstr(clip_error_message(error), in("good.png")) != NULL);
  clip_error_free(error);

  clip_model_options options = {0};
  CHECK(clip_model_open(path, &options, &error) == NULL);
  CHECK_ERROR(error, CLIP_INVALID_ARGUMENT, CLIP_HINT_NONE, "size");
  options.size = sizeof options;
  options.precision = 99;
  CHECK(clip_model_open(path, &options, &error) == NULL);
  CHECK_ERROR(error, CLIP_INVALID_ARGUMENT, CLIP_HINT_NONE, "precision is 99");
  options.precision = CLIP_PRECISION_FP32;
  options.threads = -1;
  CHECK(clip_model_open(path, &options, &error) == NULL);
  CHECK_ERROR(error, CLIP_INVALID_ARGUMENT, CLIP_HINT_NONE, "threads is -1");
  options.threads = 1;
  options.architecture = "no such architecture";
  CHECK(clip_model_open(path, &options, &error) == NULL);
  CHECK(error != NULL && strstr(clip_error_message(error), "no such architecture") != NULL);
  clip_error_free(error);

  /* A later version's options: what it adds may be zeros. */
  struct {
    clip_model_options known;
    int more;
  } later = {{0}, 0};
  later.known.size = sizeof later;
  clip_model* model = clip_model_open(path, &later.known, &error);
  CHECK_NO_ERROR(error);
  clip_model_close(model);
  later.more = 1;
  CHECK(clip_model_open(path, &later.known, &error) == NULL);
  CHECK_ERROR(error, CLIP_UNSUPPORTED, CLIP_HINT_NONE, "does not know");
  /* An earlier version's. */
  clip_model_options earlier = {0};
  earlier.size = sizeof(size_t);
  earlier.threads = -1; /* behind what it had: not read */
  model = clip_model_open(path, &earlier, &error);
  CHECK_NO_ERROR(error);
  clip_model_close(model);
}

static void check_texts(clip_model* model, const char* path) {
  clip_error* error = NULL;
  clear_room();
  CHECK(clip_embed_text(NULL, "a cat", 5, room, dim, &error) == CLIP_INVALID_ARGUMENT);
  CHECK_ERROR(error, CLIP_INVALID_ARGUMENT, CLIP_HINT_NONE, "model is NULL");
  CHECK(clip_embed_text(model, NULL, 5, room, dim, &error) == CLIP_INVALID_ARGUMENT);
  CHECK_ERROR(error, CLIP_INVALID_ARGUMENT, CLIP_HINT_NONE, "text is NULL");
  CHECK(clip_embed_text(model, "a cat", 5, NULL, dim, &error) == CLIP_INVALID_ARGUMENT);
  CHECK_ERROR(error, CLIP_INVALID_ARGUMENT, CLIP_HINT_NONE, "is NULL");
  CHECK(clip_embed_text(model, "a cat", 5, room, dim - 1, &error) == CLIP_INVALID_ARGUMENT);
  CHECK_ERROR(error, CLIP_INVALID_ARGUMENT, CLIP_HINT_NONE, "room for");
  CHECK(clip_embed_text(model, "caf\xe9", 4, room, dim, &error) == CLIP_INVALID_ARGUMENT);
  CHECK_ERROR(error, CLIP_INVALID_ARGUMENT, CLIP_HINT_NONE, "not UTF-8");
  char lengthy[4000] = "";
  while (strlen(lengthy) < 3900) strcat(lengthy, "a cat and ");
  CHECK(clip_embed_text(model, lengthy, CLIP_NUL_TERMINATED, room, dim, &error) == CLIP_LIMIT);
  CHECK_ERROR(error, CLIP_LIMIT, CLIP_HINT_TRUNCATE, "a cat and");
  CHECK(untouched());

  const char* texts[] = {"a cat", lengthy, "a dog"};
  const size_t sizes[] = {5, 9, CLIP_NUL_TERMINATED};
  CHECK(clip_embed_texts(model, texts, NULL, 3, room, 3 * dim, &error) == CLIP_LIMIT);
  CHECK_ERROR(error, CLIP_LIMIT, CLIP_HINT_TRUNCATE, "a cat and");
  CHECK(clip_embed_texts(model, texts, sizes, 3, room, 3 * dim - 1, NULL) == CLIP_INVALID_ARGUMENT);
  CHECK(clip_embed_texts(model, texts, sizes, (size_t)-1, room, 3 * dim, &error) ==
        CLIP_INVALID_ARGUMENT);
  CHECK_ERROR(error, CLIP_INVALID_ARGUMENT, CLIP_HINT_NONE, "room for");
  CHECK(clip_embed_texts(model, NULL, NULL, 0, NULL, 0, &error) == CLIP_OK && error == NULL);
  const char* holed[] = {"a cat", NULL};
  CHECK(clip_embed_texts(model, holed, NULL, 2, room, 2 * dim, &error) == CLIP_INVALID_ARGUMENT);
  CHECK_ERROR(error, CLIP_INVALID_ARGUMENT, CLIP_HINT_NONE, "text 1 is NULL");
  CHECK(untouched());
  CHECK(clip_embed_texts(model, texts, sizes, 3, room, 3 * dim, &error) == CLIP_OK);
  CHECK(error == NULL && is_unit(0) && is_unit(1) && is_unit(2));
  CHECK(clip_embed_text(model, "a\0cat", 5, room, dim, &error) == CLIP_OK && is_unit(0));
  CHECK(clip_embed_text(model, "", 0, room, dim, &error) == CLIP_OK && is_unit(0));

  clip_model_options options = {0};
  options.size = sizeof options;
  options.truncate = 1;
  clip_model* cutting = clip_model_open(path, &options, &error);
  CHECK_NO_ERROR(error);
  CHECK(clip_embed_text(cutting, lengthy, CLIP_NUL_TERMINATED, room, dim, &error) == CLIP_OK);
  clip_model_close(cutting);
}

static void check_images(clip_model* model, const char* path) {
  clip_error* error = NULL;
  clear_room();
  CHECK(clip_embed_image_file(NULL, in("good.png"), room, dim, NULL) == CLIP_INVALID_ARGUMENT);
  CHECK(clip_embed_image_file(model, NULL, room, dim, NULL) == CLIP_INVALID_ARGUMENT);
  CHECK(clip_embed_image_file(model, in("good.png"), NULL, dim, NULL) == CLIP_INVALID_ARGUMENT);
  CHECK(clip_embed_image_file(model, in("good.png"), room, 1, NULL) == CLIP_INVALID_ARGUMENT);
  CHECK(clip_embed_image_file(model, in("missing.png"), room, dim, &error) == CLIP_NOT_FOUND);
  CHECK_ERROR(error, CLIP_NOT_FOUND, CLIP_HINT_NONE, in("missing.png"));
  CHECK(clip_embed_image_file(model, in("cut.png"), room, dim, &error) == CLIP_CORRUPT);
  CHECK_ERROR(error, CLIP_CORRUPT, CLIP_HINT_NONE, in("cut.png"));
  /* Decoded by a module, whose exceptions come from another shared object. */
  CHECK(clip_embed_image_file(model, in("cut.tif"), room, dim, &error) == CLIP_CORRUPT);
  CHECK_ERROR(error, CLIP_CORRUPT, CLIP_HINT_NONE, in("cut.tif"));
  CHECK(clip_embed_image_file(model, in("text.txt"), room, dim, &error) == CLIP_UNSUPPORTED);
  CHECK_ERROR(error, CLIP_UNSUPPORTED, CLIP_HINT_NONE, in("text.txt"));
  CHECK(clip_embed_image_file(model, folder, room, dim, &error) != CLIP_OK);
  clip_error_free(error);
  error = NULL;

  CHECK(clip_embed_image_bytes(model, NULL, 5, room, dim, &error) == CLIP_INVALID_ARGUMENT);
  CHECK_ERROR(error, CLIP_INVALID_ARGUMENT, CLIP_HINT_NONE, "bytes is NULL");
  CHECK(clip_embed_image_bytes(model, "", 0, room, dim, &error) != CLIP_OK);
  CHECK(strstr(clip_error_message(error), "the image in memory") != NULL);
  clip_error_free(error);
  error = NULL;
  CHECK(clip_embed_image_bytes(model, "\x89PNG\r\n\x1a\n", 8, room, dim, &error) == CLIP_CORRUPT);
  CHECK_ERROR(error, CLIP_CORRUPT, CLIP_HINT_NONE, "the image in memory");
  CHECK(untouched());

  const char* paths[] = {in("good.png"), in("missing.png"), in("good.png")};
  clip_error* errors[3];
  CHECK(clip_embed_image_files(model, paths, 3, room, 3 * dim, errors, &error) == CLIP_OK);
  CHECK(error == NULL && errors[0] == NULL && errors[2] == NULL);
  CHECK_ERROR(errors[1], CLIP_NOT_FOUND, CLIP_HINT_NONE, in("missing.png"));
  CHECK(is_unit(0) && isnan(room[dim]) && isnan(room[2 * dim - 1]) && is_unit(2));
  clear_room();
  CHECK(clip_embed_image_files(model, paths, 3, room, 3 * dim, NULL, &error) == CLIP_NOT_FOUND);
  CHECK_ERROR(error, CLIP_NOT_FOUND, CLIP_HINT_NONE, in("missing.png"));
  CHECK(is_unit(0) && isnan(room[dim]) && is_unit(2));
  errors[0] = errors[1] = errors[2] = (clip_error*)folder;
  CHECK(clip_embed_image_files(NULL, paths, 3, room, 3 * dim, errors, NULL) ==
        CLIP_INVALID_ARGUMENT);
  CHECK(errors[0] == NULL && errors[1] == NULL && errors[2] == NULL);
  CHECK(clip_embed_image_files(model, NULL, 3, room, 3 * dim, errors, NULL) ==
        CLIP_INVALID_ARGUMENT);
  CHECK(clip_embed_image_files(model, paths, 3, room, 2 * dim, NULL, NULL) ==
        CLIP_INVALID_ARGUMENT);
  CHECK(clip_embed_image_files(model, NULL, 0, NULL, 0, NULL, &error) == CLIP_OK);

  clip_model_options options = {0};
  options.size = sizeof options;
  options.max_pixels = 10;
  clip_model* small = clip_model_open(path, &options, &error);
  CHECK_NO_ERROR(error);
  CHECK(clip_embed_image_file(small, in("good.png"), room, dim, &error) == CLIP_LIMIT);
  CHECK_ERROR(error, CLIP_LIMIT, CLIP_HINT_RAISE_MAX_PIXELS, in("good.png"));
  clip_model_close(small);
  options.max_pixels = 0;
  options.max_memory = 1;
  small = clip_model_open(path, &options, &error);
  CHECK_NO_ERROR(error);
  CHECK(clip_embed_image_file(small, in("good.png"), room, dim, &error) == CLIP_LIMIT);
  CHECK_ERROR(error, CLIP_LIMIT, CLIP_HINT_RAISE_MAX_MEMORY, in("good.png"));
  clip_model_close(small);
}

static void check_indexes(clip_model* model, const char* path) {
  clip_error* error = NULL;
  CHECK(clip_index_open(NULL, model, NULL) == NULL);
  CHECK(clip_index_open(in("photos"), NULL, &error) == NULL);
  CHECK_ERROR(error, CLIP_INVALID_ARGUMENT, CLIP_HINT_NONE, "model is NULL");
  CHECK(clip_index_open(in("missing"), model, &error) == NULL);
  CHECK_ERROR(error, CLIP_NOT_FOUND, CLIP_HINT_NONE, in("missing"));
  CHECK(clip_index_open(in("no index"), model, &error) == NULL);
  CHECK_ERROR(error, CLIP_NOT_FOUND, CLIP_HINT_NONE, "there is no index of");
  CHECK(clip_index_open(in("good.png"), model, &error) == NULL);
  CHECK_ERROR(error, CLIP_INVALID_ARGUMENT, CLIP_HINT_NONE, "not a folder");
  CHECK(clip_index_open(in("damaged"), model, &error) == NULL);
  CHECK_ERROR(error, CLIP_CORRUPT, CLIP_HINT_REBUILD_INDEX, in("damaged"));

  /* Another input makes it another model. */
  clip_model_options options = {0};
  options.size = sizeof options;
  options.image_size = 2 * (int)clip_model_image_size(model);
  clip_model* other = clip_model_open(path, &options, &error);
  CHECK_NO_ERROR(error);
  CHECK(clip_model_image_size(other) == 2 * clip_model_image_size(model));
  CHECK(strcmp(clip_model_identity(other), clip_model_identity(model)) != 0);
  CHECK(clip_index_open(in("photos"), other, &error) == NULL);
  CHECK_ERROR(error, CLIP_NOT_FOUND, CLIP_HINT_NONE, "no vectors of the model");

  /* It outlives the model that it was opened for. */
  options.image_size = 0;
  clip_model_close(other);
  other = clip_model_open(path, &options, &error);
  clip_index* index = clip_index_open(in("photos"), other, &error);
  CHECK_NO_ERROR(error);
  clip_model_close(other);
  size_t count = 0;
  CHECK(clip_index_count(index, &count, &error) == CLIP_OK && count > 10);
  CHECK(clip_index_count(index, NULL, NULL) == CLIP_INVALID_ARGUMENT);
  CHECK(clip_index_count(NULL, &count, NULL) == CLIP_INVALID_ARGUMENT);
  CHECK(strstr(clip_index_root(index), "photos") != NULL);

  clip_hits* hits = NULL;
  CHECK(clip_embed_text(model, "a cat", 5, room, dim, NULL) == CLIP_OK);
  CHECK(clip_index_search(index, room, dim, 3, &hits, &error) == CLIP_OK);
  CHECK(error == NULL && clip_hits_count(hits) == 3);
  CHECK(clip_hits_path(hits, 3) == NULL && isnan(clip_hits_score(hits, 3)));
  CHECK(clip_hits_score(hits, 0) >= clip_hits_score(hits, 1));
  const double best = clip_hits_score(hits, 0);
  clip_hits_free(hits);
  for (size_t i = 0; i < dim; ++i) room[i] *= 1000; /* need not be normalized */
  CHECK(clip_index_search(index, room, dim, (size_t)-1, &hits, NULL) == CLIP_OK);
  CHECK(clip_hits_count(hits) >= count && fabs(clip_hits_score(hits, 0) - best) < 1e-3);
  clip_hits_free(hits);
  CHECK(clip_index_search(index, room, dim, 0, &hits, &error) == CLIP_OK);
  CHECK(hits != NULL && clip_hits_count(hits) == 0);
  clip_hits_free(hits);

  hits = (clip_hits*)folder;
  CHECK(clip_index_search(index, room, dim + 1, 3, &hits, &error) == CLIP_INVALID_ARGUMENT);
  CHECK_ERROR(error, CLIP_INVALID_ARGUMENT, CLIP_HINT_NONE, "floats");
  CHECK(hits == NULL);
  CHECK(clip_index_search(NULL, room, dim, 3, &hits, NULL) == CLIP_INVALID_ARGUMENT);
  CHECK(clip_index_search(index, NULL, dim, 3, &hits, NULL) == CLIP_INVALID_ARGUMENT);
  CHECK(clip_index_search(index, room, dim, 3, NULL, NULL) == CLIP_INVALID_ARGUMENT);
  room[0] = NAN;
  CHECK(clip_index_search(index, room, dim, 3, &hits, &error) == CLIP_INVALID_ARGUMENT);
  CHECK_ERROR(error, CLIP_INVALID_ARGUMENT, CLIP_HINT_NONE, "not finite");
  memset(room, 0, dim * sizeof(float));
  CHECK(clip_index_search(index, room, dim, 3, &hits, NULL) == CLIP_INVALID_ARGUMENT);
  clip_index_close(index);
}

static void check_null(void) {
  CHECK(clip_model_dim(NULL) == 0 && clip_model_logit_scale(NULL) == 0);
  CHECK(clip_model_context_length(NULL) == 0 && clip_model_image_size(NULL) == 0);
  CHECK(clip_model_precision(NULL) == CLIP_PRECISION_FP32);
  CHECK(clip_model_name(NULL)[0] == '\0' && clip_model_identity(NULL)[0] == '\0');
  CHECK(clip_index_root(NULL)[0] == '\0');
  CHECK(clip_hits_count(NULL) == 0 && clip_hits_path(NULL, 0) == NULL);
  CHECK(isnan(clip_hits_score(NULL, 0)));
  CHECK(clip_error_code(NULL) == CLIP_OK && clip_error_hint(NULL) == CLIP_HINT_NONE);
  CHECK(clip_error_message(NULL)[0] == '\0');
  clip_model_close(NULL);
  clip_index_close(NULL);
  clip_hits_free(NULL);
  clip_error_free(NULL);
  CHECK(strcmp(clip_code_name(CLIP_OK), "ok") == 0);
  CHECK(strcmp(clip_code_name(CLIP_NOT_FOUND), "not_found") == 0);
}

int main(int argc, char** argv) {
  CHECK(argc == 3);
  folder = argv[2];
  clip_error* error = NULL;
  clip_model* model = clip_model_open(argv[1], NULL, &error);
  CHECK_NO_ERROR(error);
  dim = clip_model_dim(model);
  CHECK(dim > 0 && clip_model_logit_scale(model) > 1);
  CHECK(clip_model_context_length(model) == 77 && strlen(clip_model_identity(model)) == 64);
  CHECK(clip_model_name(model)[0] != '\0');
  room = malloc(3 * dim * sizeof(float));
  CHECK(room != NULL);
  check_null();
  check_models(argv[1]);
  check_texts(model, argv[1]);
  check_images(model, argv[1]);
  check_indexes(model, argv[1]);
  free(room);
  clip_model_close(model);
  return 0;
}
