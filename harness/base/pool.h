/* Threads: one pool, one level of parallelism. Work is split by item index, never by thread
 * count, so results do not depend on it. */
#ifndef BITBENCH_BASE_POOL_H
#define BITBENCH_BASE_POOL_H

#include <stddef.h>

struct err;
struct pool;

/* item in [0, n_items); worker in [0, pool_size): index of the caller's per-worker scratch. */
typedef void pool_fn(void *ctx, size_t item, size_t worker);

/* n_threads workers (at least 1), the calling thread included (so 1 starts none). Every worker,
 * the calling thread too, gets flush-to-zero and denormals-are-zero where the CPU has them.
 * Signals are left to the calling thread. 0, or -1 with e set and *p NULL. */
int pool_open(struct pool **p, size_t n_threads, struct err *e);
void pool_close(struct pool *p);        /* NULL is fine */
size_t pool_size(const struct pool *p); /* 1 for NULL */

/* Runs fn for every item, handing items out in order to whichever worker is free; returns when
 * all are done, and what the workers wrote is then visible to the caller. The calling thread
 * is worker 0. p == NULL runs all items in order on the calling thread (which gets the same
 * handling of denormals). Never call it from fn, nor from two threads at once. */
void pool_run(struct pool *p, size_t n_items, pool_fn *fn, void *ctx);

/* Processors this process may use: its affinity mask, cut to the cgroup's CPU quota. */
size_t pool_cpus(void);

#endif
