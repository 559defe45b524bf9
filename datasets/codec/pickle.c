/* A stack machine for the part of the pickle language (Python's Lib/pickletools.py describes every
 * opcode) that plain data needs. Values live in one array and hang together by indices; a value
 * has one parent at most, since a memoised container cannot be used twice here. */
#include "datasets/codec/pickle_machine.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "harness/base/err.h"
#include "harness/base/mem.h"

int machine_refuse(const struct pickle_machine *m, const char *why)
{
    char shown[2] = {isgraph(m->op) ? (char)m->op : '\0', '\0'};
    return err_set(m->e, ERR_FORMAT, "%s: offset %zu: opcode 0x%02x%s%s%s: %s", m->name, m->op_at,
                   m->op, shown[0] ? " '" : "", shown, shown[0] ? "'" : "", why);
}

/* The next n bytes, or NULL with the error set. */
static const uint8_t *take(struct pickle_machine *m, uint64_t n)
{
    if (n > m->n - m->at) {
        err_set(m->e, ERR_FORMAT, "%s: truncated: offset %zu wants %llu bytes, %zu are left",
                m->name, m->at, (unsigned long long)n, m->n - m->at);
        return NULL;
    }
    const uint8_t *b = m->bytes + m->at;
    m->at += (size_t)n;
    return b;
}

/* A little-endian number of `width` bytes, which must be there. */
static int take_u64(struct pickle_machine *m, size_t width, uint64_t *v)
{
    const uint8_t *b = take(m, width);
    if (!b) {
        return -1;
    }
    *v = 0;
    for (size_t i = 0; i < width; i++) {
        *v |= (uint64_t)b[i] << 8 * i;
    }
    return 0;
}

static int push_index(struct pickle_machine *m, uint32_t v)
{
    if (m->depth >= MAX_VALUES) {
        return machine_refuse(m, "too deep a stack");
    }
    void *stack = m->stack;
    int rc = mem_grow(&stack, &m->cap_stack, m->depth + 1, sizeof *m->stack, m->e);
    m->stack = stack;
    if (!rc) {
        m->stack[m->depth++] = v;
    }
    return rc;
}

static int push(struct pickle_machine *m, struct pickle_value v)
{
    struct pickle *p = m->p;
    if (p->n_values >= MAX_VALUES) {
        return machine_refuse(m, "too many values");
    }
    void *values = p->values;
    int rc = mem_grow(&values, &p->cap_values, p->n_values + 1, sizeof v, m->e);
    p->values = values;
    if (rc) {
        return -1;
    }
    p->values[p->n_values] = v;
    return push_index(m, (uint32_t)p->n_values++);
}

int machine_push_int(struct pickle_machine *m, enum pickle_kind kind, int64_t i)
{
    return push(m, (struct pickle_value){.kind = kind, .i = i});
}

/* The value on top, or NULL with the error set. */
struct pickle_value *machine_top(struct pickle_machine *m)
{
    if (!m->depth || !m->stack[m->depth - 1]) {
        machine_refuse(m, "nothing on the stack");
        return NULL;
    }
    return &m->p->values[m->stack[m->depth - 1]];
}

static void add_child(struct pickle *p, uint32_t parent, uint32_t child)
{
    struct pickle_value *v = &p->values[parent];
    p->values[child].next = 0;
    if (v->last) {
        p->values[v->last].next = child;
    } else {
        v->first = child;
    }
    v->last = child;
    v->n++;
}

/* Position behind the topmost mark; the mark is at one less. 0 with the error set: none. */
static size_t find_mark(struct pickle_machine *m)
{
    for (size_t i = m->depth; i; i--) {
        if (!m->stack[i - 1]) {
            return i;
        }
    }
    machine_refuse(m, "no mark");
    return 0;
}

/* Moves the items from position `from` of the stack into the container just below `below`. */
static int gather(struct pickle_machine *m, size_t from, size_t below, enum pickle_kind kind)
{
    uint32_t parent = below ? m->stack[below - 1] : 0;
    if (!parent || m->p->values[parent].kind != kind) {
        return machine_refuse(m, "no container for the items");
    }
    if (kind == PICKLE_DICT && (m->depth - from) % 2) {
        return machine_refuse(m, "a key without a value");
    }
    for (size_t i = from; i < m->depth; i++) {
        uint32_t child = m->stack[i];
        if (!child) {
            return machine_refuse(m, "a mark among the items");
        }
        bool key = kind == PICKLE_DICT && (i - from) % 2 == 0;
        if (key && m->p->values[child].kind != PICKLE_TEXT) {
            return machine_refuse(m, "a key that is no string");
        }
        add_child(m->p, parent, child);
    }
    m->depth = below;
    return 0;
}

/* Makes a tuple of the items from position `from`, which replaces what stands from `base` on. */
static int make_tuple(struct pickle_machine *m, size_t from, size_t base)
{
    if (push(m, (struct pickle_value){.kind = PICKLE_TUPLE})) {
        return -1;
    }
    uint32_t tuple = m->stack[--m->depth];
    for (size_t i = from; i < m->depth; i++) {
        if (!m->stack[i]) {
            return machine_refuse(m, "a mark among the items");
        }
        add_child(m->p, tuple, m->stack[i]);
    }
    m->depth = base;
    return push_index(m, tuple);
}

static int memo_put(struct pickle_machine *m, uint64_t index)
{
    const struct pickle_value *v = machine_top(m);
    if (!v) {
        return -1;
    }
    if (index >= MAX_VALUES) {
        return machine_refuse(m, "too large a memo");
    }
    size_t had = m->cap_memo;
    void *memo = m->memo;
    int rc = mem_grow(&memo, &m->cap_memo, (size_t)index + 1, sizeof *m->memo, m->e);
    m->memo = memo;
    if (rc) {
        return -1;
    }
    if (m->cap_memo > had) {
        memset(m->memo + had, 0, (m->cap_memo - had) * sizeof *m->memo);
    }
    m->memo[index] = m->stack[m->depth - 1];
    m->n_memo = index + 1 > m->n_memo ? (size_t)index + 1 : m->n_memo;
    return 0;
}

static int memo_get(struct pickle_machine *m, uint64_t index)
{
    if (index >= m->cap_memo || !m->memo[index]) {
        return machine_refuse(m, "an unset memo");
    }
    struct pickle_value v = m->p->values[m->memo[index]];
    if (v.kind == PICKLE_LIST || v.kind == PICKLE_TUPLE || v.kind == PICKLE_DICT) {
        return machine_refuse(m, "a container that is used twice");
    }
    v.next = 0;
    return push(m, v);
}

static int read_text(struct pickle_machine *m, size_t width)
{
    uint64_t n;
    const uint8_t *b;
    if (take_u64(m, width, &n) || !(b = take(m, n))) {
        return -1;
    }
    return push(m, (struct pickle_value){.kind = PICKLE_TEXT, .text = b, .n_text = (size_t)n});
}

/* A signed little-endian integer of 0 to 8 bytes. */
static int read_int(struct pickle_machine *m, size_t width)
{
    uint64_t v;
    if (width > 8) {
        return machine_refuse(m, "an integer beyond 64 bits");
    }
    if (take_u64(m, width, &v)) {
        return -1;
    }
    if (width && width < 8 && v >> (8 * width - 1)) {
        v |= UINT64_MAX << 8 * width;
    }
    return machine_push_int(m, PICKLE_INT, (int64_t)v);
}

/* Opcodes that push a value. 1: done; 0: not one of these. */
static int scalar(struct pickle_machine *m)
{
    uint64_t v;
    switch (m->op) {
    case 'N':
        return machine_push_int(m, PICKLE_NONE, 0) ? -1 : 1;
    case 0x88: /* NEWTRUE */
    case 0x89: /* NEWFALSE */
        return machine_push_int(m, PICKLE_BOOL, m->op == 0x88) ? -1 : 1;
    case 'K': /* BININT1 */
    case 'M': /* BININT2 */
        if (take_u64(m, m->op == 'K' ? 1 : 2, &v)) {
            return -1;
        }
        return machine_push_int(m, PICKLE_INT, (int64_t)v) ? -1 : 1;
    case 'J': /* BININT */
        return read_int(m, 4) ? -1 : 1;
    case 0x8a: /* LONG1 */
        return take_u64(m, 1, &v) || read_int(m, (size_t)v) ? -1 : 1;
    case 'U':  /* SHORT_BINSTRING */
    case 'C':  /* SHORT_BINBYTES */
    case 0x8c: /* SHORT_BINUNICODE */
        return read_text(m, 1) ? -1 : 1;
    case 'T': /* BINSTRING */
    case 'B': /* BINBYTES */
    case 'X': /* BINUNICODE */
        return read_text(m, 4) ? -1 : 1;
    case 0x8d: /* BINUNICODE8 */
    case 0x8e: /* BINBYTES8 */
        return read_text(m, 8) ? -1 : 1;
    case ')': /* EMPTY_TUPLE */
        return machine_push_int(m, PICKLE_TUPLE, 0) ? -1 : 1;
    case ']': /* EMPTY_LIST */
        return machine_push_int(m, PICKLE_LIST, 0) ? -1 : 1;
    case '}': /* EMPTY_DICT */
        return machine_push_int(m, PICKLE_DICT, 0) ? -1 : 1;
    case 'c':
        return machine_read_global(m) ? -1 : 1;
    default:
        return 0;
    }
}

/* Opcodes that work on the stack. 1: done; 0: not one of these. */
static int structure(struct pickle_machine *m)
{
    size_t k;
    switch (m->op) {
    case '(': /* MARK */
        return push_index(m, 0) ? -1 : 1;
    case 0x85: /* TUPLE1..3 */
    case 0x86:
    case 0x87:
        k = m->op - 0x84u;
        if (m->depth < k) {
            return machine_refuse(m, "nothing on the stack");
        }
        return make_tuple(m, m->depth - k, m->depth - k) ? -1 : 1;
    case 't': /* TUPLE */
        k = find_mark(m);
        return !k || make_tuple(m, k, k - 1) ? -1 : 1;
    case 'e': /* APPENDS */
    case 'u': /* SETITEMS */
        k = find_mark(m);
        return !k || gather(m, k, k - 1, m->op == 'e' ? PICKLE_LIST : PICKLE_DICT) ? -1 : 1;
    case 'a': /* APPEND */
    case 's': /* SETITEM */
        k = m->op == 'a' ? 1 : 2;
        if (m->depth <= k) {
            return machine_refuse(m, "nothing on the stack");
        }
        return gather(m, m->depth - k, m->depth - k, k == 1 ? PICKLE_LIST : PICKLE_DICT) ? -1 : 1;
    case 0x93: /* STACK_GLOBAL */
        return machine_stack_global(m) ? -1 : 1;
    case 'R':
        return machine_reduce(m) ? -1 : 1;
    case 'b':
        return machine_build(m) ? -1 : 1;
    default:
        return 0;
    }
}

/* Opcodes for the memo, and FRAME, which only announces a length. 1: done; 0: not these. */
static int memo(struct pickle_machine *m)
{
    uint64_t v;
    switch (m->op) {
    case 'q': /* BINPUT */
    case 'r': /* LONG_BINPUT */
        return take_u64(m, m->op == 'q' ? 1 : 4, &v) || memo_put(m, v) ? -1 : 1;
    case 0x94: /* MEMOIZE */
        return memo_put(m, m->n_memo) ? -1 : 1;
    case 'h': /* BINGET */
    case 'j': /* LONG_BINGET */
        return take_u64(m, m->op == 'h' ? 1 : 4, &v) || memo_get(m, v) ? -1 : 1;
    case 0x95: /* FRAME */
        return take_u64(m, 8, &v) ? -1 : 1;
    default:
        return 0;
    }
}

static int run(struct pickle_machine *m)
{
    const uint8_t *head = take(m, 2);
    if (!head) {
        return -1;
    }
    if (head[0] != 0x80 || head[1] < 2 || head[1] > 4) {
        return err_set(m->e, ERR_FORMAT, "%s: offset 0: not a pickle of protocol 2 to 4", m->name);
    }
    for (;;) {
        m->op_at = m->at;
        const uint8_t *op = take(m, 1);
        if (!op) {
            return -1;
        }
        m->op = *op;
        if (m->op == '.') {
            break;
        }
        int rc = scalar(m);
        rc = rc ? rc : structure(m);
        rc = rc ? rc : memo(m);
        if (rc <= 0) {
            return rc ? -1 : machine_refuse(m, "refused");
        }
    }
    if (m->depth != 1 || !m->stack[0] || m->at != m->n) {
        return machine_refuse(m, m->at != m->n ? "bytes behind the end" : "not one value");
    }
    m->p->root = m->stack[0];
    return 0;
}

int pickle_parse(struct pickle *p, const uint8_t *bytes, size_t n, const char *name, struct err *e)
{
    memset(p, 0, sizeof *p);
    struct pickle_machine m = {.p = p, .bytes = bytes, .n = n, .name = name, .e = e};
    void *values = NULL;
    int rc = mem_grow(&values, &p->cap_values, 64, sizeof *p->values, e);
    p->values = values;
    if (!rc) {
        p->values[0] = (struct pickle_value){0};
        p->n_values = 1;
        rc = run(&m);
    }
    free(m.stack);
    free(m.memo);
    return rc;
}

void pickle_release(struct pickle *p)
{
    free(p->values);
    memset(p, 0, sizeof *p);
}

const struct pickle_value *pickle_root(const struct pickle *p)
{
    return &p->values[p->root];
}

const struct pickle_value *pickle_first(const struct pickle *p, const struct pickle_value *v)
{
    return v->first ? &p->values[v->first] : NULL;
}

const struct pickle_value *pickle_next(const struct pickle *p, const struct pickle_value *v)
{
    return v->next ? &p->values[v->next] : NULL;
}

bool pickle_is_text(const struct pickle_value *v, const char *text)
{
    size_t n = strlen(text);
    return v && v->kind == PICKLE_TEXT && v->n_text == n && !memcmp(v->text, text, n);
}

const struct pickle_value *pickle_get(const struct pickle *p, const struct pickle_value *v,
                                      const char *key)
{
    const struct pickle_value *found = NULL;
    if (v->kind != PICKLE_DICT) {
        return NULL;
    }
    for (const struct pickle_value *k = pickle_first(p, v); k;) {
        const struct pickle_value *value = pickle_next(p, k);
        found = pickle_is_text(k, key) ? value : found;
        k = pickle_next(p, value);
    }
    return found;
}
