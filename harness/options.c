/* Option parsing in the GNU manner: --name VALUE, --name=VALUE, -n VALUE, -nVALUE, clustered flags.
 */
#include "harness/options.h"
#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/near.h"
#include "harness/base/str.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int texts_add(struct texts *t, const char *text, size_t n, struct err *e)
{
    const char **grown = realloc(t->items, (t->n + 1) * sizeof *grown);
    if (!grown) {
        return err_set(e, ERR_LIMIT, "out of memory");
    }
    t->items = grown;
    t->items[t->n] = mem_strndup(text, n, e);
    if (!t->items[t->n]) {
        return -1;
    }
    t->n++;
    return 0;
}

int texts_add_list(struct texts *t, const char *text, struct err *e)
{
    int depth = 0;
    const char *begin = text;
    for (const char *at = text;; at++) {
        depth += (*at == '(') - (*at == ')');
        if (*at == '\0' || (*at == ',' && depth <= 0)) {
            if (at == begin) {
                return err_set(e, ERR_USAGE, "empty item in the list '%s'", text);
            }
            if (texts_add(t, begin, (size_t)(at - begin), e)) {
                return -1;
            }
            begin = at + 1;
        }
        if (*at == '\0') {
            return 0;
        }
    }
}

void texts_release(struct texts *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free((void *)(uintptr_t)t->items[i]);
    }
    free(t->items);
    *t = (struct texts){0};
}

void options_release(const struct opt_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        if (set->opts[i].kind == OPT_LIST || set->opts[i].kind == OPT_REPEAT) {
            texts_release((void *)((char *)set->into + set->opts[i].offset));
        }
    }
}

static int set_value(const struct opt *o, void *into, const char *value, struct err *e)
{
    void *field = (char *)into + o->offset;
    int64_t high = o->low == 0 && o->high == 0 ? INT64_MAX : o->high;
    switch (o->kind) {
    case OPT_FLAG:
        *(bool *)field = true;
        return 0;
    case OPT_TEXT:
        *(const char **)field = value;
        return 0;
    case OPT_INT:
        if (!str_to_i64(value, field) || *(int64_t *)field < o->low || *(int64_t *)field > high) {
            return high == INT64_MAX
                       ? err_set(e, ERR_USAGE, "--%s: '%s' is not a whole number of at least %lld",
                                 o->name, value, (long long)o->low)
                       : err_set(e, ERR_USAGE, "--%s: '%s' is not a whole number in %lld..%lld",
                                 o->name, value, (long long)o->low, (long long)high);
        }
        return 0;
    case OPT_REAL:
        return str_to_double(value, field)
                   ? 0
                   : err_set(e, ERR_USAGE, "--%s: '%s' is not a number", o->name, value);
    case OPT_SIZE:
        return str_to_bytes(value, field)
                   ? 0
                   : err_set(e, ERR_USAGE, "--%s: '%s' is not a size such as 512M or 2G", o->name,
                             value);
    case OPT_LIST:
        return texts_add_list(field, value, e) ? err_wrap(e, "--%s", o->name) : 0;
    case OPT_REPEAT:
        return texts_add(field, value, strlen(value), e);
    }
    return 0;
}

static const struct opt *find_long(const struct opt_set *sets, size_t n_sets, const char *name,
                                   size_t n, void **into)
{
    for (size_t s = 0; s < n_sets; s++) {
        for (size_t i = 0; i < sets[s].n; i++) {
            const struct opt *o = &sets[s].opts[i];
            if (strlen(o->name) == n && !strncmp(o->name, name, n)) {
                *into = sets[s].into;
                return o;
            }
        }
    }
    return NULL;
}

static const struct opt *find_letter(const struct opt_set *sets, size_t n_sets, char letter,
                                     void **into)
{
    for (size_t s = 0; s < n_sets; s++) {
        for (size_t i = 0; i < sets[s].n; i++) {
            if (sets[s].opts[i].letter == letter) {
                *into = sets[s].into;
                return &sets[s].opts[i];
            }
        }
    }
    return NULL;
}

static int unknown(const struct opt_set *sets, size_t n_sets, const char *word, size_t n,
                   struct err *e)
{
    char name[128];
    struct near near;
    snprintf(name, sizeof name, "%.*s", (int)(n < 100 ? n : 100), word);
    near_init(&near, name);
    near.prefix = "--";
    for (size_t s = 0; s < n_sets; s++) {
        for (size_t i = 0; i < sets[s].n; i++) {
            near_add(&near, sets[s].opts[i].name);
        }
    }
    return err_set(e, ERR_USAGE, "unknown option '--%s'%s", name, near_text(&near));
}

/* argv[*at] is "--name..." : takes it and, where needed, its value. */
static int parse_long(const struct opt_set *sets, size_t n_sets, int argc, char **argv, int *at,
                      struct err *e)
{
    const char *word = argv[*at] + 2, *equals = strchr(word, '=');
    size_t n = equals ? (size_t)(equals - word) : strlen(word);
    void *into;
    const struct opt *o = find_long(sets, n_sets, word, n, &into);
    if (!o) {
        return unknown(sets, n_sets, word, n, e);
    }
    if (o->kind == OPT_FLAG) {
        return equals ? err_set(e, ERR_USAGE, "--%s takes no value", o->name)
                      : set_value(o, into, NULL, e);
    }
    if (!equals && *at + 1 >= argc) {
        return err_set(e, ERR_USAGE, "--%s needs a value: %s", o->name, o->value);
    }
    return set_value(o, into, equals ? equals + 1 : argv[++*at], e);
}

static int parse_letters(const struct opt_set *sets, size_t n_sets, int argc, char **argv, int *at,
                         bool *help, struct err *e)
{
    for (const char *c = argv[*at] + 1; *c; c++) {
        void *into;
        const struct opt *o = find_letter(sets, n_sets, *c, &into);
        if (!o && *c == 'h') {
            *help = true;
            continue;
        }
        if (!o) {
            return err_set(e, ERR_USAGE, "unknown option '-%c'", *c);
        }
        if (o->kind != OPT_FLAG) {
            if (!c[1] && *at + 1 >= argc) {
                return err_set(e, ERR_USAGE, "-%c needs a value: %s", *c, o->value);
            }
            return set_value(o, into, c[1] ? c + 1 : argv[++*at], e);
        }
        if (set_value(o, into, NULL, e)) {
            return -1;
        }
    }
    return 0;
}

int options_parse(const struct opt_set *sets, size_t n_sets, int argc, char **argv,
                  bool stop_at_word, char **args, size_t *n_args, bool *help, struct err *e)
{
    int at = 1;
    bool only_words = false;
    for (; at < argc; at++) {
        const char *word = argv[at];
        if (only_words || word[0] != '-' || word[1] == '\0') {
            if (stop_at_word) {
                break;
            }
            args[(*n_args)++] = argv[at];
        } else if (!strcmp(word, "--")) {
            only_words = true;
        } else if (!strcmp(word, "--help")) {
            *help = true;
        } else if (word[1] == '-' ? parse_long(sets, n_sets, argc, argv, &at, e)
                                  : parse_letters(sets, n_sets, argc, argv, &at, help, e)) {
            return -1;
        }
    }
    return at;
}

void options_help(const struct opt *opts, size_t n, struct str *out)
{
    enum { COLUMN = 28 };
    for (size_t i = 0; i < n; i++) {
        const struct opt *o = &opts[i];
        char left[96];
        snprintf(left, sizeof left, "  %c%c%s --%s%s%s", o->letter ? '-' : ' ',
                 o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name, o->value ? " " : "",
                 o->value ? o->value : "");
        str_addf(out, "%-*s", COLUMN, left);
        if (strlen(left) >= COLUMN) {
            str_addf(out, "\n%*s", COLUMN, "");
        }
        for (const char *at = o->help; *at;
             at++) { /* a newline in the help goes on below its start */
            str_add_char(out, *at);
            if (*at == '\n') {
                str_addf(out, "%*s", COLUMN, "");
            }
        }
        str_add_char(out, '\n');
    }
}
