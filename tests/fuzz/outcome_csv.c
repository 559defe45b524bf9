/* Any bytes as given outcomes: an error with a text, or test sets whose counts add up and on which a
 * verdict can be found and rendered. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/base/err.h"
#include "harness/base/str.h"
#include "results/compare.h"
#include "results/outcome_csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_set(const struct paired_set *s, const struct paired_effect *f)
{
    double cells = (double)s->n * (double)s->n_blocks;
    int64_t sum = 0;
    assert(s->n > 0 && s->n_blocks > 0 && s->unit == 1);
    for (size_t i = 0; i < s->n * s->n_blocks; i++) {
        assert(s->x[i] >= -1 && s->x[i] <= 1);
        sum += s->x[i];
    }
    assert(fabs((s->cand - s->base) * cells - (double)sum) < 1e-6);
    assert((int64_t)f->n_better - (int64_t)f->n_worse == sum);
    assert(f->p >= 0 && f->p <= 1 && f->p_holm >= f->p);
    assert(f->low <= f->difference + 1e-12 && f->difference <= f->high + 1e-12);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct err e = {0};
    struct comparison c = {.rule = {.alpha = 0.05, .max_drop = 0.01, .n_resamples = 10}};
    if (outcome_csv_add_bytes(&c, (const char *)data, n, "x", &e)) {
        assert(e.code != ERR_NONE && e.text[0]);
    } else if (comparison_finish(&c, NULL, &e)) {
        assert(e.code == ERR_USAGE && e.text[0]); /* several draws of one image */
    } else {
        struct str out = {0};
        for (size_t i = 0; i < c.n; i++) {
            check_set(&c.sets[i], &c.effects[i]);
        }
        assert(comparison_render(&c, TABLE_MD, &out, &e) == 0 && out.len);
        assert(comparison_json(&c, &out, &e) == 0 && comparison_junit(&c, &out, &e) == 0);
        str_release(&out);
    }
    comparison_release(&c);
    return 0;
}
