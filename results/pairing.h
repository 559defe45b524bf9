/* Which cells of two lists belong together. Cells pair when protocol and replicate are equal; the
 * subject and the program's commit may differ. Anything else is refused, naming the field. */
#ifndef BITBENCH_RESULTS_PAIRING_H
#define BITBENCH_RESULTS_PAIRING_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct record;
struct record_list;
struct str;

struct cell_pair {
    const struct record *base, *cand;
};

/* Pairs that differ in the replicate only. */
struct pair_group {
    size_t first, n; /* in pairs */
};

struct pairing {
    struct cell_pair *pairs; /* group by group, replicates in order */
    size_t n;
    struct pair_group *groups; /* in the order of the base's cells */
    size_t n_groups;
    const struct record **missing; /* [n_missing] finished in the base, not in the candidate */
    size_t n_missing;
    size_t n_base_failed,
        n_extra; /* left out: failed in the base; finished in the candidate only */
};
/* vary [n_vary]: fields of the protocol that may differ: "dataset", "adapt", or a field's own name
 * ("train", "rs", "range"...). Subjects pair by equal text, then by model name; where one is left
 * on either side, these. The lists must outlive p. ERR_USAGE: nothing pairs, a field differs that
 * was not named, or more than one pairing is possible. */
int pairing_init(struct pairing *p, const struct record_list *base, const struct record_list *cand,
                 const char *const *vary, size_t n_vary, struct err *e);
void pairing_release(struct pairing *p);

/* Appends field i (from 0) of a part of a signature; nothing where it has fewer. */
void pairing_field(const char *part, size_t i, struct str *out);
/* Appends the field of this name, with its name; false where there is none. */
bool pairing_named_field(const char *part, const char *name, struct str *out);

#endif
