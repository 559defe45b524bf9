/* YAML to a small tree with line and column: sole includer of libyaml. Aliases, anchors, tags,
 * duplicate keys and several documents are refused; every scalar stays text. */
#ifndef BITBENCH_BASE_YAML_H
#define BITBENCH_BASE_YAML_H

#include <stddef.h>

struct err;

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    char *key;  /* inside a map; else NULL */
    char *text; /* scalar; else NULL */
    struct yaml_node *child, *next; /* first child; next sibling */
    size_t n_children;
    size_t line, column; /* from 1; of the key inside a map */
};

/* The whole tree is released by yaml_release on the root. Depth at most 32, at most 1 MiB. */
struct yaml_node *yaml_parse(const char *bytes, size_t n, const char *name, struct err *e);
void yaml_release(struct yaml_node *root);
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key); /* or NULL */

#endif
