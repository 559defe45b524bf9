/* Files that a command is asked to write: what is there already is not replaced unasked. */
#ifndef BITBENCH_OUTPUT_H
#define BITBENCH_OUTPUT_H

#include <stdbool.h>

struct err;

/* Called before any work, so that nothing is said or written when it fails: ERR_USAGE when path is
 * there already and force is not given, or is a folder. path may be NULL: nothing is written. */
int output_check(const char *path, bool force, struct err *e);

/* The option; S is the command's struct, F its bool. */
#define FORCE_OPT(S, F)                                         \
    {                                                           \
        "force", 0, OPT_FLAG, offsetof(struct S, F), NULL,      \
            "replace output files that are there already", 0, 0 \
    }

#endif
