/* Any bytes as YAML: an error with a text, or a tree within the limits in which each key of a
 * map finds its own child. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(const struct yaml_node *node, size_t depth)
{
    assert(depth <= YAML_MAX_DEPTH && node->line && node->column);
    assert((node->text != NULL) == (node->kind == YAML_SCALAR));
    size_t count = 0;
    for (const struct yaml_node *c = node->child; c; c = c->next, count++) {
        assert((c->key != NULL) == (node->kind == YAML_MAP));
        if (c->key && count < 100) { /* the search is linear */
            assert(yaml_get(node, c->key) == c);
        }
        check(c, depth + 1);
    }
    assert(count == node->n_children);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct err e = {0};
    struct yaml_node *root = yaml_parse((const char *)data, n, "x", &e);
    if (!root) {
        assert(e.code != ERR_NONE && e.text[0]);
        return 0;
    }
    assert(!root->key && !root->next);
    check(root, 1);
    yaml_release(root);
    return 0;
}
