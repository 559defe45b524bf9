/* YAML to a small tree with line and column: sole includer of libyaml. Aliases, anchors, tags,
 * duplicate keys, keys that are not scalars and several documents are refused; every scalar
 * stays text ("" where nothing stands). */
#ifndef BITBENCH_BASE_YAML_H
#define BITBENCH_BASE_YAML_H

#include <stddef.h>

struct err;

enum yaml_kind { YAML_SCALAR,
                 YAML_LIST,
                 YAML_MAP };
enum { YAML_MAX_DEPTH = 32,
       YAML_MAX_BYTES = 1 << 20 };

struct yaml_node {
    enum yaml_kind kind;
    char *key;                      /* inside a map; else NULL */
    char *text;                     /* scalar; else NULL */
    struct yaml_node *child, *next; /* first child; next sibling */
    size_t n_children;
    size_t line, column; /* from 1; of the key inside a map */
};

/* The tree of one UTF-8 document, released by yaml_release on its root. Nested at most
 * YAML_MAX_DEPTH deep (a lone scalar has depth 1), at most YAML_MAX_BYTES long. NULL with e set:
 * "name:line:column: text", ERR_FORMAT or ERR_LIMIT. */
struct yaml_node *yaml_parse(const char *bytes, size_t n, const char *name, struct err *e);
void yaml_release(struct yaml_node *root); /* accepts NULL */
/* The child of a map with that key, or NULL; also NULL when map is NULL or no map. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

#endif
