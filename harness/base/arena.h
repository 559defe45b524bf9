/* One aligned block from which scratch memory is carved, forward only. The size comes from a
 * dry run of the same layout code: arena_plan, take everything, read arena.peak, arena_open. */
#ifndef BITBENCH_BASE_ARENA_H
#define BITBENCH_BASE_ARENA_H

#include <stddef.h>

struct err;

struct arena {
    unsigned char *base; /* NULL while planning */
    size_t cap, used, peak;
};

/* Starts a dry run: arena_take only counts and returns NULL. */
void arena_plan(struct arena *a);

/* Allocates `bytes` (64-byte aligned). 0, or -1 with e set (ERR_LIMIT names bytes and limit). */
int arena_open(struct arena *a, size_t bytes, struct err *e);
void arena_close(struct arena *a);

/* The next `bytes`, 64-byte aligned, not zeroed. Asking for more than was planned is our own
 * fault and an assert. NULL in a dry run. */
void *arena_take(struct arena *a, size_t bytes);

size_t arena_mark(const struct arena *a);
void arena_reset(struct arena *a, size_t mark);

#endif
