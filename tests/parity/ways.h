/* Every engine on every instruction set that this CPU has. */
#ifndef BITBENCH_TESTS_PARITY_WAYS_H
#define BITBENCH_TESTS_PARITY_WAYS_H

#include "harness/base/cpu.h"
#include "harness/base/tensor.h"
#include "models/engine.h"
#include "tests/parity/golden.h"

static const char *const way_isas[] = {"base", "avx2", "avx512"};

struct way {
    const struct engine *engine; /* NULL: no such way here */
    bool best;                   /* of this engine's */
    char name[64];
};

static inline size_t ways_n(void)
{
    return engines_n * ARRAY_LEN(way_isas);
}

/* Way i, its instruction set forced until the next one is taken. The last ones have the best. */
static inline struct way way_take(size_t i)
{
    struct way w = {.engine = engines[i % engines_n]};
    const char *isa = way_isas[i / engines_n];
    bool same = w.engine == &engine_reference; /* whose library chooses for itself */
    if (!cpu_has(isa) || (same && i >= engines_n)) {
        return (struct way){0};
    }
    need(!cpu_force_isa(isa, &e), isa);
    w.best = true;
    for (size_t k = i / engines_n + 1; k < ARRAY_LEN(way_isas); k++) {
        w.best &= same || !cpu_has(way_isas[k]);
    }
    snprintf(w.name, sizeof w.name, "%s%s%s", w.engine->name, same ? "" : " ", same ? "" : isa);
    return w;
}

#endif
