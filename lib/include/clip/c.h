/// \file
/// clip-cli's C API: embeddings of texts and images by a CLIP model, and search in an index. For
/// C99, C++, and every language that can call C; link with -lclip-cli (pkg-config has it as
/// clip-cli).
///
///     clip_error* error = NULL;
///     clip_model* model = clip_model_open("ViT-B-32.pt", NULL, &error);
///     if (model == NULL) {
///       fprintf(stderr, "%s\n", clip_error_message(error));
///       clip_error_free(error);
///       return 1;
///     }
///     float* embedding = malloc(clip_model_dim(model) * sizeof(float));
///     clip_embed_image_file(model, "cat.jpg", embedding, clip_model_dim(model), NULL);
///     clip_model_close(model);
///
/// - Embeddings are rows of `clip_model_dim` floats, normalized to Euclidean length 1, so that the
///   dot product of two of them is their cosine. A score is 100 x cosine. The probability that a
///   text belongs to an image is the softmax of `clip_model_logit_scale` x cosine over all texts.
/// - Errors: a function that can fail has a last parameter `error`, which may be NULL. Where it is
///   not, the function sets `*error` to NULL when it succeeds, and when it fails to an error that
///   the caller frees by `clip_error_free`, once. What `*error` was before is overwritten. A
///   function that fails writes no embedding, unless it says so.
/// - NULL in place of a handle, a text, a path or an output is an error (CLIP_INVALID_ARGUMENT);
///   functions without an `error` say what they give then. Nothing is ever printed.
/// - Threads: all functions may be called by any number of threads at once, also with one model or
///   index, until it is closed. Images are decoded side by side; what a model or an index computes
///   is computed for one caller after the other, by all the threads of `clip_model_options`. A
///   process that forks should open its models after it has.
/// - Paths are bytes as the system has them, and end with NUL. Texts are UTF-8.
#ifndef CLIP_C_H_
#define CLIP_C_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A function of the shared library.
#if defined(__GNUC__)
#define CLIP_C_API __attribute__((visibility("default")))
#else
#define CLIP_C_API
#endif

/// A model, opened (`clip_model_open`).
typedef struct clip_model clip_model;
/// An index of the images of a folder, opened for one model (`clip_index_open`).
typedef struct clip_index clip_index;
/// What a search found (`clip_index_search`).
typedef struct clip_hits clip_hits;
/// Why a function failed.
typedef struct clip_error clip_error;

/// What kind of error it is. The numbers are part of the interface and never change.
typedef enum clip_code {
  CLIP_OK = 0,                ///< It succeeded.
  CLIP_INVALID_ARGUMENT = 1,  ///< What the caller asks for cannot be meant.
  CLIP_NOT_FOUND = 2,         ///< A file, an index or a weight is missing.
  CLIP_IO = 3,                ///< The system cannot read, write, or give memory or threads.
  CLIP_CORRUPT = 4,           ///< A file is damaged, or contradicts itself.
  CLIP_UNSUPPORTED = 5,  ///< A file or a request is sound, and of a kind that is not supported.
  CLIP_LIMIT = 6,        ///< Larger or longer than allowed.
  CLIP_CANCELLED = 7,    ///< Ended before it was done; not used so far.
  CLIP_INTERNAL = 8      ///< A model or a library fails.
} clip_code;

/// What could be done about an error.
typedef enum clip_hint {
  CLIP_HINT_NONE = 0,               ///< Nothing in particular.
  CLIP_HINT_RAISE_MAX_PIXELS = 1,   ///< A larger `clip_model_options::max_pixels` admits the image.
  CLIP_HINT_RAISE_MAX_MEMORY = 2,   ///< A larger `clip_model_options::max_memory` admits the image.
  CLIP_HINT_TRUNCATE = 3,           ///< `clip_model_options::truncate` cuts such texts.
  CLIP_HINT_NAME_ARCHITECTURE = 4,  ///< `clip_model_options::architecture` can say it.
  CLIP_HINT_REBUILD_INDEX = 5,      ///< Remove the index, and build it again.
  CLIP_HINT_USE_TORCHSCRIPT = 6,    ///< Only the file's own code can run this model, which this API
                                    ///< does not; `clip-cli` with the engine torchscript does.
  CLIP_HINT_EXPORT_MODEL = 7        ///< Save the model as a TorchScript module.
} clip_hint;

/// What a model computes in.
typedef enum clip_precision {
  CLIP_PRECISION_FP32 = 0,  ///< float32: scores are PyTorch's to 0.001.
  CLIP_PRECISION_BF16 = 1,  ///< bfloat16: faster, half the memory; changes scores by about 0.1.
  CLIP_PRECISION_INT8 = 2   ///< Products in int8: faster still; changes scores by about 0.3.
} clip_precision;

/// How a model is opened. Zeros are the defaults; `size` must be set:
///
///     clip_model_options options = {sizeof options};
///     options.threads = 4;
///
/// Later versions add members at the end: a program that was compiled with fewer keeps working.
typedef struct clip_model_options {
  size_t size;  ///< sizeof(clip_model_options)
  /// open_clip's name of the architecture ("ViT-B-32"), for weights without a config that says what
  /// no shape shows. NULL: as the file says.
  const char* architecture;
  /// A folder of ready weights, as `clip-cli models prepare` writes them: a model that is found
  /// there is opened faster, and shares its weights with other processes. NULL: none.
  const char* ready_folder;
  uint64_t max_pixels;  ///< Images of more pixels are refused from their header. 0: 500 million.
  uint64_t max_memory;  ///< Bytes that images may take together while they are decoded. 0: half of
                        ///< what is available to the process.
  int image_size;       ///< Pixels a side that the model looks at, ViTs only. 0: its own.
  int precision;        ///< A `clip_precision`.
  int threads;          ///< That compute. 0: all processors that this process may use.
  int truncate;         ///< Not 0: texts longer than the model's context are cut, not refused.
} clip_model_options;

/// In place of the size of a text: it ends with NUL.
#define CLIP_NUL_TERMINATED ((size_t)-1)

/// \name Version and errors
/// \{

/// The version of the library, as "0.2.0".
CLIP_C_API const char* clip_version(void);

/// The name of a code: "ok", "invalid_argument", "not_found", "io", "corrupt", "unsupported",
/// "limit", "cancelled", "internal".
CLIP_C_API const char* clip_code_name(clip_code code);

/// The code; of NULL CLIP_OK.
CLIP_C_API clip_code clip_error_code(const clip_error* error);

/// The hint; of NULL CLIP_HINT_NONE.
CLIP_C_API clip_hint clip_error_hint(const clip_error* error);

/// One line of English, without a line end, that says what is wrong, and where: the file, the text.
/// Names of files are in it as they are, so it may not be UTF-8. Valid until the error is freed; of
/// NULL "".
CLIP_C_API const char* clip_error_message(const clip_error* error);

/// Frees an error. NULL is nothing to free.
CLIP_C_API void clip_error_free(clip_error* error);

/// \}
/// \name Models
/// \{

/// Opens a model: a file as it is published, or a folder with weights and config as repositories
/// have them. Nothing in it is executed. Weights are read with the first text, and with the first
/// image. Names of models are the command line's: `clip-cli models list --json` has their paths.
/// \param path     of the file or the folder
/// \param options  NULL: the defaults
/// \return the model, or NULL: the file is missing, of no known kind, damaged, or such that only
///         its own code can run it; or an option is wrong.
CLIP_C_API clip_model* clip_model_open(const char* path, const clip_model_options* options,
                                       clip_error** error);

/// Closes a model, which no thread may be using. Indexes that were opened for it stay open. NULL is
/// nothing to close.
CLIP_C_API void clip_model_close(clip_model* model);

/// Floats of an embedding; of NULL 0.
CLIP_C_API size_t clip_model_dim(const clip_model* model);

/// What cosines are multiplied by before the softmax, mostly 100; of NULL 0.
CLIP_C_API double clip_model_logit_scale(const clip_model* model);

/// Tokens that a text may have, its start and its end included, mostly 77; of NULL 0.
CLIP_C_API size_t clip_model_context_length(const clip_model* model);

/// Pixels a side of what the model looks at, 224 for one; of NULL 0.
CLIP_C_API size_t clip_model_image_size(const clip_model* model);

/// The precision that it computes in: what was asked for, or CLIP_PRECISION_FP32 where this
/// processor has no instructions for that; of NULL CLIP_PRECISION_FP32.
CLIP_C_API clip_precision clip_model_precision(const clip_model* model);

/// The model's name, as its file states it, else its path. Valid until it is closed; of NULL "".
CLIP_C_API const char* clip_model_name(const clip_model* model);

/// 64 hexadecimal digits, a fingerprint of the weights and the preprocessing: models with the same
/// one give the same embeddings. Valid until it is closed; of NULL "".
CLIP_C_API const char* clip_model_identity(const clip_model* model);

/// \}
/// \name Embeddings
/// \{

/// Embeds a text.
/// \param text       UTF-8, which may hold NUL bytes if its size is given
/// \param text_size  bytes, or CLIP_NUL_TERMINATED
/// \param embedding  [dim], written
/// \param capacity   floats that `embedding` has room for, at least dim
/// \return CLIP_OK, or the error's code: CLIP_INVALID_ARGUMENT for what is not UTF-8 and for a
///         capacity that is too small, CLIP_LIMIT for a text longer than the model's context.
CLIP_C_API clip_code clip_embed_text(clip_model* model, const char* text, size_t text_size,
                                     float* embedding, size_t capacity, clip_error** error);

/// Embeds texts, together, which is faster than one by one.
/// \param texts       [count]
/// \param text_sizes  [count], bytes, each as for `clip_embed_text`; NULL: all texts end with NUL
/// \param count       texts; 0: nothing is done
/// \param embeddings  [count, dim], written
/// \param capacity    floats that `embeddings` has room for, at least count x dim
/// \return as `clip_embed_text`; the first text that cannot be embedded is the error of all.
CLIP_C_API clip_code clip_embed_texts(clip_model* model, const char* const* texts,
                                      const size_t* text_sizes, size_t count, float* embeddings,
                                      size_t capacity, clip_error** error);

/// Embeds an image file: JPEG, PNG, WebP, GIF, TIFF and others, known by its content.
/// \param path       of the file
/// \param embedding  [dim], written
/// \param capacity   floats that `embedding` has room for, at least dim
/// \return CLIP_OK, or the error's code: CLIP_NOT_FOUND, CLIP_IO, CLIP_CORRUPT for a damaged file,
///         CLIP_UNSUPPORTED for what is no image, CLIP_LIMIT for one of too many pixels.
CLIP_C_API clip_code clip_embed_image_file(clip_model* model, const char* path, float* embedding,
                                           size_t capacity, clip_error** error);

/// Embeds an image file that is in memory: its bytes, not its pixels.
/// \param bytes      [size], copied
/// \param size       of the file, in bytes
/// \param embedding  [dim], written
/// \param capacity   floats that `embedding` has room for, at least dim
/// \return as `clip_embed_image_file`
CLIP_C_API clip_code clip_embed_image_bytes(clip_model* model, const void* bytes, size_t size,
                                            float* embedding, size_t capacity, clip_error** error);

/// Embeds image files in batches, while several threads decode ahead: the fast way for many. One
/// image that cannot be used does not end the run.
/// \param paths       [count]
/// \param count       images; 0: nothing is done
/// \param embeddings  [count, dim], written; NaN where an image cannot be used
/// \param capacity    floats that `embeddings` has room for, at least count x dim
/// \param errors      [count], written in any case: NULL, or the image's error, which the caller
///                    frees; the function then succeeds whatever the images are. If `errors` is
///                    NULL, the first of them is the function's, and all embeddings are written
///                    nevertheless.
/// \return CLIP_OK, or the error's code.
CLIP_C_API clip_code clip_embed_image_files(clip_model* model, const char* const* paths,
                                            size_t count, float* embeddings, size_t capacity,
                                            clip_error** errors, clip_error** error);

/// \}
/// \name Search
/// \{

/// Opens the index that covers a folder, its own or that of a folder above it, for reading, as
/// `clip-cli search` does; `clip-cli index FOLDER` makes it and brings it up to date. Another
/// process may do that meanwhile: each search sees what is there when it begins.
/// \param folder  whose images are searched, those of the folders in it included
/// \param model   whose embeddings are compared; may be closed afterwards
/// \return the index, or NULL: CLIP_NOT_FOUND where there is no such folder, no index of it, or
///         nothing of this model in it; CLIP_CORRUPT for a damaged one.
CLIP_C_API clip_index* clip_index_open(const char* folder, const clip_model* model,
                                       clip_error** error);

/// Closes an index, which no thread may be using. NULL is nothing to close.
CLIP_C_API void clip_index_close(clip_index* index);

/// The absolute path of the folder that the index is of. Valid until it is closed; of NULL "".
CLIP_C_API const char* clip_index_root(const clip_index* index);

/// Counts the images with different contents that can be found.
/// \param count  written
/// \return CLIP_OK, or the error's code.
CLIP_C_API clip_code clip_index_count(clip_index* index, size_t* count, clip_error** error);

/// Finds the images whose embeddings are nearest to the query's, exactly.
/// \param query  [dim], an embedding of a text or an image, or a sum of several with weights; it
///               need not be normalized
/// \param dim    floats of the query, the model's dimension
/// \param top    the greatest number of hits
/// \param hits   set to what is found, best first, which the caller frees by `clip_hits_free`;
///               to NULL where the function fails
/// \return CLIP_OK, or the error's code: CLIP_INVALID_ARGUMENT for a query of another dimension,
///         and for one that is zero or not finite; CLIP_CORRUPT and CLIP_IO where the index cannot
///         be read.
CLIP_C_API clip_code clip_index_search(clip_index* index, const float* query, size_t dim,
                                       size_t top, clip_hits** hits, clip_error** error);

/// How many hits there are; of NULL 0.
CLIP_C_API size_t clip_hits_count(const clip_hits* hits);

/// The absolute path of hit `at`, counted from 0, valid until the hits are freed; NULL where there
/// is no such hit.
CLIP_C_API const char* clip_hits_path(const clip_hits* hits, size_t at);

/// 100 x cosine of hit `at` and the query; NaN where there is no such hit.
CLIP_C_API double clip_hits_score(const clip_hits* hits, size_t at);

/// Frees hits. NULL is nothing to free.
CLIP_C_API void clip_hits_free(clip_hits* hits);

/// \}

#ifdef __cplusplus
}
#endif

#endif  // CLIP_C_H_
