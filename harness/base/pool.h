/* Threads: one pool, one level of parallelism. Work is split by item index, never by thread
 * count, so results do not depend on it. */
#ifndef BITBENCH_BASE_POOL_H
#define BITBENCH_BASE_POOL_H

#include <stddef.h>

struct err;
struct pool;

/* item in [0, n_items); worker in [0, pool_size): index of the caller's per-worker scratch. */
typedef void pool_fn(void *ctx, size_t item, size_t worker);

/* n_threads workers, the calling thread included (so 1 starts none). Every worker, the calling
 * thread too, gets flush-to-zero and denormals-are-zero where the CPU has them. */
int pool_open(struct pool **p, size_t n_threads, struct err *e);
void pool_close(struct pool *p);
size_t pool_size(const struct pool *p); /* 1 for NULL */

/* Runs fn for every item, handing items out in order to whichever worker is free; returns when
 * all are done. p == NULL runs them in order on the calling thread. Never call it from fn. */
void pool_run(struct pool *p, size_t n_items, pool_fn *fn, void *ctx);

size_t pool_cpus(void); /* processors this process may use */

#endif
