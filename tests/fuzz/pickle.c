/* Pickles: whatever the bytes, parsing ends, says why it refused, and the result is a tree whose
 * text lies within the bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/codec/pickle.h"
#include "harness/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(int ok)
{
    if (!ok) {
        abort();
    }
}

/* Visits every value below v once; returns how many there are. Deep lists are not followed on
 * the stack: a pickle may nest as deep as it is long. */
static size_t visit(const struct pickle *p, const struct pickle_value *v, const uint8_t *data,
                    size_t n, size_t depth)
{
    size_t count = 1, children = 0;
    check(v->kind != PICKLE_OTHER || v == pickle_root(p) || depth > 0);
    if (v->kind == PICKLE_TEXT || v->kind == PICKLE_ARRAY) {
        check(v->n_text == 0 || (v->text >= data && v->n_text <= n &&
                                 (size_t)(v->text - data) <= n - v->n_text));
    }
    if (v->kind == PICKLE_ARRAY) {
        check((uint64_t)v->i * v->n == v->n_text);
        return count;
    }
    for (const struct pickle_value *c = depth < 200 ? pickle_first(p, v) : NULL; c;
         c = pickle_next(p, c)) {
        count += visit(p, c, data, n, depth + 1);
        children++;
    }
    check(depth >= 200 || children == v->n);
    check(v->kind != PICKLE_DICT || v->n % 2 == 0);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct pickle p;
    struct err e = {0};
    if (pickle_parse(&p, data, n, "x", &e)) {
        check(e.code != ERR_NONE && e.text[0]);
    } else {
        check(visit(&p, pickle_root(&p), data, n, 0) < p.n_values);
        pickle_get(&p, pickle_root(&p), "data");
    }
    pickle_release(&p);
    return 0;
}
