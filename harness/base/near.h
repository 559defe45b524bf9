/* Near matches for unknown words: "unknown option '--shot'; did you mean '--shots'?". */
#ifndef BITBENCH_BASE_NEAR_H
#define BITBENCH_BASE_NEAR_H

#include <stddef.h>

struct near {
    const char *word;
    const char *prefix;  /* put before each candidate in the text; "" unless set after near_init */
    const char *best[3]; /* nearest first, NULL where there are fewer; not owned */
    size_t distance[3];
    char text[256];
};

/* word must outlive n. */
void near_init(struct near *n, const char *word);
/* Offers a candidate (must outlive n). Near is an edit distance of at most a third of the
 * word's length, and at least 1; insertion, deletion, change and swap of neighbours cost 1 each;
 * upper and lower case are the same. A candidate that starts with the word (of 2 or more
 * characters) is near too. Words of 64 or more bytes are never near. */
void near_add(struct near *n, const char *candidate);
/* "; did you mean 'a', 'b' or 'c'?" or "" when nothing is near. Lives in n. */
const char *near_text(struct near *n);

#endif
