/* `datasets verify NAME`: is this copy of a data set whole, and what is odd about it? */
#ifndef BITBENCH_HARNESS_DATASETS_VERIFY_H
#define BITBENCH_HARNESS_DATASETS_VERIFY_H

#include <stddef.h>

struct ctx;
struct err;

/* decode: "pil" or "tf"; most: so many images of a kind are listed. EXIT_DONE, EXIT_FOUND for a
 * copy that is not whole, or -1: it cannot be opened. */
int datasets_verify(struct ctx *c, const char *name, const char *decode, size_t most,
                    struct err *e);

#endif
