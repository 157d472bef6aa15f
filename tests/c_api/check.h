/* What the C programs of this folder check with: a check that fails says where, and ends the
 * program. */
#ifndef CLIP_TESTS_C_API_CHECK_H_
#define CLIP_TESTS_C_API_CHECK_H_

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clip/c.h"

#define CHECK(condition)                                                             \
  do {                                                                               \
    if (!(condition)) {                                                              \
      fprintf(stderr, "%s:%d: this is false: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                       \
    }                                                                                \
  } while (0)

/* Checks that a call succeeded, whose error is `error`, and says that error otherwise. */
#define CHECK_NO_ERROR(error)                                                        \
  do {                                                                               \
    if ((error) != NULL) {                                                           \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, clip_error_message(error)); \
      exit(1);                                                                       \
    }                                                                                \
  } while (0)

/* Checks an error's code, hint, and that its message has this part; frees it. */
#define CHECK_ERROR(error, wanted_code, wanted_hint, part)                                    \
  do {                                                                                        \
    if (clip_error_code(error) != (wanted_code) || clip_error_hint(error) != (wanted_hint) || \
        strstr(clip_error_message(error), part) == NULL || (error) == NULL) {                 \
      fprintf(stderr, "%s:%d: code %s, hint %d, message: %s\n", __FILE__, __LINE__,           \
              clip_code_name(clip_error_code(error)), (int)clip_error_hint(error),            \
              clip_error_message(error));                                                     \
      exit(1);                                                                                \
    }                                                                                         \
    clip_error_free(error);                                                                   \
    (error) = NULL;                                                                           \
  } while (0)

#endif
