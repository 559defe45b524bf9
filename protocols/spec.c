/* Values of knobs from and to text, canonical text, ids, and which combinations make sense. All of
 * it walks the table in knobs.c. */
#include "protocols/spec.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/hash.h"
#include "harness/base/mem.h"
#include "harness/base/near.h"
#include "harness/base/str.h"

#define PINNED "sha256:"

static const char *text_field(const struct run_spec *s, const struct knob *k)
{
    assert(k->type == KNOB_TEXT);
    return (const char *)s + k->offset;
}

/* Copies a value out of or into its field; v is of the field's type. */
static void field_load(const struct run_spec *s, const struct knob *k, void *v)
{
    memcpy(v, (const char *)s + k->offset, k->bytes);
}

static void field_store(struct run_spec *s, const struct knob *k, const void *v)
{
    memcpy((char *)s + k->offset, v, k->bytes);
}

/* ---- values ---- */

/* value is one of the words of k->choices. */
static int check_choice(const struct knob *k, const char *value, struct err *e)
{
    char words[256];
    assert(strlen(k->choices) < sizeof words);
    snprintf(words, sizeof words, "%s", k->choices);
    struct near near;
    near_init(&near, value);
    for (char *word = words, *next; word; word = next) {
        next = strchr(word, '|');
        if (next) {
            *next++ = '\0';
        }
        if (strcmp(word, value) == 0) {
            return 0;
        }
        near_add(&near, word);
    }
    return err_set(e, ERR_USAGE, "%s: '%.80s' is not one of %s%s", k->key, value, k->choices,
                   near_text(&near));
}

/* Checks a text and copies it with the rest of the field zeroed. */
static int set_text(struct run_spec *s, const struct knob *k, const char *value, struct err *e)
{
    if (!*value && *k->fallback) {
        return err_set(e, ERR_USAGE, "%s: an empty value", k->key);
    }
    if (*value && k->choices && check_choice(k, value, e)) {
        return -1;
    }
    struct str canon = {0};
    int rc = 0;
    if (k->canon) {
        rc = k->canon(value, &canon, e) || str_check(&canon, e) ? err_wrap(e, "%s", k->key) : 0;
        value = str_text(&canon);
    }
    size_t len = strlen(value);
    if (rc == 0 && len >= k->bytes) {
        rc = err_set(e, ERR_USAGE, "%s: '%.40s...' is longer than %zu bytes", k->key, value,
                     k->bytes - 1);
    }
    if (rc == 0) {
        char *field = (char *)s + k->offset;
        memset(field, 0, k->bytes);
        memcpy(field, value, len);
    }
    str_release(&canon);
    return rc;
}

static int set_int(struct run_spec *s, const struct knob *k, const char *value, struct err *e)
{
    int64_t v;
    if (!str_to_i64(value, &v)) {
        return err_set(e, ERR_USAGE, "%s: '%.80s' is not a whole number", k->key, value);
    }
    if (v < (int64_t)k->low || v > (int64_t)k->high) { /* whole, so the casts are exact */
        return err_set(e, ERR_USAGE, "%s: %.80s not in %.0f..%.0f", k->key, value, k->low, k->high);
    }
    field_store(s, k, &v);
    return 0;
}

static int set_real(struct run_spec *s, const struct knob *k, const char *value, struct err *e)
{
    double v;
    if (!str_to_double(value, &v)) {
        return err_set(e, ERR_USAGE, "%s: '%.80s' is not a number", k->key, value);
    }
    if (!(v >= k->low && v <= k->high)) {
        return err_set(e, ERR_USAGE, "%s: %.80s not in %g..%g", k->key, value, k->low, k->high);
    }
    v += 0.0; /* -0 becomes 0: one text for one value */
    field_store(s, k, &v);
    return 0;
}

static int set_bool(struct run_spec *s, const struct knob *k, const char *value, struct err *e)
{
    bool v = strcmp(value, "true") == 0;
    if (!v && strcmp(value, "false") != 0) {
        return err_set(e, ERR_USAGE, "%s: '%.80s' is neither true nor false", k->key, value);
    }
    field_store(s, k, &v);
    return 0;
}

static int set_knob(struct run_spec *s, const struct knob *k, const char *value, struct err *e)
{
    switch (k->type) {
    case KNOB_TEXT:
        return set_text(s, k, value, e);
    case KNOB_INT:
        return set_int(s, k, value, e);
    case KNOB_REAL:
        return set_real(s, k, value, e);
    case KNOB_BOOL:
        return set_bool(s, k, value, e);
    }
    assert(false); /* no other type */
    return -1;
}

int spec_set(struct run_spec *s, const char *key, const char *value, struct err *e)
{
    const struct knob *k = knob_find(key, e);
    return k ? set_knob(s, k, value, e) : -1;
}

void spec_init(struct run_spec *s)
{
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < knobs_n; i++) {
        int rc = set_knob(s, &knobs[i], knobs[i].fallback, NULL);
        assert(rc == 0); /* a default is a value that its knob can take */
        (void)rc;
    }
}

void spec_get(const struct run_spec *s, const struct knob *k, struct str *out)
{
    int64_t whole;
    double real;
    bool flag;
    switch (k->type) {
    case KNOB_TEXT:
        str_add(out, text_field(s, k));
        return;
    case KNOB_INT:
        field_load(s, k, &whole);
        str_addf(out, "%lld", (long long)whole);
        return;
    case KNOB_REAL:
        field_load(s, k, &real);
        str_add_double(out, real);
        return;
    case KNOB_BOOL:
        field_load(s, k, &flag);
        str_add(out, flag ? "true" : "false");
        return;
    }
}

static bool same_value(const struct run_spec *a, const struct run_spec *b, const struct knob *k)
{
    if (k->type == KNOB_TEXT) {
        return strcmp(text_field(a, k), text_field(b, k)) == 0;
    }
    return memcmp((const char *)a + k->offset, (const char *)b + k->offset, k->bytes) == 0;
}

bool spec_is_default(const struct run_spec *s, const struct knob *k)
{
    if (k->type == KNOB_TEXT) {
        return strcmp(text_field(s, k), k->fallback) == 0;
    }
    struct run_spec initial;
    int rc = set_knob(&initial, k, k->fallback, NULL);
    assert(rc == 0);
    (void)rc;
    return same_value(s, &initial, k);
}

bool spec_equal(const struct run_spec *a, const struct run_spec *b)
{
    for (size_t i = 0; i < knobs_n; i++) {
        if (!same_value(a, b, &knobs[i])) {
            return false;
        }
    }
    return true;
}

/* ---- canonical text ---- */

static bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

static void add_value(struct str *out, const char *value)
{
    bool quoted = !*value;
    for (const char *p = value; *p; p++) {
        quoted = quoted || strchr(" \"\\", *p) || is_control((unsigned char)*p);
    }
    if (!quoted) {
        str_add(out, value);
        return;
    }
    str_add_char(out, '"');
    for (const char *p = value; *p; p++) {
        if (is_control((unsigned char)*p)) {
            str_addf(out, "\\x%02x", (unsigned char)*p);
        } else {
            str_add(out, strchr("\"\\", *p) ? "\\" : "");
            str_add_char(out, *p);
        }
    }
    str_add_char(out, '"');
}

static void add_pair(struct str *out, size_t start, const char *key, const char *value)
{
    str_add(out, out->len > start ? " " : "");
    str_addf(out, "%s=", key);
    add_value(out, value);
}

/* The canonical text with other texts for model and dataset; NULL: their own. */
static void add_text(const struct run_spec *s, const char *model, const char *dataset,
                     struct str *out)
{
    size_t start = out->len;
    struct str value = {0};
    for (size_t i = 0; i < knobs_n; i++) {
        const struct knob *k = &knobs[i];
        const char *other = k->offset == offsetof(struct run_spec, model)     ? model
                            : k->offset == offsetof(struct run_spec, dataset) ? dataset
                                                                              : NULL;
        if (other ? !*other : spec_is_default(s, k)) {
            continue;
        }
        str_clear(&value);
        spec_get(s, k, &value);
        out->failed = out->failed || value.failed;
        add_pair(out, start, k->key, other ? other : str_text(&value));
    }
    str_release(&value);
}

void spec_text(const struct run_spec *s, struct str *out)
{
    add_text(s, NULL, NULL, out);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                                                 : -1;
}

/* The value at *p, quoted or bare, appended to out; *p moves behind it. */
static int take_value(const char **p, struct str *out, struct err *e)
{
    const char *q = *p;
    if (*q != '"') {
        size_t n = strcspn(q, " \"\\");
        str_add_n(out, q, n);
        *p = q + n;
        return q[n] == '"' || q[n] == '\\'
                   ? err_set(e, ERR_FORMAT, "a quote or backslash inside a bare value")
                   : 0;
    }
    for (q++; *q && *q != '"'; q++) {
        if (*q != '\\') {
            str_add_char(out, *q);
            continue;
        }
        q++;
        if (*q == '"' || *q == '\\') {
            str_add_char(out, *q);
            continue;
        }
        int high = *q == 'x' ? hex_digit(q[1]) : -1;
        int low = high >= 0 ? hex_digit(q[2]) : -1;
        if (low < 0 || high + low == 0) {
            return err_set(e, ERR_FORMAT, "a backslash is followed by \", \\ or xHH");
        }
        str_add_char(out, (char)(high * 16 + low));
        q += 2;
    }
    *p = *q ? q + 1 : q;
    return *q ? 0 : err_set(e, ERR_FORMAT, "a quoted value without its end");
}

/* One KEY=VALUE at *p into s; seen[knob] says which were set before. */
static int take_pair(struct run_spec *s, bool *seen, const char **p, struct err *e)
{
    size_t n = strcspn(*p, " =");
    if (n == 0 || (*p)[n] != '=') {
        return err_set(e, ERR_FORMAT, "KEY=VALUE is wanted at '%.40s'", *p);
    }
    char *key = mem_strndup(*p, n, e);
    if (!key) {
        return -1;
    }
    const struct knob *k = knob_find(key, e);
    free(key);
    if (!k) {
        return -1;
    }
    if (seen[k - knobs]) {
        return err_set(e, ERR_FORMAT, "%s is set twice", k->key);
    }
    seen[k - knobs] = true;
    *p += n + 1;
    struct str value = {0};
    int rc = take_value(p, &value, e) || str_check(&value, e) ? err_wrap(e, "%s", k->key) : 0;
    rc = rc ? rc : set_knob(s, k, str_text(&value), e);
    str_release(&value);
    return rc;
}

int spec_parse(struct run_spec *s, const char *text, struct err *e)
{
    spec_init(s);
    bool *seen = mem_take(knobs_n, sizeof *seen, e);
    if (!seen) {
        return -1;
    }
    int rc = 0;
    for (const char *p = text; *p && rc == 0;) {
        rc = take_pair(s, seen, &p, e);
        if (rc == 0 && *p) {
            rc = *p == ' ' && p[1] ? 0 : err_set(e, ERR_FORMAT, "one space is due at '%.40s'", p);
            p++;
        }
    }
    free(seen);
    return rc ? err_wrap(e, "spec '%.200s'", text) : 0;
}

/* ---- ids ---- */

int spec_pin(struct run_spec *s, struct err *e)
{
    char hex[HASH_SHA256_HEX];
    if (!*s->adapt.head_map) {
        return 0;
    }
    if (sha256_file(s->adapt.head_map, hex, e)) {
        return err_wrap(e, "adapt.head_map");
    }
    memset(s->adapt.head_map, 0, sizeof s->adapt.head_map);
    snprintf(s->adapt.head_map, sizeof s->adapt.head_map, PINNED "%s", hex);
    return 0;
}

void spec_id_text(const struct run_spec *s, const char *model_subject, const char *dataset_subject,
                  struct str *out)
{
    assert(!*s->adapt.head_map || str_starts(s->adapt.head_map, PINNED));
    add_text(s, model_subject, dataset_subject, out);
}

int spec_id(const struct run_spec *s, const char *model_subject, const char *dataset_subject,
            char id[SPEC_ID], struct err *e)
{
    struct str text = {0};
    spec_id_text(s, model_subject, dataset_subject, &text);
    int rc = str_check(&text, e);
    if (rc == 0) {
        char hex[HASH_SHA256_HEX];
        sha256_hex(str_text(&text), text.len, hex);
        memcpy(id, hex, SPEC_ID - 1);
        id[SPEC_ID - 1] = '\0';
    }
    str_release(&text);
    return rc;
}
