/* The one kind of object a pickle may hold here, a NumPy array of unsigned bytes: recognised by
 * the globals, the call and the state with which NumPy's array_reduce writes it, and taken apart
 * without calling anything. */
#include "datasets/codec/pickle_machine.h"

#include <stdbool.h>
#include <string.h>
#include "harness/base/err.h"

/* The k-th child of v if it is a tuple of n, else NULL. */
static const struct pickle_value *child_of(const struct pickle_machine *m,
                                           const struct pickle_value *v, uint32_t n, uint32_t k)
{
    if (v->kind != PICKLE_TUPLE || v->n != n) {
        return NULL;
    }
    uint32_t c = v->first;
    for (; k; k--) {
        c = m->p->values[c].next;
    }
    return &m->p->values[c];
}

static bool is_int(const struct pickle_value *v, int64_t i)
{
    return v && (v->kind == PICKLE_INT || v->kind == PICKLE_BOOL) && v->i == i;
}

static bool is_other(const struct pickle_value *v, enum other what)
{
    return v && v->kind == PICKLE_OTHER && v->i == (int64_t)what;
}

static int push_global(struct pickle_machine *m, const char *module, size_t n_module,
                       const char *name, size_t n_name)
{
    static const struct {
        const char *module, *name;
        enum other what;
    } known[] = {
        {"numpy.core.multiarray", "_reconstruct", RECONSTRUCT},
        {"numpy._core.multiarray", "_reconstruct", RECONSTRUCT}, /* NumPy 2 */
        {"numpy", "ndarray", NDARRAY},
        {"numpy", "dtype", DTYPE},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strlen(known[i].module) == n_module && !memcmp(known[i].module, module, n_module) &&
            strlen(known[i].name) == n_name && !memcmp(known[i].name, name, n_name)) {
            return machine_push_int(m, PICKLE_OTHER, known[i].what);
        }
    }
    int show_module = n_module < 60 ? (int)n_module : 60;
    int show_name = n_name < 60 ? (int)n_name : 60;
    return err_set(m->e, ERR_FORMAT, "%s: offset %zu: refused global %.*s.%.*s", m->name, m->op_at,
                   show_module, module, show_name, name);
}

/* GLOBAL: module and name, each ended by a newline. */
int machine_read_global(struct pickle_machine *m)
{
    const char *part[2];
    size_t len[2];
    for (int i = 0; i < 2; i++) {
        const uint8_t *end = memchr(m->bytes + m->at, '\n', m->n - m->at);
        if (!end) {
            return machine_refuse(m, "truncated: no end of line");
        }
        part[i] = (const char *)m->bytes + m->at;
        len[i] = (size_t)(end - (m->bytes + m->at));
        m->at += len[i] + 1;
    }
    return push_global(m, part[0], len[0], part[1], len[1]);
}

int machine_stack_global(struct pickle_machine *m)
{
    const struct pickle_value *name = machine_top(m);
    if (!name) {
        return -1;
    }
    m->depth--;
    const struct pickle_value *module = machine_top(m);
    if (!module) {
        return -1;
    }
    m->depth--;
    if (name->kind != PICKLE_TEXT || module->kind != PICKLE_TEXT) {
        return machine_refuse(m, "a global whose name is no string");
    }
    return push_global(m, (const char *)module->text, module->n_text, (const char *)name->text,
                       name->n_text);
}

/* Calls nothing: recognises the beginning of an array and of the type of its items. */
int machine_reduce(struct pickle_machine *m)
{
    const struct pickle_value *args = machine_top(m);
    if (!args) {
        return -1;
    }
    m->depth--;
    const struct pickle_value *what = machine_top(m);
    if (!what) {
        return -1;
    }
    m->depth--;
    const struct pickle_value *a0 = child_of(m, args, 3, 0);
    const struct pickle_value *a1 = child_of(m, args, 3, 1);
    const struct pickle_value *a2 = child_of(m, args, 3, 2);
    if (is_other(what, RECONSTRUCT) && is_other(a0, NDARRAY) && is_int(child_of(m, a1, 1, 0), 0) &&
        pickle_is_text(a2, "b")) {
        return machine_push_int(m, PICKLE_OTHER, BARE_ARRAY);
    }
    if (is_other(what, DTYPE) && pickle_is_text(a0, "u1") && is_int(a1, 0) && is_int(a2, 1)) {
        return machine_push_int(m, PICKLE_OTHER, UINT8);
    }
    return machine_refuse(m, is_other(what, DTYPE) ? "the array's items are not unsigned bytes"
                                                   : "a call that makes no array of bytes");
}

/* The state of an array: (1, (rows, cols), uint8, row order, bytes). */
static int build_array(struct pickle_machine *m, struct pickle_value *array,
                       const struct pickle_value *state)
{
    const struct pickle_value *version = child_of(m, state, 5, 0);
    const struct pickle_value *shape = child_of(m, state, 5, 1);
    const struct pickle_value *type = child_of(m, state, 5, 2);
    const struct pickle_value *fortran = child_of(m, state, 5, 3);
    const struct pickle_value *data = child_of(m, state, 5, 4);
    const struct pickle_value *rows = shape ? child_of(m, shape, 2, 0) : NULL;
    const struct pickle_value *cols = shape ? child_of(m, shape, 2, 1) : NULL;
    if (!is_int(version, 1) || !is_other(type, UINT8) || !is_int(fortran, 0) ||
        data->kind != PICKLE_TEXT || !rows || rows->kind != PICKLE_INT ||
        cols->kind != PICKLE_INT) {
        return machine_refuse(m, "not the state of an array of bytes with two dimensions");
    }
    if (rows->i < 0 || cols->i < 0 || rows->i > INT32_MAX || cols->i > INT32_MAX ||
        (uint64_t)rows->i * (uint64_t)cols->i != data->n_text) {
        return err_set(m->e, ERR_FORMAT, "%s: offset %zu: an array of %lld x %lld in %zu bytes",
                       m->name, m->op_at, (long long)rows->i, (long long)cols->i, data->n_text);
    }
    *array = (struct pickle_value){.kind = PICKLE_ARRAY,
                                   .n = (uint32_t)cols->i,
                                   .i = rows->i,
                                   .text = data->text,
                                   .n_text = data->n_text};
    return 0;
}

int machine_build(struct pickle_machine *m)
{
    const struct pickle_value *state = machine_top(m);
    if (!state) {
        return -1;
    }
    m->depth--;
    struct pickle_value *what = machine_top(m);
    if (!what) {
        return -1;
    }
    if (is_other(what, BARE_ARRAY) && state->kind == PICKLE_TUPLE) {
        return build_array(m, what, state);
    }
    /* (3, "|", None, None, None, -1, -1, 0): byte order "not applicable", no fields */
    if (is_other(what, UINT8) && is_int(child_of(m, state, 8, 0), 3) &&
        pickle_is_text(child_of(m, state, 8, 1), "|")) {
        return 0;
    }
    return machine_refuse(m, "a state for something else than an array of bytes");
}
