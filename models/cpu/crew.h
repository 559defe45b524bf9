/* As many of a pool's threads as there is scratch memory for. */
#ifndef BITBENCH_MODELS_CPU_CREW_H
#define BITBENCH_MODELS_CPU_CREW_H

#include <stddef.h>
#include "harness/base/pool.h"

struct crew {
    struct pool *pool;
    size_t size; /* 1 to pool_size */
};

/* As pool_run; worker in [0, size). */
void crew_run(const struct crew *c, size_t n_items, pool_fn *fn, void *ctx);

#endif
