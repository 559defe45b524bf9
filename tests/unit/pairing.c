/* Which cells and which images belong together, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/sides.h"

static void swap_rows(struct outcomes *o, size_t i, size_t k)
{
    uint64_t id = o->id_number[i];
    int32_t label = o->label[i], pred = o->pred[i];
    o->id_number[i] = o->id_number[k];
    o->label[i] = o->label[k];
    o->pred[i] = o->pred[k];
    o->id_number[k] = id;
    o->label[k] = label;
    o->pred[k] = pred;
}

/* Expects a refusal whose text holds `why`. */
static void refused(struct side *base, struct side *cand, const struct compare_opts *o,
                    const char *why)
{
    struct comparison c;
    e = (struct err){0};
    assert_int_equal(compare_records(&c, &base->l, &cand->l, o, NULL, &e), -1);
    assert_int_equal(e.code, ERR_USAGE);
    if (!strstr(e.text, why)) {
        fail_msg("\"%s\" does not say \"%s\"", e.text, why);
    }
    side_release(base);
    side_release(cand);
}

/* ---- images ---- */

static void test_order(void **state)
{
    (void)state;
    struct side base = {0}, cand = {0};
    struct comparison c;
    add(&base, (struct make){.outcomes = 1});
    struct record *r = add(&cand, (struct make){.outcomes = 1, .n_worse = 3});
    for (size_t i = 0; i < 199; i++) {
        swap_rows(&r->outcomes, i, (i * 37 + 11) % 200);
    }
    compare(&c, &base, &cand, &plain);
    assert_int_equal(c.effects[0].n_worse, 3);
    assert_int_equal(c.effects[0].n_better, 0);
    comparison_release(&c);
    side_release(&base);
    side_release(&cand);
}

static void test_images_refused(void **state)
{
    (void)state;
    struct side base = {0}, cand = {0};
    add(&base, (struct make){0});
    add(&cand, (struct make){.n = 100});
    snprintf(cand.records[0].protocol, SIGNATURE_PART, "%s", base.records[0].protocol);
    refused(&base, &cand, &plain, "differ in size: 200 images");
    add(&base, (struct make){0});
    add(&cand, (struct make){.text_ids = true});
    refused(&base, &cand, &plain, "no common test images");
    add(&base, (struct make){0});
    for (size_t i = 0; i < 200; i++) {
        add(&cand, (struct make){0})->outcomes.id_number[i] += 1000;
        cand.l.n = 1;
        break;
    }
    for (size_t i = 0; i < 200; i++) {
        cand.records[0].outcomes.id_number[i] = 1000 + i;
    }
    refused(&base, &cand, &plain, "no common test images");
    add(&base, (struct make){0});
    add(&cand, (struct make){0})->outcomes.id_number[7] = 1000;
    refused(&base, &cand, &plain, "199 of 200 are in both");
    add(&base, (struct make){0});
    add(&cand, (struct make){0})->outcomes.id_number[7] = 8;
    refused(&base, &cand, &plain, "an image id twice");
    add(&base, (struct make){.text_ids = true});
    add(&cand, (struct make){.text_ids = true})->outcomes.label[5] = 6;
    refused(&base, &cand, &plain, "image 5 has label 5 in");
    add(&base, (struct make){0});
    outcomes_release(&add(&cand, (struct make){0})->outcomes);
    refused(&base, &cand, &plain, "stores no outcomes");
}

/* ---- cells ---- */

static void test_protocols(void **state)
{
    (void)state;
    struct side base = {0}, cand = {0};
    struct comparison c;
    const char *const vary_train[] = {"train"}, *const vary_nothing[] = {"trane"};
    struct compare_opts o = plain;
    add(&base, (struct make){0});
    add(&cand, (struct make){.train = "k10,nested"});
    o.vary = vary_train;
    o.n_vary = 1;
    compare(&c, &base, &cand, &o);
    assert_int_equal(c.n, 1);
    assert_non_null(
        strstr(c.remarks.items[c.remarks.n - 2], "train: k5,nested against k10,nested"));
    comparison_release(&c);
    refused(&base, &cand, &plain, "protocols differ: train: k5,nested against k10,nested");
    add(&base, (struct make){0});
    add(&cand, (struct make){0});
    o.vary = vary_nothing;
    refused(&base, &cand, &o, "no protocol has a field of that name");
    /* one cell pairs, the other is the same but for its resize */
    add(&base, (struct make){0});
    add(&base, (struct make){.dataset = "svhn"});
    add(&cand, (struct make){0});
    add(&cand, (struct make){.dataset = "svhn", .rs = "64"});
    refused(&base, &cand, &plain, "rs: 32 against 64");
    add(&base, (struct make){.draw = 0});
    add(&cand, (struct make){.draw = 5});
    refused(&base, &cand, &plain, "replicates differ: draw: 0 against 5");
    add(&base, (struct make){0});
    add(&cand, (struct make){.dataset = "svhn"});
    refused(&base, &cand, &plain, "field 1: cifar10 against svhn");
    /* what may vary must not make two cells one */
    add(&base, (struct make){0});
    add(&base, (struct make){.train = "k10,nested"});
    add(&cand, (struct make){0});
    o.vary = vary_train;
    refused(&base, &cand, &o, "two cells of the base could pair");
}

static void test_missing(void **state)
{
    (void)state;
    struct side base = {0}, cand = {0};
    struct comparison c;
    for (int d = 0; d < 3; d++) {
        add(&base, (struct make){.draw = d});
        add(&base, (struct make){.draw = d, .dataset = "svhn"});
    }
    for (int d = 0; d < 2; d++) {
        add(&cand, (struct make){.draw = d});
    }
    struct record *r = add(&cand, (struct make){.draw = 2});
    r->status = CELL_FAILED;
    snprintf(r->message, sizeof r->message, "no memory");
    snprintf(r->spec, 8, "failing");
    snprintf(base.records[4].spec, 8, "failing");
    compare(&c, &base, &cand, &plain);
    assert_int_equal(c.n, 1);
    assert_int_equal(c.sets[0].n_blocks, 2);
    assert_int_equal(c.missing.n, 4);
    assert_non_null(strstr(c.missing.items[0], "draw:2|seed:0: failed: no memory"));
    assert_non_null(strstr(c.missing.items[1], "svhn"));
    assert_non_null(strstr(c.missing.items[1], "not there"));
    assert_true(comparison_fails(&c));
    comparison_release(&c);
    /* the other way round, the cells that only the candidate has do not matter */
    base.l.n = 5;
    struct record failed = cand.records[2];
    cand.l.n = 2;
    compare(&c, &cand, &base, &plain);
    assert_int_equal(c.missing.n, 0);
    assert_false(comparison_fails(&c));
    comparison_release(&c);
    record_release(&failed);
    record_release(&base.records[5]);
    side_release(&base);
    side_release(&cand);
}

static void test_subjects(void **state)
{
    (void)state;
    struct side base = {0}, cand = {0};
    struct comparison c;
    add(&base, (struct make){.subject = "a|R50x1|w:1"});
    add(&base, (struct make){.subject = "b|R50x1|w:2"});
    add(&cand, (struct make){.subject = "c|R50x1|w:3"});               /* what is left */
    add(&cand, (struct make){.subject = "b|R50x1|w:4", .n_worse = 1}); /* the same name */
    compare(&c, &base, &cand, &plain);
    assert_int_equal(c.n, 2);
    assert_string_equal(c.sets[0].name, "cifar10 a");
    assert_string_equal(c.sets[1].name, "cifar10 b");
    assert_int_equal(c.effects[0].n_worse, 0);
    assert_int_equal(c.effects[1].n_worse, 1);
    assert_non_null(strstr(c.remarks.items[0], "a|R50x1|w:1 against c|R50x1|w:3"));
    comparison_release(&c);
    snprintf(cand.records[1].subject, SIGNATURE_PART, "d|R50x1|w:4");
    refused(&base, &cand, &plain, "cannot tell which models belong together");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_images_refused),
        cmocka_unit_test(test_protocols),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_subjects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
