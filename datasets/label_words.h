/* Labels as people write them into lists and metadata, and names of classes that a source finds. */
#ifndef BITBENCH_DATASETS_LABEL_WORDS_H
#define BITBENCH_DATASETS_LABEL_WORDS_H

#include <stddef.h>
#include <stdint.h>

struct err;

enum { LABEL_MAX_CLASSES = 1 << 20 };

/* Names of classes in label order, each owned. */
struct label_set {
    char **names; /* [n] */
    size_t n;
};
void label_set_release(struct label_set *s);
/* n classes named "0", "1" and so on. */
int label_set_number(struct label_set *s, size_t n, struct err *e);

/* One label a word. Words that are all whole numbers stay what they are, and the classes are 0 to
 * the largest; otherwise they are names, numbered in the order of their bytes. set must be empty.
 * After an error *bad is the word at fault, or SIZE_MAX. */
int label_words_take(const char *const *words, size_t n, int32_t *labels, struct label_set *set,
                     size_t *bad, struct err *e);

#endif
