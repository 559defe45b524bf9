/* Near matches for unknown words: "unknown option '--shot'; did you mean '--shots'?". */
#ifndef BITBENCH_BASE_NEAR_H
#define BITBENCH_BASE_NEAR_H

#include <stddef.h>

struct near {
    const char *word;
    const char *best[3]; /* nearest first; not owned */
    size_t distance[3];
    char text[256];
};

void near_init(struct near *n, const char *word);
/* Offers a candidate (must outlive n). Edit distance with transpositions, case-blind; a
 * candidate that starts with the word also counts as near. */
void near_add(struct near *n, const char *candidate);
/* "; did you mean 'a', 'b' or 'c'?" or "" when nothing is near. */
const char *near_text(struct near *n);

#endif
