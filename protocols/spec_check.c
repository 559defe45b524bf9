/* Which combinations of knobs make sense. A spec is refused when a part is missing and when it
 * holds a value that would be read and then ignored; a knob at its default counts as not set. */
#include "protocols/spec.h"

#include <assert.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/str.h"

static const struct knob *must_find(const char *key, size_t n)
{
    for (size_t i = 0; i < knobs_n; i++) {
        if (strlen(knobs[i].key) == n && memcmp(knobs[i].key, key, n) == 0) {
            return &knobs[i];
        }
    }
    assert(false); /* the caller names a knob of the table */
    return NULL;
}

static bool is_default(const struct run_spec *s, const char *key)
{
    return spec_is_default(s, must_find(key, strlen(key)));
}

static const char *word_of(const struct run_spec *s, const struct knob *k)
{
    assert(k->type == KNOB_TEXT);
    return (const char *)s + k->offset;
}

/* "a|b|c" (up to a space or the end) as "a, b or c". */
static void add_words(struct str *out, const char *list)
{
    for (size_t n = strcspn(list, "| "), i = 0;; n = strcspn(list, "| "), i++) {
        bool last = list[n] != '|';
        str_add(out, i == 0 ? "" : last ? " or "
                                        : ", ");
        str_add_n(out, list, n);
        if (last) {
            return;
        }
        list += n + 1;
    }
}

static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (;; list++) {
        size_t n = strcspn(list, "| ");
        if (n == len && memcmp(list, word, n) == 0) {
            return true;
        }
        list += n;
        if (*list != '|') {
            return false;
        }
    }
}

/* The first condition of k->needs that s does not meet, or NULL; *other is the knob it asks. */
static const char *unmet(const struct run_spec *s, const struct knob *k, const struct knob **other)
{
    for (const char *p = k->needs; p;) {
        size_t n = strcspn(p, "=");
        *other = must_find(p, n);
        if (!has_word(p + n + 1, word_of(s, *other))) {
            return p + n + 1;
        }
        p = strchr(p, ' ');
        p = p ? p + 1 : NULL;
    }
    return NULL;
}

/* Every knob that is set has a meaning here. */
static int check_needs(const struct run_spec *s, const struct knob **at, struct err *e)
{
    for (size_t i = 0; i < knobs_n; i++) {
        const struct knob *k = &knobs[i], *other;
        const char *words = spec_is_default(s, k) ? NULL : unmet(s, k, &other);
        if (words) {
            struct str list = {0};
            add_words(&list, words);
            *at = k;
            err_set(e, ERR_USAGE, "%s has a meaning with %s %s only, not with %s: leave %s out",
                    k->key, other->key, str_text(&list), word_of(s, other), k->key);
            str_release(&list);
            return -1;
        }
    }
    return 0;
}

static int fault(const struct knob **at, const char *key)
{
    *at = must_find(key, strlen(key));
    return -1;
}

static int check_regime(const struct run_spec *s, const struct knob **at, struct err *e)
{
    const char *regime = s->regime.name, *adapt = s->adapt.name;
    bool trained = strcmp(adapt, "none") != 0;
    if (!trained && strcmp(regime, "none") != 0) {
        err_set(e, ERR_USAGE,
                "regime %s gives training images, but adapt none trains nothing: set adapt.name, "
                "or leave the regime out",
                regime);
        return fault(at, "regime.name");
    }
    if (trained && strcmp(regime, "none") == 0) {
        err_set(e, ERR_USAGE,
                "adapt %s needs training images: set regime.name (full, kshot, first-n, vtab-800 "
                "or vtab-1000)",
                adapt);
        return fault(at, "adapt.name");
    }
    if (strcmp(regime, "kshot") == 0 && s->regime.k < 1) {
        err_set(e, ERR_USAGE, "regime kshot needs regime.k, the training images per class");
        return fault(at, "regime.name");
    }
    if (strcmp(regime, "first-n") == 0 && s->regime.n < 1) {
        err_set(e, ERR_USAGE, "regime first-n needs regime.n, the number of training images");
        return fault(at, "regime.name");
    }
    if (trained && strcmp(s->regime.split, s->test) == 0) {
        err_set(e, ERR_USAGE,
                "regime.split and test are both %s, which trains on the images that are scored: "
                "take another split for one",
                s->test);
        return fault(at, is_default(s, "test") ? "regime.split" : "test");
    }
    if (s->seed != 0) {
        err_set(e, ERR_USAGE,
                "seed: adapt %s has no randomness to seed (draws of training images are "
                "regime.draw): leave seed out",
                adapt);
        return fault(at, "seed");
    }
    return 0;
}

static int check_preprocess(const struct run_spec *s, const struct knob **at, struct err *e)
{
    static const char *const keys[] = {"preprocess.resize", "preprocess.crop", "preprocess.kernel"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcmp(s->preprocess.mode, "none") == 0 && !is_default(s, keys[i])) {
            err_set(e, ERR_USAGE,
                    "%s has no meaning with preprocess.mode none, which does not resize: leave %s "
                    "out",
                    keys[i], keys[i]);
            return fault(at, keys[i]);
        }
    }
    if (s->preprocess.resize && !s->preprocess.crop) {
        err_set(e, ERR_USAGE, "preprocess.resize without preprocess.crop: give both");
        return fault(at, "preprocess.resize");
    }
    if (s->preprocess.resize && s->preprocess.crop > s->preprocess.resize) {
        err_set(e, ERR_USAGE, "preprocess.crop %lld is more than preprocess.resize %lld",
                (long long)s->preprocess.crop, (long long)s->preprocess.resize);
        return fault(at, "preprocess.crop");
    }
    return 0;
}

static int check_select(const struct run_spec *s, const struct knob **at, struct err *e)
{
    const char *grid = s->select.grid;
    if (!*grid) {
        if (!is_default(s, "select.on")) {
            err_set(e, ERR_USAGE,
                    "select on %s, but nothing to select: name a knob and its values, or leave "
                    "select.on out",
                    s->select.on);
            return fault(at, "select.on");
        }
        return 0;
    }
    const struct knob *k = must_find(grid, strcspn(grid, "=")), *other;
    if (unmet(s, k, &other)) {
        struct str own = {0};
        for (size_t i = 0; i < knobs_n; i++) {
            if (knobs[i].selectable && !unmet(s, &knobs[i], &other)) {
                str_addf(&own, "%s%s", own.len ? " or " : "it selects ", knobs[i].key);
            }
        }
        err_set(e, ERR_USAGE, "select: adapt %s has no %s; %s", s->adapt.name, k->key,
                own.len ? str_text(&own) : "it has nothing to select: leave select out");
        str_release(&own);
        return fault(at, "select.grid");
    }
    if (!spec_is_default(s, k)) {
        err_set(e, ERR_USAGE,
                "%s is set and selected too, which ignores the value set: leave one out", k->key);
        *at = k;
        return -1;
    }
    if (strcmp(s->select.on, "loo") == 0 && strcmp(s->adapt.name, "ridge") != 0) {
        err_set(e, ERR_USAGE,
                "select on loo: adapt %s has no closed form of that error: write on: val",
                s->adapt.name);
        return fault(at, "select.grid");
    }
    return 0;
}

int spec_check_at(const struct run_spec *s, const struct knob **at, struct err *e)
{
    const struct knob *ignored;
    at = at ? at : &ignored;
    *at = NULL;
    return check_needs(s, at, e) || check_regime(s, at, e) || check_preprocess(s, at, e) ||
                   check_select(s, at, e)
               ? -1
               : 0;
}

int spec_check(const struct run_spec *s, struct err *e)
{
    return spec_check_at(s, NULL, e);
}
