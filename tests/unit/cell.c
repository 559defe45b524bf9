/* Cells as bytes: what is written reads back and is written again as the same bytes; nothing that
 * was changed or cut gets through, and every refusal says why. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/h5.h"
#include "harness/base/hash.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"
#include "results/metrics.h"
#include "results/record.h"
#include "results/store.h"

#define ID "0123456789abcdef0123456789abcdef"
static const struct made made = {"0123456789abcdef", "avx2", "HASWELL", "fedcba9876543210", ""};
static struct err e;

#define OK(call) assert_int_equal(call, 0)

/* A record with everything in it, n outcomes of 4 classes. */
static void fill(struct record *r, size_t n, size_t id_stride, bool has_prob)
{
    *r = (struct record){.run_id = ID, .protocol = "d|ridge:l2=1|v1", .subject = "m"};
    OK(outcomes_init(&r->outcomes, n, id_stride, has_prob, &e));
    strcpy(r->outcomes.margin_unit, has_prob ? "logit" : "score");
    for (size_t i = 0; i < n; i++) {
        double scores[4];
        for (size_t c = 0; c < 4; c++) {
            scores[c] = 4 * rng_unit(rng_at(7, 0, 4 * i + c));
        }
        assert_true(outcomes_set(&r->outcomes, i, (int32_t)(i % 4), scores, 4));
        if (id_stride) {
            snprintf(r->outcomes.id_text + i * id_stride, id_stride, "test/%03zu.png", i);
        } else {
            r->outcomes.id_number[i] = UINT64_MAX - i;
        }
    }
    r->spec = mem_strdup("model=pixels dataset=d", &e);
    r->draw = mem_take(3, sizeof *r->draw, &e);
    r->n_draw = 3;
    r->draw[1] = INT64_C(1) << 40;
    struct selection *s = &r->selection;
    *s = (struct selection){.knob = "adapt.l2", .on = "loo", .measure = "loo_mse"};
    s->n = 2;
    s->picked = 1;
    s->tried = mem_take(2, sizeof *s->tried, &e);
    s->value = mem_take(2, sizeof *s->value, &e);
    s->tried[1] = 0.1;
    s->value[0] = -1e300;
    static const char *const knobs[][2] = {
        {"model", "pixels"},
        {"regime.k", "5"},
        {"adapt.l2", "1e-06"},
        {"adapt.name", "007"},
        {"adapt.head_map", ""},
        {"a", "caf\xc3\xa9\nline"},
    };
    for (size_t i = 0; i < sizeof knobs / sizeof *knobs; i++) {
        OK(pairs_set(&r->knobs, knobs[i][0], knobs[i][1], &e));
    }
    OK(pairs_set(&r->provenance, "version", "0.1", &e));
    OK(pairs_set(&r->provenance, "seconds", "1.50", &e));
    OK(pairs_set(&r->labels, "order", "12", &e));
    OK(metrics_add(r, 4, &e));
    OK(record_metric(r, "residual", (double)NAN, false, &e));
}

struct bytes {
    unsigned char *data;
    size_t n;
};

static struct bytes encode(const struct record *r)
{
    struct bytes b = {0};
    if (cell_encode(r, &made, &b.data, &b.n, &e)) {
        fail_msg("%s", e.text);
    }
    return b;
}

/* Decodes, encodes again, compares; leaves what was read in back. */
static void round_trip(const struct record *r, struct record *back)
{
    struct bytes once = encode(r);
    struct made m;
    if (cell_decode(back, &m, once.data, once.n, "test", &e)) {
        fail_msg("%s", e.text);
    }
    assert_memory_equal(&m, &made, sizeof m);
    struct bytes again = encode(back);
    assert_int_equal(once.n, again.n);
    assert_memory_equal(once.data, again.data, once.n);
    free(once.data);
    free(again.data);
}

static void same_pairs(const struct pairs *a, const struct pairs *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        assert_string_equal(a->items[i].key, b->items[i].key);
        if (strcmp(a->items[i].key, "seconds") != 0) {
            assert_string_equal(a->items[i].value, b->items[i].value);
        }
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct record r, back;
        fill(&r, 50, i & 1 ? 32 : 0, i & 2);
        round_trip(&r, &back);
        const struct outcomes *a = &r.outcomes, *b = &back.outcomes;
        assert_string_equal(back.run_id, ID);
        assert_string_equal(back.spec, r.spec);
        assert_string_equal(back.protocol, r.protocol);
        same_pairs(&r.knobs, &back.knobs);
        same_pairs(&r.provenance, &back.provenance);
        same_pairs(&r.labels, &back.labels);
        assert_string_equal(pairs_get(&back.provenance, "seconds"), "1.5");
        assert_int_equal(back.n_metrics, r.n_metrics);
        for (size_t k = 0; k < r.n_metrics; k++) {
            assert_string_equal(back.metrics[k].name, r.metrics[k].name);
            assert_memory_equal(&back.metrics[k].value, &r.metrics[k].value, sizeof(double));
            assert_int_equal(back.metrics[k].whole, r.metrics[k].whole);
        }
        assert_int_equal(b->n, 50);
        assert_string_equal(b->margin_unit, a->margin_unit);
        assert_memory_equal(b->label, a->label, 50 * sizeof *a->label);
        assert_memory_equal(b->pred, a->pred, 50 * sizeof *a->pred);
        assert_memory_equal(b->rank, a->rank, 50 * sizeof *a->rank);
        assert_memory_equal(b->margin, a->margin, 50 * sizeof *a->margin);
        assert_int_equal(b->has_prob, a->has_prob);
        if (i & 2) {
            assert_memory_equal(b->logp_label, a->logp_label, 50 * sizeof *a->logp_label);
            assert_memory_equal(b->p_pred, a->p_pred, 50 * sizeof *a->p_pred);
            assert_memory_equal(b->p_sq, a->p_sq, 50 * sizeof *a->p_sq);
        }
        if (i & 1) {
            assert_string_equal(b->id_text + 49 * b->id_stride, "test/049.png");
        } else {
            assert_true(b->id_number[49] == UINT64_MAX - 49);
        }
        assert_int_equal(back.n_draw, 3);
        assert_memory_equal(back.draw, r.draw, 3 * sizeof *r.draw);
        assert_int_equal(back.selection.picked, 1);
        assert_memory_equal(back.selection.tried, r.selection.tried, 2 * sizeof(double));
        assert_memory_equal(back.selection.value, r.selection.value, 2 * sizeof(double));
        assert_string_equal(back.selection.measure, "loo_mse");
        record_release(&r);
        record_release(&back);
    }
}

/* What other programs see: numbers are numbers, and only they. */
static void test_types(void **state)
{
    (void)state;
    struct record r;
    fill(&r, 5, 0, true);
    OK(pairs_set(&r.provenance, "threads", "2", &e));
    struct bytes b = encode(&r);
    struct h5 *h;
    int64_t whole;
    double real;
    OK(h5_open(&h, b.data, b.n, "test", &e));
    OK(h5_read_attr_i64(h, "/", "format", &whole, &e));
    OK(h5_read_attr_i64(h, "/spec", "regime.k", &whole, &e));
    assert_int_equal(whole, 5);
    OK(h5_read_attr_f64(h, "/spec", "adapt.l2", &real, &e));
    assert_true(real == 1e-6);
    OK(h5_read_attr_f64(h, "/provenance", "seconds", &real, &e));
    assert_true(real == 1.5);
    OK(h5_read_attr_i64(h, "/provenance", "threads", &whole, &e));
    OK(h5_read_attr_i64(h, "/metrics", "n_correct", &whole, &e));
    assert_int_equal(h5_read_attr_i64(h, "/metrics", "top1", &whole, &e), -1);
    OK(h5_read_attr_f64(h, "/metrics", "top1", &real, &e));
    static const char *const texts[][2] = {
        {"/spec@adapt.name", "007"},
        {"/provenance@version", "0.1"},
        {"/labels@order", "12"},
        {"/metrics@selected_on", "loo"},
        {"/@signature", "d|ridge:l2=1|v1;m;"},
        {"/@status", "ok"},
        {"/spec", "model=pixels dataset=d"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *text;
        OK(h5_read_text(h, texts[i][0], &text, &e));
        assert_string_equal(text, texts[i][1]);
        free(text);
    }
    OK(h5_close(h, &e));
    free(b.data);
    record_release(&r);
}

static void test_kinds(void **state)
{
    (void)state;
    struct record r, back;
    fill(&r, 20, 0, true);
    OK(pairs_set(&r.knobs, "outcomes", "pred", &e));
    round_trip(&r, &back);
    assert_int_equal(back.outcomes.n, 20);
    assert_memory_equal(back.outcomes.pred, r.outcomes.pred, 20 * sizeof *r.outcomes.pred);
    assert_true(!back.outcomes.rank && !back.outcomes.margin && !back.outcomes.has_prob);
    record_release(&back);
    OK(pairs_set(&r.knobs, "outcomes", "none", &e));
    round_trip(&r, &back);
    assert_int_equal(back.outcomes.n, 0);
    assert_int_equal(back.n_metrics, r.n_metrics);
    record_release(&back);
    OK(pairs_set(&r.knobs, "outcomes", "full", &e));
    r.status = CELL_FAILED;
    strcpy(r.message, "data_batch_3.bin: record 8120: label 12 not in 0..9");
    round_trip(&r, &back);
    assert_int_equal(back.status, CELL_FAILED);
    assert_int_equal(back.outcomes.n, 0);
    assert_string_equal(back.message, r.message);
    record_release(&back);
    record_release(&r);
    r = (struct record){.run_id = ID, .status = CELL_DIVERGED};
    round_trip(&r, &back);
    assert_int_equal(back.status, CELL_DIVERGED);
    record_release(&back);
}

static void test_block(void **state)
{
    (void)state;
    struct record r;
    fill(&r, 10, 0, false);
    /* Too long for the block, with a character of two bytes where it is cut, wherever that is. */
    for (size_t shift = 0; shift < 2; shift++) {
        memset(r.subject, 0, sizeof r.subject);
        memset(r.subject, 'x', shift);
        for (size_t i = shift; i + 2 < sizeof r.subject; i += 2) {
            memcpy(r.subject + i, "\xc3\xa9", 2);
        }
        struct bytes b = encode(&r);
        char block[CELL_BLOCK + 1] = {0}, start[160], sha[HASH_SHA256_HEX];
        memcpy(block, b.data, CELL_BLOCK);
        sha256_hex(b.data + CELL_BLOCK, b.n - CELL_BLOCK, sha);
        snprintf(start, sizeof start, "bitbench-cell 1 ok %s %s d|ridge", ID, sha);
        assert_memory_equal(block, start, strlen(start));
        assert_int_equal(strlen(block), CELL_BLOCK);
        assert_int_equal(block[CELL_BLOCK - 1], '\n');
        const char *cut = strstr(block, "...\n");
        assert_non_null(cut);
        assert_memory_equal(cut - 2, "\xc3\xa9", 2);
        assert_non_null(strstr(cut, "\nmade numeric=0123456789abcdef isa=avx2 blas=HASWELL "
                                    "model=fedcba9876543210 data=\nbytes "));
        struct record back;
        struct made m;
        assert_int_equal(cell_decode(&back, &m, b.data, b.n, "test", &e), 0);
        assert_string_equal(back.subject, r.subject);
        record_release(&back);
        free(b.data);
    }
    record_release(&r);
}

/* Refused, with an error that names the file; returns its text. */
static const char *refused(const unsigned char *data, size_t n)
{
    struct record back;
    struct made m;
    e = (struct err){0};
    if (cell_decode(&back, &m, data, n, "FILE", &e) == 0) {
        record_release(&back);
        fail_msg("accepted");
    }
    assert_int_equal(e.code, ERR_FORMAT);
    assert_memory_equal(e.text, "FILE: ", 6);
    return e.text;
}

static void test_damage(void **state)
{
    (void)state;
    struct record r;
    fill(&r, 300, 24, true);
    struct bytes b = encode(&r);
    /* every byte of the block, then every 97th */
    for (size_t i = 0; i < b.n; i += i < CELL_BLOCK ? 1 : 97) {
        b.data[i] ^= (unsigned char)(1u << (i % 8));
        refused(b.data, b.n);
        b.data[i] ^= (unsigned char)(1u << (i % 8));
    }
    for (size_t n = 0; n < b.n; n += n < CELL_BLOCK + 8 ? 1 : 501) {
        /* a copy of that length, so that a sanitizer sees reads behind it */
        unsigned char *cut = malloc(n ? n : 1);
        memcpy(cut, b.data, n);
        refused(cut, n);
        free(cut);
    }
    unsigned char *longer = calloc(1, b.n + 1);
    memcpy(longer, b.data, b.n);
    assert_non_null(strstr(refused(longer, b.n + 1), "bytes long, its text block says"));
    free(longer);
    assert_non_null(strstr(refused((const unsigned char *)"", 0), "not a cell"));
    b.data[b.n - 1] ^= 1;
    assert_non_null(strstr(refused(b.data, b.n), "SHA-256"));
    memcpy(b.data, "bitbench-cell 2 ", 16);
    assert_non_null(strstr(refused(b.data, b.n), "cell format 2: this program reads 1"));
    free(b.data);
    record_release(&r);
}

static void test_not_encoded(void **state)
{
    (void)state;
    struct bytes b;
    struct made spaced = made;
    struct record r;
    fill(&r, 5, 0, true);
    strcpy(spaced.blas_core, "two words");
    assert_int_equal(cell_encode(&r, &spaced, &b.data, &b.n, &e), -1);
    assert_non_null(strstr(e.text, "two words"));
    r.outcomes.rank[3] = 0; /* as outcomes_init leaves it */
    assert_int_equal(cell_encode(&r, &made, &b.data, &b.n, &e), -1);
    assert_non_null(strstr(e.text, "outcome 3: the rank"));
    r.outcomes.n = 3;
    assert_int_equal(cell_encode(&r, &made, &b.data, &b.n, &e), -1);
    assert_non_null(strstr(e.text, "metric n is 5, the outcomes give 3"));
    r.outcomes.n = 0;
    OK(pairs_set(&r.labels, "two\nlines", "", &e));
    assert_int_equal(cell_encode(&r, &made, &b.data, &b.n, &e), -1);
    assert_non_null(strstr(e.text, "labels"));
    record_release(&r);
}

/* A file that an earlier state of the program wrote is read. */
static void test_earlier(void **state)
{
    (void)state;
    static const char path[] = "tests/fuzz/corpus/cell/full";
    unsigned char *bytes;
    size_t n;
    struct record r;
    struct made m;
    OK(file_read(path, 0, &bytes, &n, &e));
    if (cell_decode(&r, &m, bytes, n, path, &e)) {
        fail_msg("%s", e.text);
    }
    assert_string_equal(r.run_id, ID);
    assert_true(r.outcomes.n > 0 && r.outcomes.has_prob);
    free(bytes);
    record_release(&r);
}

/* 10,000 outcomes with probabilities, as the runner stores them, in a permutation of the ids. */
static void test_size(void **state)
{
    (void)state;
    enum { N = 10000,
           MOST = 160000 };
    static const size_t n_classes[] = {10, 100};
    for (size_t k = 0; k < 2; k++) {
        struct record r = {.run_id = ID, .protocol = "d|logistic:c=0.1|v1", .subject = "m"};
        OK(outcomes_init(&r.outcomes, N, 0, true, &e));
        strcpy(r.outcomes.margin_unit, "logit");
        for (size_t i = 0; i < N; i++) {
            double scores[100];
            for (size_t c = 0; c < n_classes[k]; c++) {
                uint64_t at = 100 * i + c;
                scores[c] = rng_normal(rng_at(1, k, at), rng_at(2, k, at));
            }
            size_t label = (size_t)rng_below(rng_at(3, k, i), n_classes[k]);
            scores[label] += 3;
            assert_true(outcomes_set(&r.outcomes, i, (int32_t)label, scores, n_classes[k]));
            r.outcomes.id_number[i] = i * 7919 % N;
        }
        outcomes_round(&r.outcomes);
        struct bytes b = encode(&r);
        if (b.n > MOST) {
            fail_msg("%zu classes: %zu bytes, at most %d", n_classes[k], b.n, MOST);
        }
        free(b.data);
        record_release(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_block),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_not_encoded),
        cmocka_unit_test(test_earlier),
        cmocka_unit_test(test_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
