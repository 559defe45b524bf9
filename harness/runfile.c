/* Run files: documents laid over one another (an included file, the file, --set), then cells. */
#include "harness/runfile.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/near.h"
#include "harness/base/str.h"
#include "harness/base/yaml.h"
#include "harness/runfile_private.h"

struct reader {
    const struct runfile_opts *o;
    struct texts names;                    /* what places call files and options */
    char *chain[RUNFILE_MAX_INCLUDES + 1]; /* real paths of the files being read; [0] may be NULL */
    size_t depth;                          /* of the file being read, 0 = the first */
    struct err *e;
};

void run_plan_release(struct run_plan *p)
{
    free(p->name);
    free(p->specs);
    free(p->axes);
    free(p->text);
    *p = (struct run_plan){0};
}

/* A copy of text that lives as long as the reader; NULL with e set. */
static const char *keep(struct reader *r, const char *text)
{
    return texts_add(&r->names, text, strlen(text), r->e) ? NULL : r->names.items[r->names.n - 1];
}

/* ---- include ---- */

/* dir/name into path where there is such a file; name may be absolute. */
static bool look_in(const char *dir, const char *name, const char *suffix, char path[PATH_MAX])
{
    struct str file = {0};
    str_addf(&file, "%s%s", name, suffix);
    bool found = !file.failed &&
                 file_join(path, PATH_MAX, *name == '/' ? "" : dir, str_text(&file), NULL) == 0 &&
                 file_exists(path) && !file_is_dir(path);
    str_release(&file);
    return found;
}

static int no_such_include(struct reader *r, const char *name, const struct place *at)
{
    struct file_list list = {0};
    struct near near;
    near_init(&near, name);
    if (r->o->suites && file_list_read(&list, r->o->suites, NULL) == 0) {
        for (size_t i = 0; i < list.n; i++) {
            near_add(&near, list.names[i]);
        }
    }
    place_fail(r->e, at, "include: no file '%.200s' beside this one%s%.200s%s", name,
               r->o->suites ? " and no suite of that name in " : "",
               r->o->suites ? r->o->suites : "", near_text(&near));
    file_list_release(&list);
    return -1;
}

static int read_file(struct reader *r, const char *path, struct draft *d);

static int read_include(struct reader *r, const char *dir, const char *name, const struct place *at,
                        struct draft *d)
{
    char path[PATH_MAX];
    if (!dir) {
        return place_fail(r->e, at, "include has no folder to look in here");
    }
    if (r->depth == RUNFILE_MAX_INCLUDES) {
        return place_fail(r->e, at, "include: more than %d files deep", RUNFILE_MAX_INCLUDES);
    }
    const char *suites = r->o->suites;
    if (!*name || !(look_in(dir, name, "", path) ||
                    (suites && (look_in(suites, name, "", path) ||
                                look_in(suites, name, ".yaml", path))))) {
        return no_such_include(r, name, at);
    }
    char *real = realpath(path, NULL);
    if (!real) {
        err_errno(r->e, "include: %s", path);
        return place_wrap(r->e, at);
    }
    for (size_t i = 0; i <= r->depth; i++) {
        if (r->chain[i] && strcmp(r->chain[i], real) == 0) {
            free(real);
            return place_fail(r->e, at, "include: %s includes itself", path);
        }
    }
    r->chain[++r->depth] = real;
    int rc = read_file(r, path, d);
    free(r->chain[r->depth]);
    r->chain[r->depth--] = NULL;
    return rc;
}

/* ---- documents ---- */

/* The document of root into a zeroed draft, over what it includes. */
static int read_document(struct reader *r, const struct yaml_node *root, const char *name,
                         const char *dir, struct draft *d)
{
    const struct yaml_node *include = yaml_get(root, "include");
    if (!include) {
        return draft_init(d, r->e) ? -1 : draft_read(d, root, name, r->e);
    }
    struct place at = {name, include->line, include->column};
    if (include->kind != YAML_SCALAR) {
        return place_fail(r->e, &at, "include: one file is wanted");
    }
    struct draft own;
    if (draft_init(&own, r->e)) {
        return -1;
    }
    int rc = draft_read(&own, root, name, r->e) || read_include(r, dir, include->text, &at, d) ||
                     draft_overlay(d, &own, r->e)
                 ? -1
                 : 0;
    draft_release(&own);
    return rc;
}

static int read_bytes(struct reader *r, const char *bytes, size_t n, const char *name,
                      const char *dir, struct draft *d)
{
    struct yaml_node *root = yaml_parse(bytes, n, name, r->e);
    int rc = root ? read_document(r, root, name, dir, d) : -1;
    yaml_release(root);
    return rc;
}

static int read_file(struct reader *r, const char *path, struct draft *d)
{
    unsigned char *bytes = NULL;
    size_t n;
    const char *name = keep(r, path);
    const char *slash = strrchr(path, '/');
    char *dir = slash == path ? mem_strdup("/", r->e)
                              : mem_strndup(path, slash ? (size_t)(slash - path) : 0, r->e);
    int rc = name && dir ? file_read(path, YAML_MAX_BYTES, &bytes, &n, r->e) : -1;
    if (rc == 0) {
        rc = read_bytes(r, (const char *)bytes, n, name, dir, d);
    }
    free(bytes);
    free(dir);
    return rc;
}

/* ---- --set and options ---- */

static bool is_utf8(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        size_t more = *p < 0x80 ? 0 : *p >= 0xc2 && *p < 0xe0 ? 1
                                  : *p >= 0xe0 && *p < 0xf0   ? 2
                                  : *p >= 0xf0 && *p < 0xf5   ? 3
                                                              : 4;
        bool low = (*p == 0xe0 && p[1] < 0xa0) || (*p == 0xf0 && p[1] < 0x90); /* overlong */
        bool high = (*p == 0xed && p[1] > 0x9f) || (*p == 0xf4 && p[1] > 0x8f);
        if (more == 4 || low || high) {
            return false;
        }
        for (p++; more > 0; more--, p++) {
            if ((*p & 0xc0) != 0x80) {
                return false;
            }
        }
    }
    return true;
}

/* Sets a knob to values: an axis for names and for more than one, else its one value. */
static int set_values(struct reader *r, struct draft *d, const char *key,
                      const struct texts *values, const struct place *at)
{
    const struct knob *k = knob_of_key(key);
    if (!k) {
        return unknown_key(key, at, r->e);
    }
    for (size_t i = 0; i < values->n; i++) {
        if (!is_utf8(values->items[i])) {
            return place_fail(r->e, at, "%s: a text in UTF-8 is wanted", key);
        }
    }
    enum axis_kind kind = strcmp(key, "models") == 0     ? AXIS_MODELS
                          : strcmp(key, "datasets") == 0 ? AXIS_DATASETS
                                                         : AXIS_SWEEP;
    if (values->n == 1 && kind == AXIS_SWEEP) {
        return draft_set(d, k, values->items[0], at, r->e);
    }
    if (!values->n) {
        return place_fail(r->e, at, "%s: no value", key);
    }
    struct axis *a = draft_axis(d, kind, &k, 1, values->n, at, r->e);
    for (size_t i = 0; a && i < values->n; i++) {
        if (axis_put(d, a, i, 0, values->items[i], at, r->e)) {
            return -1;
        }
    }
    return a ? 0 : -1;
}

/* "KEY=VALUE" */
static int apply_set(struct reader *r, struct draft *d, const char *set)
{
    struct str origin = {0};
    str_addf(&origin, "--set %s", set);
    struct place at = {.file = str_check(&origin, r->e) ? NULL : keep(r, str_text(&origin))};
    str_release(&origin);
    if (!at.file) {
        return -1;
    }
    const char *equals = strchr(set, '=');
    if (!equals) {
        return place_fail(r->e, &at, "KEY=VALUE is wanted");
    }
    char *key = mem_strndup(set, (size_t)(equals - set), r->e);
    if (!key) {
        return -1;
    }
    const char *value = equals + 1;
    const struct knob *k = knob_of_key(key);
    bool names = strcmp(key, "models") == 0 || strcmp(key, "datasets") == 0;
    struct texts values = {0};
    int rc = names ? texts_add_list(&values, value, r->e)
                   : texts_add(&values, value, strlen(value), r->e);
    if (rc == 0 && k && k->type != KNOB_TEXT && strpbrk(value, ",[{")) {
        rc = place_fail(r->e, &at, "one value is wanted; lists belong in sweep: of the file");
    } else if (rc == 0 && strcmp(key, "name") == 0) {
        rc = draft_name(d, value, &at, r->e);
    } else if (rc == 0) {
        rc = set_values(r, d, key, &values, &at);
    }
    texts_release(&values);
    free(key);
    return rc;
}

static int apply_sets(struct reader *r, struct draft *d)
{
    struct draft sets;
    if (draft_init(&sets, r->e)) {
        return -1;
    }
    int rc = 0;
    for (size_t i = 0; r->o->sets && i < r->o->sets->n && rc == 0; i++) {
        rc = apply_set(r, &sets, r->o->sets->items[i]);
    }
    rc = rc ? rc : draft_overlay(d, &sets, r->e);
    draft_release(&sets);
    return rc;
}

/* ---- entry points ---- */

/* What is common at the end: --set, the cells, the text; releases d and the reader. */
static int finish(struct reader *r, int rc, struct draft *d, const char *name, size_t line,
                  struct run_plan *p)
{
    struct place whole = {name, line, line};
    *p = (struct run_plan){0};
    if (rc == 0 && apply_sets(r, d) == 0 && draft_expand(d, p, &whole, r->e) == 0) {
        struct str text = {0};
        draft_text(d, &text);
        p->text = str_check(&text, r->e) ? NULL : mem_strdup(str_text(&text), r->e);
        str_release(&text);
    }
    bool done = p->text != NULL;
    if (!done) {
        run_plan_release(p);
    }
    draft_release(d);
    texts_release(&r->names);
    free(r->chain[0]);
    return done ? 0 : -1;
}

int runfile_read(struct run_plan *p, const char *path, const struct runfile_opts *o, struct err *e)
{
    struct reader r = {.o = o, .e = e};
    struct draft d = {0};
    r.chain[0] = realpath(path, NULL);
    int rc = read_file(&r, path, &d);
    return finish(&r, rc, &d, path, 1, p);
}

int runfile_parse(struct run_plan *p, const char *bytes, size_t n, const struct runfile_opts *o,
                  struct err *e)
{
    struct reader r = {.o = o, .e = e};
    struct draft d = {0};
    int rc = read_bytes(&r, bytes, n, o->name, o->dir, &d);
    return finish(&r, rc, &d, o->name, 1, p);
}

int runfile_build(struct run_plan *p, const char *name, const struct run_flag *flags,
                  size_t n_flags, const struct runfile_opts *o, struct err *e)
{
    struct reader r = {.o = o, .e = e};
    struct draft d = {0};
    struct place whole = {.file = name};
    int rc = draft_init(&d, e) || draft_name(&d, name, &whole, e) ? -1 : 0;
    for (size_t i = 0; i < n_flags && rc == 0; i++) {
        struct place at = {.file = flags[i].origin};
        rc = set_values(&r, &d, flags[i].key, flags[i].values, &at);
    }
    return finish(&r, rc, &d, name, 0, p);
}
