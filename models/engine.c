/* The table of engines. */
#include "models/engine.h"

#include <string.h>

#include "harness/base/err.h"
#include "harness/base/near.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"

const struct engine *const engines[] = {&engine_cpu, &engine_cpu_direct, &engine_reference};
const size_t engines_n = ARRAY_LEN(engines);

int engine_open_forward(const struct engine *engine, void **state, struct model *m,
                        struct pool *pool, struct err *e)
{
    return engine->open_forward ? engine->open_forward(state, m, pool, e)
                                : engine->open(state, m, pool, e);
}

const struct engine *engine_find(const char *name, struct err *e)
{
    if (!name) {
        return engines[0];
    }
    struct near near;
    struct str known = {0};
    near_init(&near, name);
    for (size_t i = 0; i < engines_n; i++) {
        if (!strcmp(engines[i]->name, name)) {
            str_release(&known);
            return engines[i];
        }
        near_add(&near, engines[i]->name);
        str_addf(&known, "%s%s", i ? ", " : "", engines[i]->name);
    }
    err_set(e, ERR_USAGE, "unknown engine '%.100s', there are %s%s", name, str_text(&known),
            near_text(&near));
    str_release(&known);
    return NULL;
}
