/* Every row of every table: unique names, help that says something, and source files that the build
 * knows, so that numeric_id sees them (harness/base/build_info.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "datasets/dataset.h"
#include "datasets/resize.h"
#include "datasets/transform.h"
#include "harness/base/build_info.h"
#include "harness/base/err.h"
#include "harness/base/str.h"
#include "harness/command.h"
#include "models/engine.h"
#include "models/model.h"
#include "models/weights.h"
#include "protocols/protocol.h"
#include <stdlib.h>
#include <string.h>

static bool built(const char *path, size_t n)
{
    for (size_t i = 0; i < build_n_sources; i++) {
        if (strlen(build_sources[i].path) == n && !strncmp(build_sources[i].path, path, n)) {
            return true;
        }
    }
    return false;
}

/* Each word of a row's sources is a file whose hash is in the program. */
static void check_sources(const char *row, const char *sources)
{
    assert_non_null(sources);
    while (*sources) {
        size_t n = strcspn(sources, " ");
        if (n && !built(sources, n)) {
            fail_msg("%s names the source '%.*s', which the build does not hash", row, (int)n, sources);
        }
        sources += n + (sources[n] == ' ');
    }
}

static void check_name(const char *const *names, size_t i)
{
    assert_true(names[i] && *names[i]);
    for (size_t k = 0; k < i; k++) {
        if (!strcmp(names[i], names[k])) {
            fail_msg("two rows are called '%s'", names[i]);
        }
    }
}

static void test_sources(void **state)
{
    (void)state;
    for (size_t i = 0; i < engines_n; i++) {
        check_sources(engines[i]->name, engines[i]->sources);
        check_sources(engines[i]->name, engines[i]->train_sources);
    }
    for (size_t i = 0; i < datasets_n; i++) {
        check_sources(datasets[i]->name, datasets[i]->source->sources);
    }
    for (size_t i = 0; i < resize_kernels_n; i++) {
        check_sources(resize_kernels[i]->name, resize_kernels[i]->sources);
    }
    for (size_t i = 0; i < protocols_n; i++) {
        if (protocols[i]->adapt) {
            check_sources(protocols[i]->name, protocols[i]->adapt->sources);
        }
    }
    check_sources("npz", weights_npz.sources);
    check_sources("safetensors", weights_safetensors.sources);
    for (size_t i = 0; i < presets_n; i++) {
        struct preprocess p;
        struct str used = {0};
        struct err e = {0};
        assert_int_equal(preprocess_preset(&p, presets[i].p.preset, &e), 0);
        preprocess_sources(&p, &used);
        check_sources(presets[i].p.preset, str_text(&used));
        str_release(&used);
    }
}

/* A hash in the program is that of a file: 64 hex digits, no two files alike, none empty. */
static void test_hashes(void **state)
{
    (void)state;
    assert_true(build_n_sources > 50);
    for (size_t i = 0; i < build_n_sources; i++) {
        assert_int_equal(strspn(build_sources[i].sha256, "0123456789abcdef"), 64);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(build_sources[i].sha256, build_sources[k].sha256);
        }
    }
}

static void test_names(void **state)
{
    (void)state;
    const char *names[64];
    assert_true(engines_n <= 64 && resize_kernels_n <= 64 && protocols_n <= 64 && commands_n <= 64);
    for (size_t i = 0; i < engines_n; i++) {
        names[i] = engines[i]->name;
        check_name(names, i);
        assert_true(strlen(engines[i]->help) > 10);
    }
    for (size_t i = 0; i < resize_kernels_n; i++) {
        names[i] = resize_kernels[i]->name;
        check_name(names, i);
    }
    for (size_t i = 0; i < protocols_n; i++) {
        names[i] = protocols[i]->name;
        check_name(names, i);
        assert_true(strlen(protocols[i]->help) > 10);
    }
    for (size_t i = 0; i < commands_n; i++) {
        names[i] = commands[i]->name;
        check_name(names, i);
        assert_true(strlen(commands[i]->help) > 10 && commands[i]->example && commands[i]->run);
    }
}

/* Option names and letters are unique in a command together with the global ones. */
static void test_options(void **state)
{
    (void)state;
    for (size_t c = 0; c < commands_n; c++) {
        const struct command *k = commands[c];
        for (size_t i = 0; i < k->n_opts; i++) {
            const struct opt *o = &k->opts[i];
            assert_true(o->offset < k->opts_bytes);
            assert_true((o->kind == OPT_FLAG) == (o->value == NULL));
            for (size_t j = 0; j < i + global_opts_n; j++) {
                const struct opt *p = j < i ? &k->opts[j] : &global_opts[j - i];
                if (!strcmp(o->name, p->name) || (o->letter && o->letter == p->letter)) {
                    fail_msg("%s: option --%s clashes with --%s", k->name, o->name, p->name);
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
