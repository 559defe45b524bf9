/* Knobs, canonical text, ids, and checks of combinations. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/err.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "protocols/spec.h"

static void set(struct run_spec *s, const char *key, const char *value)
{
    struct err e = {0};
    if (spec_set(s, key, value, &e)) {
        fail_msg("%s=%s: %s", key, value, e.text);
    }
}

/* Sets "KEY=VALUE KEY=VALUE ..." (no quotes). */
static void set_all(struct run_spec *s, const char *pairs)
{
    char copy[1024];
    snprintf(copy, sizeof copy, "%s", pairs);
    char *rest = NULL;
    for (char *pair = strtok_r(copy, " ", &rest); pair; pair = strtok_r(NULL, " ", &rest)) {
        char *equals = strchr(pair, '=');
        *equals = '\0';
        set(s, pair, equals + 1);
    }
}

static void assert_text(const struct run_spec *s, const char *want)
{
    struct str text = {0};
    spec_text(s, &text);
    assert_string_equal(str_text(&text), want);
    str_release(&text);
}

/* ---- the table ---- */

static void table_is_sound(void **state)
{
    (void)state;
    struct run_spec s;
    spec_init(&s);
    for (size_t i = 0; i < knobs_n; i++) {
        const struct knob *k = &knobs[i];
        struct str value = {0};
        spec_get(&s, k, &value);
        assert_string_equal(str_text(&value), k->fallback);
        assert_true(spec_is_default(&s, k));
        assert_ptr_equal(knob_find(k->key, NULL), k);
        assert_true(k->offset + k->bytes <= sizeof s);
        assert_non_null(k->help);
        assert_true(k->type == KNOB_TEXT || !k->choices);
        assert_true(k->type == KNOB_TEXT || !k->canon);
        assert_true((k->type != KNOB_INT && k->type != KNOB_REAL) || k->low < k->high);
        str_release(&value);
        /* The knobs of a group stand together: a run file prints them as one map. */
        size_t group = strcspn(k->key, ".");
        for (size_t j = 0; j + 1 < i && k->key[group]; j++) {
            bool same = strncmp(knobs[j].key, k->key, group + 1) == 0;
            assert_true(!same || strncmp(knobs[i - 1].key, k->key, group + 1) == 0);
        }
    }
    assert_text(&s, "");
}

/* Every word of needs is a choice of the text knob it asks. */
static void needs_name_choices(void **state)
{
    (void)state;
    for (size_t i = 0; i < knobs_n; i++) {
        char copy[256];
        snprintf(copy, sizeof copy, "%s", knobs[i].needs ? knobs[i].needs : "");
        char *rest = NULL;
        for (char *c = strtok_r(copy, " ", &rest); c; c = strtok_r(NULL, " ", &rest)) {
            char *words = strchr(c, '='), *more = NULL;
            assert_non_null(words);
            *words++ = '\0';
            const struct knob *other = knob_find(c, NULL);
            assert_non_null(other);
            struct run_spec s;
            spec_init(&s);
            for (char *w = strtok_r(words, "|", &more); w; w = strtok_r(NULL, "|", &more)) {
                set(&s, other->key, w);
            }
        }
    }
}

static const struct {
    const char *key, *value, *fragment;
} bad_values[] = {
    {"regime.kk", "1", "unknown knob 'regime.kk'; did you mean 'regime.k'"},
    {"regime.k", "", "regime.k: '' is not a whole number"},
    {"regime.k", "1.5", "regime.k: '1.5' is not a whole number"},
    {"regime.k", "five", "'five' is not a whole number"},
    {"regime.k", "-1", "regime.k: -1 not in 0..1000000"},
    {"regime.draw", "-3", "regime.draw: -3 not in 0..4294967295"},
    {"regime.draw", "4294967296", "not in 0..4294967295"},
    {"regime.k", "99999999999999999999", "is not a whole number"},
    {"seed", "9007199254740993", "seed: 9007199254740993 not in"},
    {"adapt.l2", "0", "adapt.l2: 0 not in 1e-12..1e+15"},
    {"adapt.l2", "nan", "adapt.l2: 'nan' is not a number"},
    {"adapt.l2", "1,5", "adapt.l2: '1,5' is not a number"},
    {"adapt.c", "1e13", "adapt.c: 1e13 not in"},
    {"adapt.standardize", "yes", "adapt.standardize: 'yes' is neither true nor false"},
    {"adapt.name", "rigde", "not one of none|ridge|logistic; did you mean 'ridge'?"},
    {"regime.rule", "", "regime.rule: an empty value"},
    {"regime.name", "few", "regime.name: 'few' is not one of none|full|kshot"},
    {"test", "", "test: an empty value"},
    {"test", "0123456789012345678901234567890123456789012345678901234567890123",
     "is longer than 63 bytes"},
    {"preprocess.preset", "bit-papr", "preprocess.preset: unknown preprocessing 'bit-papr'"},
    {"preprocess.preset", "timm:1-2-x", "preprocess.preset: "},
    {"preprocess.preset", "", "preprocess.preset: an empty value"},
    {"preprocess.kernel", "tf2bilinaer", "did you mean 'tf2bilinear'"},
    {"preprocess.mode", "squish", "did you mean 'squash'?"},
    {"preprocess.range", "0..2", "preprocess.range: unknown range '0..2'"},
    {"preprocess.decode", "pillow", "preprocess.decode: unknown decoder 'pillow'"},
    {"preprocess.preset", "crop:224|resize:256", "in the order decode, resize, u8, crop, range"},
    {"select.grid", "adapt.l2", "select.grid: 'adapt.l2' is not of the form KNOB=GRID"},
    {"select.grid", "adapt.l3=log2:0:1", "unknown knob 'adapt.l3'; did you mean 'adapt.l2'"},
    {"select.grid", "adapt.bias=list:1", "adapt.bias cannot be selected"},
    {"select.grid", "adapt.l2=list:0,1", "adapt.l2: 0 not in 1e-12..1e+15"},
    {"select.grid", "adapt.c=log10:9:13", "adapt.c: 1e+13 not in"},
    {"select.grid", "adapt.l2=1,2", "is not a list of numbers"},
};

static void values_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_values); i++) {
        struct run_spec s, before;
        struct err e = {0};
        spec_init(&s);
        before = s;
        assert_int_equal(spec_set(&s, bad_values[i].key, bad_values[i].value, &e), -1);
        assert_int_equal(e.code, ERR_USAGE);
        if (!strstr(e.text, bad_values[i].fragment)) {
            fail_msg("%s=%s gives '%s', not '%s'", bad_values[i].key, bad_values[i].value, e.text,
                     bad_values[i].fragment);
        }
        assert_memory_equal(&s, &before, sizeof s);
    }
}

/* ---- canonical text ---- */

static void text_is_canonical(void **state)
{
    (void)state;
    struct run_spec s;
    spec_init(&s);
    set(&s, "seed", "+007");
    set(&s, "adapt.l2", "1.0e-1");
    set(&s, "regime.name", "kshot");
    set(&s, "dataset", "fashion-mnist");
    set(&s, "model", "pixels");
    set(&s, "adapt.bias", "-0");
    set(&s, "adapt.standardize", "false");
    assert_text(&s, "model=pixels dataset=fashion-mnist regime.name=kshot adapt.l2=0.1 "
                    "adapt.bias=0 adapt.standardize=false seed=7");
    spec_init(&s);
    set(&s, "adapt.l2", "1024.0");
    set(&s, "adapt.c", "1e0");
    set(&s, "regime.k", "0");
    set(&s, "test", "test");
    assert_text(&s, ""); /* what is at its default was not said */
    set(&s, "model", "a b\"c\\d\x01\x7f");
    set(&s, "dataset", "l=1,\xc3\xa4");
    assert_text(&s, "model=\"a b\\\"c\\\\d\\x01\\x7f\" dataset=l=1,\xc3\xa4");
    spec_init(&s);
    set(&s, "select.grid", "adapt.c=log10:-6.0:6:13");
    assert_text(&s, "select.grid=adapt.c=log10:-6:6");
    set(&s, "select.grid", "adapt.c=list:0.10,1e0,+10");
    assert_text(&s, "select.grid=adapt.c=list:0.1,1,10");
}

static void bad_text_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *fragment;
    } bad[] = {
        {"model", "KEY=VALUE is wanted at 'model'"},
        {"=x", "KEY=VALUE is wanted"},
        {" model=x", "KEY=VALUE is wanted"},
        {"model=x ", "one space is due"},
        {"model=x  dataset=y", "KEY=VALUE is wanted"},
        {"model=x model=y", "model is set twice"},
        {"modle=x", "unknown knob 'modle'; did you mean 'model'?"},
        {"model=\"x", "model: a quoted value without its end"},
        {"model=\"x\"y", "one space is due at 'y'"},
        {"model=x\"y\"", "a quote or backslash inside a bare value"},
        {"model=\"\\n\"", "a backslash is followed by"},
        {"model=\"\\x0\"", "a backslash is followed by"},
        {"model=\"\\x00\"", "a backslash is followed by"},
        {"model=\"\\", "a backslash is followed by"},
        {"regime.k=x", "regime.k: 'x' is not a whole number"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct run_spec s;
        struct err e = {0};
        assert_int_equal(spec_parse(&s, bad[i].text, &e), -1);
        if (!strstr(e.text, bad[i].fragment) || !strstr(e.text, "spec '")) {
            fail_msg("%s gives '%s', not '%s'", bad[i].text, e.text, bad[i].fragment);
        }
    }
}

/* ---- ids ---- */

static void ids_never_change(void **state)
{
    (void)state;
    FILE *f = fopen("tests/golden/run_ids.tsv", "r");
    assert_non_null(f);
    char line[2048];
    size_t n = 0;
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        char *tab = strchr(line, '\t');
        if (line[0] == '#') {
            continue;
        }
        assert_non_null(tab);
        *tab = '\0';
        struct run_spec s;
        struct err e = {0};
        char id[SPEC_ID];
        if (spec_parse(&s, line, &e) || spec_id(&s, s.model, s.dataset, id, &e)) {
            fail_msg("%s", e.text);
        }
        assert_text(&s, line);
        if (strcmp(id, tab + 1) != 0) {
            fail_msg("'%s' has id %s now, %s before", line, id, tab + 1);
        }
        n++;
    }
    fclose(f);
    assert_true(n >= 20);
}

static void ids_are_of_contents(void **state)
{
    (void)state;
    struct run_spec a, b;
    struct err e = {0};
    char id_a[SPEC_ID], id_b[SPEC_ID];
    spec_init(&a);
    set(&a, "model", "/weights/R50x1.npz");
    set(&a, "dataset", "folder:/data/x");
    set(&a, "outcomes", "pred");
    b = a;
    set(&b, "model", "../weights.npz");
    set(&b, "dataset", "folder:x");
    struct str text = {0};
    spec_id_text(&a, "R50x1.npz@0123", "folder:x@4567", &text);
    assert_string_equal(str_text(&text),
                        "model=R50x1.npz@0123 dataset=folder:x@4567 outcomes=pred");
    str_release(&text);
    assert_int_equal(spec_id(&a, "R50x1.npz@0123", "folder:x@4567", id_a, &e), 0);
    assert_int_equal(spec_id(&b, "R50x1.npz@0123", "folder:x@4567", id_b, &e), 0);
    assert_string_equal(id_a, id_b);
    assert_int_equal(spec_id(&b, "R50x1.npz@0124", "folder:x@4567", id_b, &e), 0);
    assert_string_not_equal(id_a, id_b);
}

static void head_maps_are_pinned(void **state)
{
    (void)state;
    char path[] = "/tmp/bitbench-head-map-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "abc", 3), 3);
    close(fd);
    struct run_spec s;
    struct err e = {0};
    spec_init(&s);
    assert_int_equal(spec_pin(&s, &e), 0);
    assert_text(&s, "");
    set(&s, "adapt.head_map", path);
    assert_int_equal(spec_pin(&s, &e), 0);
    unlink(path);
    /* FIPS 180-2, appendix B.1 */
    assert_text(&s, "adapt.head_map=sha256:"
                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    spec_init(&s);
    set(&s, "adapt.head_map", path);
    assert_int_equal(spec_pin(&s, &e), -1);
    assert_non_null(strstr(e.text, "adapt.head_map: "));
    assert_non_null(strstr(e.text, path));
}

/* ---- combinations ---- */

static const struct {
    const char *pairs, *fragment, *at; /* fragment NULL: meaningful */
} combinations[] = {
    {"", NULL, NULL},
    {"adapt.head_map=f.csv test=val", NULL, NULL},
    {"regime.name=full adapt.name=ridge", NULL, NULL},
    {"regime.name=kshot regime.k=5 regime.draw=2 adapt.name=ridge adapt.l2=1", NULL, NULL},
    {"regime.name=kshot regime.k=5 regime.rule=first-k adapt.name=logistic", NULL, NULL},
    {"regime.name=first-n regime.n=10 regime.split=train adapt.name=logistic adapt.c=2", NULL,
     NULL},
    {"regime.name=vtab-800 adapt.name=ridge test=val200", NULL, NULL},
    {"regime.name=full adapt.name=ridge select.grid=adapt.l2=log2:-10:20", NULL, NULL},
    {"regime.name=full adapt.name=logistic select.grid=adapt.c=log10:-6:6 select.on=val", NULL,
     NULL},
    {"regime.name=full adapt.name=ridge regime.k=0 adapt.c=1 regime.draw=0", NULL, NULL},
    {"preprocess.preset=timm preprocess.resize=256 preprocess.crop=224", NULL, NULL},
    {"preprocess.crop=64", NULL, NULL},

    {"regime.name=kshot adapt.name=ridge", "regime kshot needs regime.k", "regime.name"},
    {"regime.name=first-n adapt.name=ridge", "regime first-n needs regime.n", "regime.name"},
    {"regime.name=full", "adapt none trains nothing: set adapt.name", "regime.name"},
    {"adapt.name=ridge", "adapt ridge needs training images: set regime.name", "adapt.name"},
    {"regime.name=full adapt.name=ridge adapt.c=2",
     "adapt.c has a meaning with adapt.name logistic only, not with ridge: leave adapt.c out",
     "adapt.c"},
    {"regime.name=full adapt.name=logistic adapt.l2=2", "adapt.l2 has a meaning", "adapt.l2"},
    {"regime.name=full adapt.name=logistic adapt.bias=2", "adapt.bias has", "adapt.bias"},
    {"regime.name=full adapt.name=logistic adapt.standardize=false", "adapt.standardize has",
     "adapt.standardize"},
    {"regime.name=full adapt.name=ridge adapt.head_map=x", "adapt.head_map has a meaning with "
                                                           "adapt.name none only",
     "adapt.head_map"},
    {"regime.name=first-n regime.n=5 regime.draw=1 adapt.name=ridge",
     "regime.draw has a meaning with regime.name kshot only, not with first-n", "regime.draw"},
    {"regime.name=kshot regime.k=5 regime.rule=first-k regime.draw=1 adapt.name=ridge",
     "with regime.rule nested, big-vision or bit-jax only, not with first-k", "regime.draw"},
    {"regime.name=full regime.k=5 adapt.name=ridge", "regime.k has", "regime.k"},
    {"regime.name=full regime.rule=bit-jax adapt.name=ridge", "regime.rule has", "regime.rule"},
    {"regime.name=kshot regime.k=1 regime.n=5 adapt.name=ridge", "regime.n has", "regime.n"},
    {"regime.name=vtab-1000 regime.split=train adapt.name=ridge", "regime.split has",
     "regime.split"},
    {"regime.split=train", "regime.split has", "regime.split"},
    {"regime.name=full regime.split=test adapt.name=ridge", "regime.split and test are both",
     "regime.split"},
    {"regime.name=full test=trainval adapt.name=ridge", "are both trainval", "test"},
    {"seed=3", "no randomness to seed", "seed"},
    {"regime.name=kshot regime.k=1 adapt.name=ridge seed=3", "draws of training images",
     "seed"},
    {"select.grid=adapt.l2=list:1,2", "adapt none has no adapt.l2; it has nothing to select",
     "select.grid"},
    {"regime.name=full adapt.name=logistic select.grid=adapt.l2=list:1 select.on=val",
     "adapt logistic has no adapt.l2; it selects adapt.c", "select.grid"},
    {"regime.name=full adapt.name=ridge select.grid=adapt.c=list:1",
     "adapt ridge has no adapt.c; it selects adapt.l2", "select.grid"},
    {"regime.name=full adapt.name=ridge adapt.l2=2 select.grid=adapt.l2=list:1,2",
     "adapt.l2 is set and selected too", "adapt.l2"},
    {"regime.name=full adapt.name=logistic select.grid=adapt.c=list:1,2",
     "select on loo: adapt logistic has no closed form of that error: write on: val",
     "select.grid"},
    {"regime.name=full adapt.name=ridge select.on=val", "nothing to select", "select.on"},
    {"preprocess.mode=none preprocess.crop=64", "no meaning with preprocess.mode none",
     "preprocess.crop"},
    {"preprocess.resize=64", "preprocess.resize without preprocess.crop", "preprocess.resize"},
    {"preprocess.resize=64 preprocess.crop=65", "preprocess.crop 65 is more than",
     "preprocess.crop"},
};

static void combinations_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(combinations); i++) {
        struct run_spec s;
        struct err e = {0};
        const struct knob *at;
        spec_init(&s);
        set_all(&s, combinations[i].pairs);
        int rc = spec_check_at(&s, &at, &e);
        assert_int_equal(spec_check(&s, NULL), rc);
        if (rc != (combinations[i].fragment ? -1 : 0)) {
            fail_msg("%s: %d %s", combinations[i].pairs, rc, e.text);
        }
        if (rc == 0) {
            continue;
        }
        assert_int_equal(e.code, ERR_USAGE);
        if (!strstr(e.text, combinations[i].fragment) || strcmp(at->key, combinations[i].at) != 0) {
            fail_msg("%s gives '%s' at %s", combinations[i].pairs, e.text, at->key);
        }
        assert_false(spec_is_default(&s, at));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_sound),
        cmocka_unit_test(needs_name_choices),
        cmocka_unit_test(values_are_checked),
        cmocka_unit_test(text_is_canonical),
        cmocka_unit_test(bad_text_is_refused),
        cmocka_unit_test(ids_never_change),
        cmocka_unit_test(ids_are_of_contents),
        cmocka_unit_test(head_maps_are_pinned),
        cmocka_unit_test(combinations_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
