/* Random specs: canonical text reads back as the same spec with the same id. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/hash.h"
#include "harness/base/rng.h"
#include "harness/base/str.h"
#include "harness/base/tensor.h"
#include "protocols/spec.h"

/* Random words: printable, special and control characters, and UTF-8. */
static void random_text(uint64_t seed, uint64_t index, size_t room, char *out)
{
    static const char *const pieces[] = {"a", "Z", "7", "-", "_", ".",
                                         "/", ":", ",", "=", " ", "\"",
                                         "\\", "\t", "\n", "\x01", "\x7f", "{",
                                         "#", "\\x4", "\xff", "é", "\xe2\x82\xac", "true"};
    size_t n = rng_below(rng_at(seed, 100, index), 12) + 1;
    out[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        const char *piece = pieces[rng_below(rng_at(seed, 101 + i, index), ARRAY_LEN(pieces))];
        if (strlen(out) + strlen(piece) < room) {
            strcat(out, piece);
        }
    }
}

static void random_choice(const char *choices, uint64_t word, char *out)
{
    size_t n = 1;
    for (const char *p = choices; *p; p++) {
        n += *p == '|';
    }
    for (size_t at = rng_below(word, n); at > 0; at--) {
        choices = strchr(choices, '|') + 1;
    }
    snprintf(out, SPEC_NAME, "%.*s", (int)strcspn(choices, "|"), choices);
}

/* Values of text knobs that not every text can be: a preset with sizes, lists, and so on. */
static const char *named_values(const char *key)
{
    return strcmp(key, "select.grid") == 0
               ? "adapt.l2=log2:-10:20|adapt.c=log10:-6:6|adapt.c=log10:-6:6:97|"
                 "adapt.l2=list:1,2,0.30000000000000004|adapt.c=log10:-0.5:0.25:4|"
           : strcmp(key, "preprocess.preset") == 0 ? "bit-paper|model|timm:448-448-bilinear"
           : strcmp(key, "preprocess.kernel") == 0 ? "tf2bilinear|pilbilinear|"
           : strcmp(key, "preprocess.decode") == 0 ? "pil|tf|cv-noexif|pil-draft224|"
           : strcmp(key, "preprocess.mode") == 0   ? "squash|short|shortfloor|small|square|none|"
           : strcmp(key, "preprocess.range") == 0  ? "-1..1|0..1|imagenet|clip|none|"
                                                   : NULL;
}

static void random_value(const struct knob *k, uint64_t seed, uint64_t index, char out[SPEC_NAME])
{
    const char *choices = k->choices ? k->choices : named_values(k->key);
    uint64_t word = rng_at(seed, 1, index);
    double u = rng_unit(rng_at(seed, 2, index));
    if (choices) {
        random_choice(choices, word, out);
    } else if (k->type == KNOB_TEXT) {
        random_text(seed, index, k->bytes, out);
    } else if (k->type == KNOB_INT) {
        double v = word % 4 == 0 ? k->high : floor(pow(k->high + 1, u)) - 1;
        snprintf(out, SPEC_NAME, "%.0f", v);
    } else if (k->type == KNOB_REAL) {
        double low = k->low > 0 ? k->low : 1e-9;
        double v = word % 8 == 0 ? k->low : low * pow(k->high / low, u);
        snprintf(out, SPEC_NAME, "%.17g", v > k->high ? k->high : v);
    } else {
        snprintf(out, SPEC_NAME, "%s", word % 2 ? "true" : "false");
    }
}

/* print -> parse gives the same spec and id; another value gives another text. */
static void random_specs_survive(void **state)
{
    (void)state;
    const uint64_t seed = 20260729;
    for (uint64_t round = 0; round < 4000; round++) {
        struct run_spec s, back;
        struct err e = {0};
        spec_init(&s);
        for (size_t i = 0; i < knobs_n; i++) {
            char value[SPEC_NAME];
            uint64_t index = round * 64 + i;
            if (rng_at(seed, 0, index) % 3 == 0) {
                random_value(&knobs[i], seed, index, value);
                if (spec_set(&s, knobs[i].key, value, &e)) {
                    fail_msg("seed %llu round %llu: %s=%s: %s", (unsigned long long)seed,
                             (unsigned long long)round, knobs[i].key, value, e.text);
                }
            }
        }
        memset(s.adapt.head_map, 0, sizeof s.adapt.head_map); /* ids are taken of pinned specs */
        struct str text = {0}, again = {0};
        spec_text(&s, &text);
        if (spec_parse(&back, str_text(&text), &e)) {
            fail_msg("seed %llu round %llu: %s", (unsigned long long)seed,
                     (unsigned long long)round, e.text);
        }
        spec_text(&back, &again);
        if (!spec_equal(&s, &back) || strcmp(str_text(&text), str_text(&again)) != 0) {
            fail_msg("seed %llu round %llu: '%s' reads as '%s'", (unsigned long long)seed,
                     (unsigned long long)round, str_text(&text), str_text(&again));
        }
        assert_memory_equal(&s, &back, sizeof s);
        char id[SPEC_ID], id_back[SPEC_ID], hex[HASH_SHA256_HEX];
        assert_int_equal(spec_id(&s, s.model, s.dataset, id, &e), 0);
        assert_int_equal(spec_id(&back, s.model, s.dataset, id_back, &e), 0);
        assert_string_equal(id, id_back);
        sha256_hex(str_text(&text), text.len, hex);
        assert_memory_equal(id, hex, SPEC_ID - 1);
        for (const char *p = str_text(&text); *p; p++) {
            assert_false((unsigned char)*p < 0x20 || *p == 0x7f); /* one line, no tab */
        }
        back.seed = back.seed ? 0 : 1;
        assert_false(spec_equal(&s, &back));
        str_release(&text);
        str_release(&again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_specs_survive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
