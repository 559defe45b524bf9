/* A tree from libyaml's events. The recursion is as deep as the document is nested, which
 * YAML_MAX_DEPTH bounds. */
#include "harness/base/yaml.h"

#include "harness/base/err.h"
#include "harness/base/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    const char *bytes, *name;
    size_t n;
    struct err *e;
};

static int fail_at(const struct reader *r, const yaml_mark_t *at, enum err_code code,
                   const char *text)
{
    return err_set(r->e, code, "%s:%zu:%zu: %s", r->name, at->line + 1, at->column + 1, text);
}

/* libyaml gives encoding errors a byte offset only. */
static yaml_mark_t mark_of_offset(const struct reader *r, size_t offset)
{
    yaml_mark_t m = {.index = offset};
    for (size_t i = 0; i < offset && i < r->n; i++) {
        m.column++;
        if (r->bytes[i] == '\n') {
            m.line++;
            m.column = 0;
        }
    }
    return m;
}

static int fail_in_parser(const struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_MEMORY_ERROR) {
        return err_set(r->e, ERR_LIMIT, "%s: out of memory", r->name);
    }
    yaml_mark_t at = p->problem_mark;
    if (p->error == YAML_READER_ERROR) {
        at = mark_of_offset(r, p->problem_offset);
    }
    return err_set(r->e, ERR_FORMAT, "%s:%zu:%zu: %s%s%s%s", r->name, at.line + 1, at.column + 1,
                   p->problem ? p->problem : "not YAML", p->context ? " (" : "",
                   p->context ? p->context : "", p->context ? ")" : "");
}

static int next_event(struct reader *r, yaml_event_t *event)
{
    return yaml_parser_parse(&r->parser, event) ? 0 : fail_in_parser(r);
}

/* The text of a scalar event, which may not hold a NUL. */
static char *copy_text(struct reader *r, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t n = event->data.scalar.length;
    if (memchr(text, '\0', n)) {
        fail_at(r, &event->start_mark, ERR_FORMAT, "a text with a NUL character");
        return NULL;
    }
    return mem_strndup(text, n, r->e);
}

/* Refuses what this subset leaves out. */
static int check_event(struct reader *r, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return fail_at(r, &event->start_mark, ERR_FORMAT, "aliases (*name) are not supported");
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    default:
        break;
    }
    if (anchor) {
        return fail_at(r, &event->start_mark, ERR_FORMAT, "anchors (&name) are not supported");
    }
    if (tag) {
        return fail_at(r, &event->start_mark, ERR_FORMAT, "tags (!name) are not supported");
    }
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const struct yaml_node *x = *(struct yaml_node *const *)a, *y = *(struct yaml_node *const *)b;
    int order = strcmp(x->key, y->key);
    if (order == 0) {
        order = x->line != y->line ? (x->line > y->line ? 1 : -1)
                                   : (x->column > y->column) - (x->column < y->column);
    }
    return order;
}

/* Sorted, so that a long map does not cost the square of its length. */
static int check_keys(struct reader *r, const struct yaml_node *map)
{
    struct yaml_node **sorted = mem_take(map->n_children, sizeof *sorted, r->e);
    if (!sorted) {
        return -1;
    }
    size_t n = 0;
    for (struct yaml_node *c = map->child; c; c = c->next) {
        sorted[n++] = c;
    }
    qsort(sorted, n, sizeof *sorted, by_key);
    int rc = 0;
    for (size_t i = 1; i < n && rc == 0; i++) {
        if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0) {
            rc = err_set(r->e, ERR_FORMAT, "%s:%zu:%zu: key '%s' stands here and in line %zu",
                         r->name, sorted[i]->line, sorted[i]->column, sorted[i]->key,
                         sorted[i - 1]->line);
        }
    }
    free(sorted);
    return rc;
}

static struct yaml_node *read_node(struct reader *r, yaml_event_t *event, size_t depth);

/* Reads a key (the event given) and its value. */
static struct yaml_node *read_pair(struct reader *r, const yaml_event_t *key_event, size_t depth)
{
    if (key_event->type != YAML_SCALAR_EVENT) {
        fail_at(r, &key_event->start_mark, ERR_FORMAT, "a key must be a text, no list or map");
        return NULL;
    }
    yaml_event_t event;
    char *key = check_event(r, key_event) ? NULL : copy_text(r, key_event);
    if (!key || next_event(r, &event)) {
        free(key);
        return NULL;
    }
    struct yaml_node *node = read_node(r, &event, depth);
    yaml_event_delete(&event);
    if (!node) {
        free(key);
        return NULL;
    }
    node->key = key;
    node->line = key_event->start_mark.line + 1;
    node->column = key_event->start_mark.column + 1;
    return node;
}

static int read_children(struct reader *r, struct yaml_node *parent, size_t depth)
{
    yaml_event_type_t end =
        parent->kind == YAML_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    struct yaml_node **tail = &parent->child;
    for (;;) {
        yaml_event_t event;
        if (next_event(r, &event)) {
            return -1;
        }
        bool done = event.type == end;
        if (!done) {
            *tail = parent->kind == YAML_MAP ? read_pair(r, &event, depth + 1)
                                             : read_node(r, &event, depth + 1);
        }
        yaml_event_delete(&event);
        if (done) {
            return parent->kind == YAML_MAP ? check_keys(r, parent) : 0;
        }
        if (!*tail) {
            return -1;
        }
        tail = &(*tail)->next;
        parent->n_children++;
    }
}

/* The node that begins with the event; the event stays the caller's. NULL with r->e set. */
static struct yaml_node *read_node(struct reader *r, yaml_event_t *event, size_t depth)
{
    if (check_event(r, event)) {
        return NULL;
    }
    if (depth > YAML_MAX_DEPTH) {
        fail_at(r, &event->start_mark, ERR_LIMIT, "nested too deeply");
        return NULL;
    }
    struct yaml_node *node = mem_take(1, sizeof *node, r->e);
    if (!node) {
        return NULL;
    }
    node->line = event->start_mark.line + 1;
    node->column = event->start_mark.column + 1;
    bool ok;
    if (event->type == YAML_SCALAR_EVENT) {
        node->kind = YAML_SCALAR;
        node->text = copy_text(r, event);
        ok = node->text != NULL;
    } else {
        node->kind = event->type == YAML_MAPPING_START_EVENT ? YAML_MAP : YAML_LIST;
        ok = read_children(r, node, depth) == 0;
    }
    if (!ok) {
        yaml_release(node);
        return NULL;
    }
    return node;
}

/* Takes the next event when it is of that type. */
static int expect(struct reader *r, yaml_event_type_t type, const char *otherwise)
{
    yaml_event_t event;
    if (next_event(r, &event)) {
        return -1;
    }
    int rc = event.type == type ? 0 : fail_at(r, &event.start_mark, ERR_FORMAT, otherwise);
    yaml_event_delete(&event);
    return rc;
}

static struct yaml_node *read_document(struct reader *r)
{
    yaml_event_t event;
    if (expect(r, YAML_STREAM_START_EVENT, "not YAML") ||
        expect(r, YAML_DOCUMENT_START_EVENT, "nothing in it") || next_event(r, &event)) {
        return NULL;
    }
    struct yaml_node *root = read_node(r, &event, 1);
    yaml_event_delete(&event);
    if (root && (expect(r, YAML_DOCUMENT_END_EVENT, "not YAML") ||
                 expect(r, YAML_STREAM_END_EVENT, "a second document begins here"))) {
        yaml_release(root);
        return NULL;
    }
    return root;
}

struct yaml_node *yaml_parse(const char *bytes, size_t n, const char *name, struct err *e)
{
    if (n > YAML_MAX_BYTES) {
        err_set(e, ERR_LIMIT, "%s: %zu bytes, the limit is %d", name, n, YAML_MAX_BYTES);
        return NULL;
    }
    if (n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
        bytes += 3;
        n -= 3;
    }
    struct reader r = {.bytes = bytes, .name = name, .n = n, .e = e};
    if (!yaml_parser_initialize(&r.parser)) {
        err_set(e, ERR_LIMIT, "%s: out of memory", name);
        return NULL;
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, n);
    struct yaml_node *root = read_document(&r);
    yaml_parser_delete(&r.parser);
    return root;
}

void yaml_release(struct yaml_node *node)
{
    while (node) {
        struct yaml_node *next = node->next;
        yaml_release(node->child);
        free(node->key);
        free(node->text);
        free(node);
        node = next;
    }
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    if (!map || map->kind != YAML_MAP) {
        return NULL;
    }
    for (const struct yaml_node *c = map->child; c; c = c->next) {
        if (strcmp(c->key, key) == 0) {
            return c;
        }
    }
    return NULL;
}
