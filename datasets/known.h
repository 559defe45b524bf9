/* What the official data sets must contain, for checking a copy. */
#ifndef BITBENCH_DATASETS_KNOWN_H
#define BITBENCH_DATASETS_KNOWN_H

#include <stddef.h>

struct known_split {
    const char *name, *split; /* "sun397", "train800" */
    size_t n_classes;         /* classes with an image in it; 0: not known */
    const char *ids;          /* SHA-256 of the ids in canonical order, joined by newlines */
    const char *labels;       /* of the labels in decimal, likewise; NULL: not known */
};
/* NULL where nothing is known. */
const struct known_split *known_find(const char *name, const char *split);

#endif
