/* Packs: what is packed reads back the same, predictions alone are small, and what was changed, cut
 * or made up is refused with a reason. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"
#include "results/cell.h"
#include "results/metrics.h"
#include "results/pack.h"
#include "results/record.h"
#include "results/store.h"

#define OK(call) assert_int_equal(call, 0)

static struct err e;
static const struct made made = {"0123456789abcdef", "avx2", "HASWELL", "fedcba9876543210", ""};

/* Cell number i: n test images of n_classes; every third without probabilities. */
static void fill(struct record *r, size_t i, size_t n, size_t n_classes, bool text_ids)
{
    *r = (struct record){0};
    snprintf(r->run_id, sizeof r->run_id, "%032zx", i + 1);
    snprintf(r->protocol, sizeof r->protocol, "d%zu|train:k5|v1", i % 2);
    snprintf(r->subject, sizeof r->subject, "m");
    snprintf(r->replicate, sizeof r->replicate, "draw:%zu|seed:0", i);
    r->spec = mem_strdup("model=pixels dataset=d", &e);
    OK(outcomes_init(&r->outcomes, n, text_ids ? 24 : 0, i % 3 != 2, &e));
    strcpy(r->outcomes.margin_unit, i % 3 != 2 ? "logit" : "score");
    double *scores = mem_take(n_classes, sizeof *scores, &e);
    for (size_t k = 0; k < n; k++) {
        int32_t label = (int32_t)(rng_at(1, 1, k) % n_classes);
        for (size_t c = 0; c < n_classes; c++) {
            scores[c] = rng_unit(rng_at(2 + i, c, k));
        }
        scores[label] += 0.5;
        assert_true(outcomes_set(&r->outcomes, k, label, scores, n_classes));
        if (text_ids) {
            snprintf(r->outcomes.id_text + 24 * k, 24, "test/%03u.png", (unsigned)(k % 1000));
        } else {
            r->outcomes.id_number[k] = k;
        }
    }
    free(scores);
    OK(metrics_add(r, n_classes, &e));
    OK(record_metric(r, "one", 1, false, &e));
    OK(record_metric(r, "residual", (double)NAN, false, &e));
    OK(record_metric(r, "tiny", -1e-300, false, &e));
    OK(pairs_set(&r->knobs, "adapt.l2", "1e-06", &e));
    OK(pairs_set(&r->knobs, "odd", "a\tb\nc\\d\\n", &e));
    OK(pairs_set(&r->knobs, "empty", "", &e));
    OK(pairs_set(&r->provenance, "isa", "avx2", &e));
    OK(pairs_set(&r->labels, "commit", "caf\xc3\xa9", &e));
    r->n_draw = i;
    r->draw = i ? mem_take(i, sizeof *r->draw, &e) : NULL;
    for (size_t k = 0; k < i; k++) {
        r->draw[k] = (int64_t)(100 * i + k);
    }
    if (i % 2) {
        struct selection *s = &r->selection;
        *s = (struct selection){.knob = "adapt.l2", .on = "loo", .measure = "loo_mse", .picked = 1};
        s->n = 2;
        s->tried = mem_take(2, sizeof *s->tried, &e);
        s->value = mem_take(2, sizeof *s->value, &e);
        s->tried[1] = (double)i;
    }
}

static void make(struct pack *p, size_t n_cells, size_t n, size_t n_classes, bool text_ids)
{
    *p = (struct pack){.full = true};
    p->records = mem_take(n_cells, sizeof *p->records, &e);
    p->made = mem_take(n_cells, sizeof *p->made, &e);
    for (size_t i = 0; i < n_cells; i++) {
        fill(&p->records[i], i, n, n_classes, text_ids);
        p->made[i] = made;
    }
    p->n = n_cells;
}

/* Equal as cells: the same bytes. */
static void same_cells(const struct record *a, const struct record *b)
{
    unsigned char *bytes_a, *bytes_b;
    size_t n_a, n_b;
    OK(cell_encode(a, &made, &bytes_a, &n_a, &e));
    OK(cell_encode(b, &made, &bytes_b, &n_b, &e));
    assert_int_equal(n_a, n_b);
    assert_memory_equal(bytes_a, bytes_b, n_a);
    free(bytes_a);
    free(bytes_b);
}

static void test_round_trip(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct pack p, back;
        unsigned char *bytes, *again;
        size_t n, n_again;
        make(&p, 5, 50, 4, k);
        if (k == 0) { /* another image in one of them: a set of its own */
            p.records[1].outcomes.id_number[7] = 1000;
        }
        p.records[3].status = CELL_FAILED;
        strcpy(p.records[3].message, "no memory");
        outcomes_release(&p.records[3].outcomes);
        p.plan.entries = mem_take(1, sizeof *p.plan.entries, &e);
        p.plan.n = 1;
        snprintf(p.plan.entries[0].run_id, RUN_ID, "%032x", 7);
        p.plan.entries[0].spec = mem_strdup("model=m", &e);
        p.run_yaml = mem_strdup("name: x\n", &e);
        OK(pack_encode(&p, &bytes, &n, &e));
        if (pack_decode(&back, bytes, n, "pack", true, &e)) {
            fail_msg("%s", e.text);
        }
        assert_int_equal(back.n, 5);
        for (size_t i = 0; i < 5; i++) {
            same_cells(&p.records[i], &back.records[i]);
            assert_memory_equal(&back.made[i], &made, sizeof made);
        }
        assert_string_equal(back.plan.entries[0].spec, "model=m");
        assert_string_equal(back.run_yaml, "name: x\n");
        OK(pack_encode(&back, &again, &n_again, &e));
        assert_int_equal(n, n_again);
        assert_memory_equal(bytes, again, n);
        free(again);
        pack_release(&back);
        OK(pack_decode(&back, bytes, n, "pack", false, &e));
        assert_int_equal(back.records[0].outcomes.n, 0);
        pack_release(&back);
        free(bytes);
        pack_release(&p);
    }
}

/* Label and prediction survive, the rest is gone; sizes and times are printed. */
static void test_predictions(void **state)
{
    (void)state;
    enum { CELLS = 20,
           IMAGES = 10000 };
    static const size_t classes[] = {10, 100, 1000};
    for (size_t k = 0; k < 3; k++) {
        struct pack p, back;
        unsigned char *bytes, *cell;
        size_t n, n_cell;
        make(&p, CELLS, IMAGES, classes[k], false);
        double start = clock_now_s();
        OK(cell_encode(&p.records[0], &made, &cell, &n_cell, &e));
        double cell_s = clock_now_s() - start;
        free(cell);
        p.full = false;
        start = clock_now_s();
        OK(pack_encode(&p, &bytes, &n, &e));
        double pack_s = clock_now_s() - start;
        print_message("# %zu classes: pred %zu bytes a cell of %d images, %.1f ms a pack of %d; a "
                      "full cell %zu bytes in %.1f ms\n",
                      classes[k], n / CELLS, IMAGES, 1e3 * pack_s, CELLS, n_cell, 1e3 * cell_s);
        assert_true(n / CELLS < 16000);
        assert_true(n_cell < (size_t)(classes[k] < 1000 ? 160 : 180) << 10); /* predictions at random */
        OK(pack_decode(&back, bytes, n, "pack", true, &e));
        for (size_t i = 0; i < CELLS; i++) {
            const struct outcomes *a = &p.records[i].outcomes, *b = &back.records[i].outcomes;
            assert_int_equal(b->n, IMAGES);
            assert_memory_equal(a->pred, b->pred, IMAGES * sizeof *a->pred);
            assert_memory_equal(a->label, b->label, IMAGES * sizeof *a->label);
            assert_true(!b->rank && !b->margin && !b->has_prob);
            assert_int_equal(back.records[i].n_draw, 0);
        }
        pack_release(&back);
        free(bytes);
        pack_release(&p);
    }
}

static void refused(const unsigned char *bytes, size_t n, const char *why)
{
    struct pack p;
    e = (struct err){0};
    assert_int_equal(pack_decode(&p, bytes, n, "f.h5", true, &e), -1);
    assert_int_equal(e.code, ERR_FORMAT);
    if (!strstr(e.text, why) || !strstr(e.text, "f.h5")) {
        fail_msg("\"%s\" does not say \"%s\"", e.text, why);
    }
}

static void test_damage(void **state)
{
    (void)state;
    struct pack p;
    unsigned char *bytes;
    size_t n;
    make(&p, 2, 20, 3, true);
    OK(pack_encode(&p, &bytes, &n, &e));
    pack_release(&p);
    refused(bytes, 0, "not a pack");
    refused(bytes, 100, "cut short");
    refused(bytes, n - 1, "its text block says");
    for (size_t i = 0; i < n; i += i < CELL_BLOCK ? 7 : 97) {
        bytes[i] ^= 1;
        refused(bytes, n,
                i < 14           ? "not a pack"
                : i == 14        ? "pack format 0: this program reads 1"
                : i < CELL_BLOCK ? ""
                                 : "damaged: SHA-256");
        bytes[i] ^= 1;
    }
    bytes[14] = '2';
    refused(bytes, n, "pack format 2: this program reads 1");
    free(bytes);
    struct pack empty = {0};
    assert_int_equal(pack_encode(&empty, &bytes, &n, &e), -1);
}

/* In the place of a run directory. */
static void test_in_store(void **state)
{
    (void)state;
    char dir[] = "/tmp/bitbench-pack-XXXXXX", path[128], cell[256];
    struct pack p;
    unsigned char *bytes;
    size_t n, n_damaged;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/p.h5", dir);
    make(&p, 4, 20, 3, false);
    OK(pack_encode(&p, &bytes, &n, &e));
    OK(file_write(path, bytes, n, &e));
    free(bytes);
    assert_true(pack_is(path) && !pack_is(dir));
    OK(store_open(path, false, &e));
    struct record_list l;
    const char *const dirs[] = {path};
    OK(store_load(&l, dirs, 1, true, &n_damaged, &e));
    assert_int_equal(l.n, 4);
    for (size_t i = 0; i < 4; i++) {
        same_cells(&l.records[i], &p.records[i]);
    }
    snprintf(cell, sizeof cell, "%s:%s", path, p.records[2].run_id);
    assert_string_equal(l.paths[2], cell);
    record_list_release(&l);
    struct cell_list heads;
    OK(store_list(&heads, path, false, &e));
    assert_int_equal(heads.n, 4);
    assert_string_equal(heads.heads[2].path, cell);
    assert_memory_equal(&heads.heads[0].made, &made, sizeof made);
    cell_list_release(&heads);
    struct plan_list plan;
    OK(store_plan_read(&plan, path, &e));
    assert_int_equal(plan.n, 0);
    plan_list_release(&plan);
    struct record r;
    struct made m;
    OK(store_read(&r, &m, cell, &e));
    same_cells(&r, &p.records[2]);
    record_release(&r);
    cell[strlen(cell) - 1] = 'f';
    assert_int_equal(store_read(&r, &m, cell, &e), -1);
    assert_non_null(strstr(e.text, "holds no cell"));
    assert_int_equal(store_open(path, true, &e), -1); /* nothing is written into a pack */
    pack_release(&p);
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_predictions),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_in_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
