/* Histories of packs made by hand: order, series, intervals, changes of level. */
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

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "results/history.h"
#include "results/pack.h"
#include "results/record.h"
#include "results/stats.h"

#define OK(call) assert_int_equal(call, 0)

static struct err e;
static char dir[] = "/tmp/bitbench-history-XXXXXX";

static void near(const char *what, double got, double want, double bound)
{
    if (!(fabs(got - want) <= bound)) {
        fail_msg("%s: %.17g, expected %.17g", what, got, want);
    }
}

/* A cell without outcomes: k of 1000 right. */
static void fill(struct record *r, size_t i, const char *train, const char *weights, int draw,
                 size_t k, const char *commit, const char *time)
{
    *r = (struct record){0};
    snprintf(r->run_id, sizeof r->run_id, "%032zx", i + 1);
    snprintf(r->protocol, sizeof r->protocol, "d|train:%s|ridge:l2=1|rs:32|v1", train);
    snprintf(r->subject, sizeof r->subject, "m|R50x1|w:%s", weights);
    snprintf(r->replicate, sizeof r->replicate, "draw:%d|seed:0", draw);
    OK(record_metric(r, "n", 1000, true, &e));
    OK(record_metric(r, "n_correct", (double)k, true, &e));
    OK(record_metric(r, "top1", (double)k / 1000, false, &e));
    if (commit) {
        OK(pairs_set(&r->labels, "commit", commit, &e));
    }
    if (time) {
        OK(pairs_set(&r->labels, "time", time, &e));
    }
}

/* DIR/NAME with a cell of k5 and two draws of k10, which is 100 better. */
static void write_pack(const char *name, size_t k, const char *commit, const char *time)
{
    struct record records[3];
    struct made made[3] = {{"0", "i", "b", "m", "d"}};
    struct pack p = {.records = records, .made = made, .n = 3};
    unsigned char *bytes;
    char path[256];
    size_t n;
    fill(&records[0], 0, "k5", commit ? commit : "0", 0, k, commit, time);
    fill(&records[1], 1, "k10", "0", 0, k + 90, commit, time);
    fill(&records[2], 2, "k10", "0", 1, k + 110, commit, time);
    OK(pack_encode(&p, &bytes, &n, &e));
    snprintf(path, sizeof path, "%s/%s", dir, name);
    OK(file_write(path, bytes, n, &e));
    free(bytes);
    for (size_t i = 0; i < 3; i++) {
        record_release(&records[i]);
    }
}

static void clear(void)
{
    struct file_list l;
    OK(file_list_read(&l, dir, &e));
    for (size_t i = 0; i < l.n; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%.100s", dir, l.names[i]);
        unlink(path);
    }
    file_list_release(&l);
}

static void test_order_and_change(void **state)
{
    (void)state;
    struct history h;
    const char *const paths[] = {dir};
    /* by name e, d, ... but by time one after another, in several time zones; down at the sixth */
    static const char *const times[] = {
        "2026-02-28T23:30:00+00:00", "2026-03-01T01:00:00+01:00", "2026-03-01T00:30:00Z",
        "2026-02-28T20:00:00-05:00", "2026-03-01T02:00:00+00:00", "2026-03-02T00:00:00+00:00",
        "2026-03-03T00:00:00+00:00", "2027-01-01T00:00:00+00:00"};
    for (size_t i = 0; i < 8; i++) {
        char name[] = "x.h5", commit[] = "c0";
        name[0] = (char)('h' - i);
        commit[1] = (char)('0' + i);
        write_pack(name, i < 5 ? 700 : 650, commit, times[i]);
    }
    OK(history_init(&h, paths, 1, "top1", &e));
    assert_int_equal(h.n_points, 8);
    assert_int_equal(h.n_series, 2); /* weights may change from commit to commit */
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(h.points[i].commit[1], '0' + i);
        assert_int_equal(h.series[0].values[i].change, i == 5);
        assert_int_equal(h.series[1].values[i].change, i == 5);
    }
    assert_string_equal(h.series[0].name, "d train:k5 ridge:l2=1 m");
    const struct history_value *one = &h.series[0].values[5], *two = &h.series[1].values[5];
    double low, high;
    stats_wilson(650, 1000, 0.95, &low, &high);
    near("step", one->step, -0.05, 1e-12);
    near("value", one->value, 0.65, 1e-15);
    near("Wilson", one->low, low, 0);
    assert_int_equal(two->n, 2);
    near("mean", two->value, 0.75, 1e-15);
    /* t with one degree of freedom: 12.7062 x 0.01 */
    near("t", two->high - two->value, 0.127062, 1e-6);
    history_release(&h);
    clear();
}

static void test_without_labels(void **state)
{
    (void)state;
    struct history h;
    char a[128], b[128];
    write_pack("a.h5", 500, NULL, NULL);
    write_pack("b.h5", 600, "c", "yesterday");
    snprintf(a, sizeof a, "%s/a.h5", dir);
    snprintf(b, sizeof b, "%s/b.h5", dir);
    const char *const given[] = {b, a};
    OK(history_init(&h, given, 2, "top1", &e));
    assert_string_equal(h.points[0].path, b); /* as given */
    assert_string_equal(h.points[1].commit, "");
    near("value", h.series[0].values[1].value, 0.5, 0);
    history_release(&h);
    assert_int_equal(history_init(&h, given, 2, "nll", &e), -1);
    assert_non_null(strstr(e.text, "no finished cell has a metric nll"));
    clear();
    const char *const empty[] = {dir};
    assert_int_equal(history_init(&h, empty, 1, "top1", &e), -1);
    assert_non_null(strstr(e.text, "neither a run directory nor a folder of packs"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_change),
        cmocka_unit_test(test_without_labels),
    };
    if (!mkdtemp(dir)) {
        return 1;
    }
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(dir);
    return rc;
}
