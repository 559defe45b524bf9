/* What must hold of the adaptations for any data: the same bits for any number of threads, in any
 * company and at any place; shared work done once; symmetries of the definitions; data at the
 * edges. Features are made up from a seed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/note.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "protocols/adapt.h"
#include "tests/property/adapt_made.h"

/* A trial with each way of both adaptations on the problem, at most two specs of logistic. */
static void all_ways(struct trial t[2])
{
    memset(t, 0, 2 * sizeof *t);
    add_spec(&t[0], &adapt_ridge)->adapt.l2 = 3;
    add_select(&t[0], &adapt_ridge, "loo", "log2:-5:12");
    add_spec(&t[0], &adapt_ridge)->adapt.standardize = false;
    add_select(&t[0], &adapt_ridge, "val", "log2:-5:12");
    add_spec(&t[0], &adapt_ridge)->adapt.bias = 1;
    add_spec(&t[1], &adapt_logistic)->adapt.c = 0.3;
    add_select(&t[1], &adapt_logistic, "val", "list:10,0.01,1");
}

static const struct {
    size_t n, d, n_classes;
} shapes[] = {{60, 20, 3}, {25, 90, 5}, {150, 33, 10}, {36, 35, 4}, {35, 36, 1}};

static void threads_do_not_show(void **state)
{
    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(shapes); s++) {
        struct made m;
        struct trial t[2];
        make(&m, 40 + s, shapes[s].n, shapes[s].d, shapes[s].n_classes, 75);
        all_ways(t);
        for (size_t a = 0; a < 2; a++) {
            must_run(&t[a], &m.p, 1);
            assert_true(t[a].converged);
            for (size_t threads = 2; threads <= 3; threads++) {
                double *first = t[a].scores;
                must_run(&t[a], &m.p, threads);
                assert_memory_equal(first, t[a].scores, t[a].n * t[a].size * sizeof *first);
                free(first);
            }
            free(t[a].scores);
        }
        unmake(&m);
    }
}

/* A cell gives the same bits alone and among others: a run that is resumed depends on it. */
static void company_does_not_show(void **state)
{
    (void)state;
    struct made m;
    make(&m, 50, 80, 50, 7, 40);
    struct trial t[2];
    all_ways(t);
    for (size_t a = 0; a < 2; a++) {
        must_run(&t[a], &m.p, 2);
        for (size_t i = 0; i < t[a].n; i++) {
            struct trial alone = {.adapt = t[a].adapt, .n = 1};
            alone.spec[0] = t[a].spec[i];
            must_run(&alone, &m.p, 1);
            assert_memory_equal(alone.scores, t[a].scores + i * alone.size,
                                alone.size * sizeof *alone.scores);
            free(alone.scores);
        }
        free(t[a].scores);
    }
    unmake(&m);
}

static void one_eigendecomposition_for_every_l2(void **state)
{
    (void)state;
    struct made m;
    make(&m, 51, 40, 64, 10, 20);
    for (size_t way = 0; way < 3; way++) {
        struct trial t = {0};
        for (int i = 0; i < 30; i++) {
            if (way == 0) {
                add_spec(&t, &adapt_ridge)->adapt.l2 = ldexp(1, i - 10);
            } else {
                add_select(&t, &adapt_ridge, way == 1 ? "loo" : "val", "log2:-10:19");
            }
        }
        must_run(&t, &m.p, 2);
        assert_int_equal(t.counters.eigendecompositions, way < 2 ? 1 : 2);
        free(t.scores);
    }
    unmake(&m);
}

/* Test rows moved to other places of the tiles, and among other rows. */
static void place_does_not_show(void **state)
{
    (void)state;
    struct made m;
    enum { TEST = 70 };
    make(&m, 52, 50, 40, 6, TEST);
    struct trial t[2];
    all_ways(t);
    for (size_t a = 0; a < 2; a++) {
        must_run(&t[a], &m.p, 1);
        for (size_t shift = 1; shift < TEST; shift += 9) {
            struct trial moved = {.adapt = t[a].adapt, .n = t[a].n};
            struct probe_data p = m.p;
            p.x_test = m.x_test + shift * p.d;
            p.n_test -= shift;
            memcpy(moved.spec, t[a].spec, sizeof moved.spec);
            must_run(&moved, &p, 2);
            for (size_t i = 0; i < t[a].n; i++) {
                assert_memory_equal(moved.scores + i * moved.size,
                                    t[a].scores + i * t[a].size + shift * p.n_classes,
                                    moved.size * sizeof(double));
            }
            free(moved.scores);
        }
        free(t[a].scores);
    }
    unmake(&m);
}

/* ridge: rounding; logistic: fits end where W is right to about 1e-7. */
static double bound_of(const struct adapt *a)
{
    return a == &adapt_ridge ? 1e-10 : 1e-6;
}

static void classes_permute(void **state)
{
    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(shapes); s++) {
        struct made m;
        struct trial t[2];
        size_t c = shapes[s].n_classes;
        make(&m, 60 + s, shapes[s].n, shapes[s].d, c, 30);
        all_ways(t);
        int32_t *y = calloc(m.p.n, sizeof *y);
        for (size_t i = 0; i < m.p.n; i++) {
            y[i] = (int32_t)((c - 1) - (size_t)m.y[i]);
        }
        for (size_t a = 0; a < 2; a++) {
            must_run(&t[a], &m.p, 1);
            double *want = t[a].scores, *turned = calloc(t[a].size, sizeof *turned);
            struct probe_data p = m.p;
            p.y = y;
            must_run(&t[a], &p, 1);
            for (size_t i = 0; i < t[a].n; i++) {
                for (size_t k = 0; k < t[a].size; k++) {
                    turned[k / c * c + (c - 1 - k % c)] = want[i * t[a].size + k];
                }
                assert_close(&t[a], i, turned, bound_of(t[a].adapt));
            }
            free(turned);
            free(want);
            free(t[a].scores);
        }
        free(y);
        unmake(&m);
    }
}

/* Every row twice: the same as once with half the l2, or with twice the C. */
static void rows_twice(void **state)
{
    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(shapes); s++) {
        struct made m;
        size_t n = shapes[s].n;
        make(&m, 70 + s, n, shapes[s].d, shapes[s].n_classes, 30);
        size_t *rows = calloc(2 * n, sizeof *rows);
        int32_t *y = calloc(2 * n, sizeof *y);
        for (size_t i = 0; i < 2 * n; i++) {
            rows[i] = i % n;
            y[i] = m.y[i % n];
        }
        struct probe_data p = m.p;
        p.rows = rows;
        p.y = y;
        p.n = 2 * n;
        for (size_t a = 0; a < 2; a++) {
            struct trial once = {0}, twice = {0};
            const struct adapt *adapt = a ? &adapt_logistic : &adapt_ridge;
            for (int i = -2; i <= 3; i++) {
                struct run_spec *u = add_spec(&once, adapt), *v = add_spec(&twice, adapt);
                u->adapt.l2 = pow(8, i);
                v->adapt.l2 = 2 * u->adapt.l2;
                v->adapt.c = pow(8, i);
                u->adapt.c = 2 * v->adapt.c;
            }
            must_run(&once, &m.p, 1);
            must_run(&twice, &p, 1);
            for (size_t i = 0; i < once.n; i++) {
                assert_close(&twice, i, once.scores + i * once.size, bound_of(adapt));
            }
            free(once.scores);
            free(twice.scores);
        }
        free(y);
        free(rows);
        unmake(&m);
    }
}

/* An offset of the features changes the intercept only. */
static void offset_does_not_show(void **state)
{
    (void)state;
    struct made m, moved;
    make(&m, 80, 90, 20, 4, 30);
    make(&moved, 80, 90, 20, 4, 30);
    for (size_t i = 0; i < m.p.n * m.p.d; i++) {
        moved.x[i] += (float)(1000 * (i % m.p.d));
    }
    for (size_t i = 0; i < m.p.n_test * m.p.d; i++) {
        moved.x_test[i] += (float)(1000 * (i % m.p.d));
    }
    for (size_t a = 0; a < 2; a++) {
        struct trial t[2];
        all_ways(t);
        t[a].n = 2; /* standardised or centred ones only */
        must_run(&t[a], &m.p, 1);
        double *want = t[a].scores;
        must_run(&t[a], &moved.p, 1);
        assert_true(t[a].converged);
        for (size_t i = 0; i < t[a].n; i++) {
            assert_close(&t[a], i, want + i * t[a].size, bound_of(t[a].adapt));
        }
        free(want);
        free(t[a].scores);
    }
    unmake(&moved);
    unmake(&m);
}

/* A feature without spread in training does not matter, whatever it is in the test rows. */
static void dead_features_are_left_out(void **state)
{
    (void)state;
    struct made m, more;
    make(&m, 81, 30, 20, 3, 40);
    make(&more, 81, 30, 21, 3, 40);
    for (size_t i = 0; i < 30; i++) {
        memcpy(more.x + i * 21, m.x + i * 20, 20 * sizeof(float));
        more.x[i * 21 + 20] = 0.1F;
    }
    for (size_t i = 0; i < 40; i++) {
        memcpy(more.x_test + i * 21, m.x_test + i * 20, 20 * sizeof(float));
        more.x_test[i * 21 + 20] = (float)i;
    }
    struct trial a = {0}, b = {0};
    add_spec(&a, &adapt_ridge)->adapt.l2 = 0x1p-10;
    add_spec(&b, &adapt_ridge)->adapt.l2 = 0x1p-10;
    must_run(&a, &m.p, 1);
    must_run(&b, &more.p, 1);
    assert_memory_equal(a.scores, b.scores, a.size * sizeof *a.scores);
    free(a.scores);
    free(b.scores);
    unmake(&more);
    unmake(&m);
}

/* Classes 2 and 4 have no row: finite scores, and never the best one. */
static void absent_classes(void **state)
{
    (void)state;
    struct made m;
    make(&m, 82, 60, 30, 3, 50);
    static const int32_t to[] = {0, 1, 3};
    for (size_t i = 0; i < m.p.n; i++) {
        m.y[i] = to[m.y[i]];
    }
    m.p.n_classes = 5;
    struct trial t[2];
    all_ways(t);
    for (size_t a = 0; a < 2; a++) {
        must_run(&t[a], &m.p, 2);
        assert_true(t[a].converged);
        assert_true(isfinite(largest(t[a].scores, t[a].n * t[a].size)));
        for (size_t i = 0; i < t[a].n * m.p.n_test; i++) {
            const double *s = t[a].scores + i * 5;
            double present = fmax(s[0], fmax(s[1], s[3]));
            assert_true(s[2] < present && s[4] < present);
        }
        free(t[a].scores);
    }
    unmake(&m);
}

static void a_single_row(void **state)
{
    (void)state;
    struct made m;
    make(&m, 83, 1, 12, 3, 9);
    m.y[0] = 1;
    struct trial r = {0}, l = {0}, v = {0};
    add_spec(&r, &adapt_ridge);
    add_select(&r, &adapt_ridge, "loo", "log2:-10:20");
    add_spec(&r, &adapt_ridge)->adapt.standardize = false;
    must_run(&r, &m.p, 1);
    for (size_t i = 0; i < r.n_tried; i++) { /* nothing is known without the only row */
        assert_true(r.value[i] == 1);
    }
    assert_true(r.chosen[1] == 0x1p20); /* ties: the larger */
    add_spec(&l, &adapt_logistic)->adapt.c = 1e-6;
    add_spec(&l, &adapt_logistic)->adapt.c = 1e6;
    must_run(&l, &m.p, 1);
    assert_true(l.converged);
    for (size_t i = 0; i < 9; i++) {
        assert_true(r.scores[i * 3 + 1] > r.scores[i * 3] && l.scores[i * 3 + 1] > l.scores[i * 3]);
    }
    add_select(&v, &adapt_logistic, "val", "log10:-1:1");
    assert_int_equal(run(&v, &m.p, 1), -1);
    assert_non_null(strstr(v.e.text, "none is left"));
    assert_non_null(strstr(v.e.text, "adapt.c=log10:-1:1")); /* names the spec */
    free(v.scores);
    free(l.scores);
    free(r.scores);
    unmake(&m);
}

static void picks_the_best(void **state)
{
    (void)state;
    for (uint64_t seed = 90; seed < 96; seed++) {
        struct made m;
        make(&m, seed, 45, 30, 5, 5);
        struct trial t = {0}, u = {0};
        add_select(&t, &adapt_ridge, "val", "log2:-10:20");
        add_select(&u, &adapt_logistic, "val", "log10:-6:6");
        must_run(&t, &m.p, 1);
        must_run(&u, &m.p, 1);
        for (int i = 0; i <= 30; i++) { /* most hits, then the larger l2 */
            size_t best = (size_t)(log2(t.chosen[0]) + 10.5);
            assert_true(t.value[i] <= t.value[best]);
            assert_true(t.value[i] < t.value[best] || (size_t)i <= best);
        }
        for (int i = 0; i <= 12; i++) { /* most hits, then the smaller C */
            size_t best = (size_t)(log10(u.chosen[0]) + 6.5);
            assert_true(u.value[i] <= u.value[best]);
            assert_true(u.value[i] < u.value[best] || (size_t)i >= best);
        }
        free(u.scores);
        free(t.scores);
        unmake(&m);
    }
}

static void refuses_what_it_cannot_use(void **state)
{
    (void)state;
    struct made m;
    make(&m, 84, 20, 12, 3, 9);
    for (size_t a = 0; a < 2; a++) {
        const struct adapt *adapt = a ? &adapt_logistic : &adapt_ridge;
        struct trial t = {0}, other = {0};
        add_spec(&t, adapt);
        m.x[7 * 12 + 5] = (float)NAN;
        assert_int_equal(run(&t, &m.p, 2), -1);
        assert_non_null(strstr(t.e.text, "training row 7: feature 5"));
        m.x[7 * 12 + 5] = 1;
        m.x_test[3 * 12] = (float)INFINITY;
        free(t.scores);
        assert_int_equal(run(&t, &m.p, 2), -1);
        assert_int_equal(t.e.code, ERR_NUMERIC);
        assert_non_null(strstr(t.e.text, "test row 3"));
        m.x_test[3 * 12] = 1;
        free(t.scores);
        add_select(&other, adapt, "val", "log2:0:3");
        snprintf(other.spec[0].select.grid, SPEC_GRID, "%s=log2:0:3", a ? "adapt.l2" : "adapt.c");
        assert_int_equal(run(&other, &m.p, 2), -1);
        assert_int_equal(other.e.code, ERR_USAGE);
        free(other.scores);
        atomic_store(&note_interrupted, 1);
        assert_int_equal(run(&t, &m.p, 1), -1);
        assert_int_equal(t.e.code, ERR_INTERRUPTED);
        atomic_store(&note_interrupted, 0);
        free(t.scores);
    }
    unmake(&m);
}

static void assert_signature(const struct run_spec *s, const struct adapt *a, const char *want)
{
    struct str text = {0};
    a->signature(s, &text);
    assert_string_equal(str_text(&text), want);
    str_release(&text);
}

static void signatures(void **state)
{
    (void)state;
    struct trial t = {0};
    struct run_spec *s = add_spec(&t, &adapt_ridge);
    assert_signature(s, &adapt_ridge, "ridge:l2=1024,bias=100,std");
    s->adapt.standardize = false;
    s->adapt.bias = 1;
    assert_signature(s, &adapt_ridge, "ridge:l2=1024,bias=1,raw");
    s = add_select(&t, &adapt_ridge, "loo", "log2:-10:20");
    assert_signature(s, &adapt_ridge, "ridge:l2=loo,bias=100,std");
    s = add_select(&t, &adapt_ridge, "val", "log2:0:3");
    assert_signature(s, &adapt_ridge, "ridge:l2=val(log2:0:3),bias=100,std");
    s = add_spec(&t, &adapt_logistic);
    s->adapt.c = 0.316;
    assert_signature(s, &adapt_logistic, "logistic:c=0.316");
    s = add_select(&t, &adapt_logistic, "val", "log10:-6:6");
    assert_signature(s, &adapt_logistic, "logistic:c=val");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_do_not_show),
        cmocka_unit_test(company_does_not_show),
        cmocka_unit_test(one_eigendecomposition_for_every_l2),
        cmocka_unit_test(place_does_not_show),
        cmocka_unit_test(classes_permute),
        cmocka_unit_test(rows_twice),
        cmocka_unit_test(offset_does_not_show),
        cmocka_unit_test(dead_features_are_left_out),
        cmocka_unit_test(absent_classes),
        cmocka_unit_test(a_single_row),
        cmocka_unit_test(picks_the_best),
        cmocka_unit_test(refuses_what_it_cannot_use),
        cmocka_unit_test(signatures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
