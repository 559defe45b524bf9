/* Cells that no encoder of ours makes, with the right length and hash: what a later program may add
 * is passed over, what contradicts itself is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/h5.h"
#include "harness/base/hash.h"
#include "results/cell.h"
#include "results/record.h"

#define ID "0123456789abcdef0123456789abcdef"
static const struct made made = {"0123456789abcdef", "avx2", "HASWELL", "fedcba9876543210", ""};
static struct err e;

#define OK(call) assert_int_equal(call, 0)

struct bytes {
    unsigned char *data;
    size_t n;
};

struct twist {
    int64_t format;
    size_t n_pred;
    int32_t pred;
    uint16_t rank;
    float p_pred;
    int64_t picked, n_correct;
    const char *status;
    bool more;   /* what a later program may add */
    bool square; /* rank has two dimensions */
};

static void make_outcomes(struct h5 *h, const struct twist *t)
{
    size_t n = 2, square[2] = {2, 1};
    OK(h5_group(h, "/outcomes", &e));
    OK(h5_array(h, "/outcomes/id", H5_U8, 1, &n, "ab", false, &e));
    OK(h5_array(h, "/outcomes/label", H5_I64, 1, &n, (int64_t[]){1, 2}, false, &e));
    OK(h5_array(h, "/outcomes/pred", H5_I32, 1, &t->n_pred, (int32_t[]){1, t->pred, 0}, false,
                &e));
    OK(h5_array(h, "/outcomes/rank", H5_U16, t->square ? 2 : 1, square,
                (uint16_t[]){1, t->rank}, false, &e));
    OK(h5_array(h, "/outcomes/margin", H5_F32, 1, &n, (float[]){1, 2}, false, &e));
    OK(h5_attr_text(h, "/outcomes/margin", "margin_unit", "logit", &e));
    OK(h5_array(h, "/outcomes/logp_label", H5_F32, 1, &n, (float[]){-1, -2}, false, &e));
    OK(h5_array(h, "/outcomes/p_pred", H5_F32, 1, &n, (float[]){0.5f, t->p_pred}, false, &e));
    OK(h5_array(h, "/outcomes/p_sq", H5_F32, 1, &n, (float[]){0.5f, 0.25f}, false, &e));
}

static void make_rest(struct h5 *h, const struct twist *t)
{
    size_t n = 2;
    OK(h5_text(h, "/spec", "model=m", &e));
    OK(h5_group(h, "/provenance", &e));
    OK(h5_group(h, "/labels", &e));
    OK(h5_group(h, "/metrics", &e));
    OK(h5_attr_i64(h, "/metrics", "n_correct", t->n_correct, &e));
    OK(h5_group(h, "/selection", &e));
    OK(h5_array(h, "/selection/tried", H5_F64, 1, &n, (double[]){1, 2}, false, &e));
    OK(h5_array(h, "/selection/value", H5_F64, 1, &n, (double[]){3, 4}, false, &e));
    OK(h5_attr_text(h, "/selection", "knob", "adapt.l2", &e));
    OK(h5_attr_text(h, "/selection", "on", "loo", &e));
    OK(h5_attr_text(h, "/selection", "measure", "loo_mse", &e));
    OK(h5_attr_i64(h, "/selection", "picked", t->picked, &e));
    if (t->more) {
        OK(h5_group(h, "/curve", &e));
        OK(h5_array(h, "/curve/loss", H5_F32, 1, &n, (float[]){2, 1}, false, &e));
        OK(h5_array(h, "/outcomes/entropy", H5_F32, 1, &n, (float[]){2, 1}, false, &e));
        OK(h5_attr_f64(h, "/metrics", "entropy", 1.5, &e));
        OK(h5_attr_text(h, "/metrics", "measured_by", "hand", &e));
        OK(h5_attr_i64(h, "/spec", "new.knob", 3, &e));
        OK(h5_attr_i64(h, "/", "minor", 1, &e));
    }
}

static struct bytes make_image(const struct twist *t)
{
    struct bytes b;
    struct h5 *h;
    struct cell_block block = {.run_id = ID, .signature = ";;", .made = made};
    char text[CELL_MADE];
    cell_made_text(&made, text);
    OK(h5_create(&h, CELL_BLOCK, &e));
    OK(h5_attr_i64(h, "/", "format", t->format, &e));
    const char *const attrs[][2] = {
        {"run_id", ID},
        {"status", t->status},
        {"message", ""},
        {"signature", ";;"},
        {"made", text},
        {"spec_order", ""},
        {"provenance_order", ""},
        {"labels_order", ""},
        {"metrics_order", "gone\nn_correct"},
    };
    for (size_t i = 0; i < sizeof attrs / sizeof *attrs; i++) {
        OK(h5_attr_text(h, "/", attrs[i][0], attrs[i][1], &e));
    }
    make_outcomes(h, t);
    make_rest(h, t);
    OK(h5_finish(h, &b.data, &b.n, &e));
    sha256_hex(b.data + CELL_BLOCK, b.n - CELL_BLOCK, block.sha256);
    block.n_bytes = b.n;
    cell_block_print(&block, b.data);
    return b;
}

static const struct twist sound = {
    .format = 1,
    .n_pred = 2,
    .pred = 3,
    .rank = 4,
    .p_pred = 0.25f,
    .picked = 1,
    .n_correct = 1,
    .status = "ok",
};

static void test_later_additions(void **state)
{
    (void)state;
    struct twist t = sound;
    for (int i = 0; i < 2; i++) {
        t.more = i == 1;
        struct bytes b = make_image(&t);
        struct record back;
        struct made m;
        double v = 0;
        if (cell_decode(&back, &m, b.data, b.n, "FILE", &e)) {
            fail_msg("%s", e.text);
        }
        /* other types of the file are converted */
        assert_true(back.outcomes.id_number[1] == 'b' && back.outcomes.label[1] == 2);
        assert_int_equal(record_get_metric(&back, "entropy", &v), t.more);
        assert_int_equal(pairs_get(&back.knobs, "new.knob") != NULL, t.more);
        assert_false(record_get_metric(&back, "measured_by", &v));
        record_release(&back);
        free(b.data);
    }
}

static void expect(struct twist t, const char *says)
{
    struct bytes b = make_image(&t);
    struct record back;
    struct made m;
    assert_int_equal(cell_decode(&back, &m, b.data, b.n, "FILE", &e), -1);
    assert_int_equal(e.code, ERR_FORMAT);
    if (strncmp(e.text, "FILE: ", 6) != 0 || !strstr(e.text, says)) {
        fail_msg("\"%s\", expected \"%s\"", e.text, says);
    }
    free(b.data);
}

static void test_contradictions(void **state)
{
    (void)state;
    struct twist t = sound;
    t.format = 7;
    expect(t, "cell format 7: this program reads 1");
    t = sound, t.status = "failed";
    expect(t, "contradicts the rest");
    t = sound, t.status = "fine";
    expect(t, "contradicts the rest");
    t = sound, t.n_pred = 3;
    expect(t, "/outcomes/pred: 3 rows, expected 2");
    t = sound, t.square = true;
    expect(t, "/outcomes/rank: not a list");
    t = sound, t.pred = -1;
    expect(t, "outcome 1: negative class");
    t = sound, t.rank = 1;
    expect(t, "outcome 1: the rank");
    t = sound, t.pred = 2;
    expect(t, "outcome 1: the rank");
    t = sound, t.p_pred = 1.25f;
    expect(t, "outcome 1: a probability");
    t = sound, t.p_pred = NAN;
    expect(t, "outcome 1: a probability");
    t = sound, t.picked = 2;
    expect(t, "value 2 of 2 is picked");
    t = sound, t.picked = -1;
    expect(t, "is picked");
    t = sound, t.n_correct = 2;
    expect(t, "metric n_correct is 2, the outcomes give 1");
    t = sound, t.n_correct = INT64_MIN;
    expect(t, "metric n_correct: -9223372036854775808 is out of range");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_later_additions),
        cmocka_unit_test(test_contradictions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
